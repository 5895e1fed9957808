"""What hostile people bring: runs whose every free text is hostile, what is no file; and a look for what came through."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import socket
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from mesa_core.store.shipped import shipped_detections, shipped_runs

EVIL = "evil.example"
PAYLOADS = (
    f"![x](http://{EVIL}/a.png)", f"[stop](https://{EVIL}/b)", f"<img src=http://{EVIL}/c.png onerror=alert(1)>",
    f"<a href='http://{EVIL}'>stop</a>", f"</td></tr></table><script src=//{EVIL}></script>", f"https://{EVIL}/d",
    f"www.{EVIL}/e", f"HTTP://{EVIL}", f"<http://{EVIL}/f>", f"\n\n# ![y](//{EVIL}/g.png)\n", f"[x]: http://{EVIL}/h\n\n[x]", f"you@{EVIL}",
    f"`![z](http://{EVIL}/i)", f"\\![w](http://{EVIL}/j)", f"\\[w](http://{EVIL}/j)", f"&lt;img src=http://{EVIL}/k&gt;", f":red[![v](//{EVIL}/l)]",
    f"$\\href{{http://{EVIL}}}{{x}}$", f"|a|b|\n|-|-|\n|![u](//{EVIL}/m)|", f"\u202e![t](//{EVIL}/n)", f"\ud800![s](//{EVIL}/o)",
    f"\x00\x1b[31m![r](//{EVIL}/p)", f"**![q](//{EVIL}/q)**", f"![]({EVIL}", f"!&#91;p](//{EVIL}/r)", f"'\"><img src=//{EVIL}/s>",
    f"xmpp:a@{EVIL}", f"mailto:a@{EVIL}", f"![o][1]\n\n[1]: //{EVIL}/t", "x" * 9000 + f"![n](//{EVIL}/u)",
)  # fmt: skip
# What may not stand in a Markdown text: an unescaped link or picture, an address that Streamlit finds by itself, a tag.
SEEN_MARKDOWN = re.compile(
    rf"(?<!\\)\](?=[(\[:])[^\n]{{0,40}}{EVIL}|https?://[^\s]*{EVIL}|www\.{EVIL}|@{EVIL}|(?<!\\)<(?:img|a|script|http|/td)[ >:]",
    re.IGNORECASE,
)


def alive(words: str, html: bool = False) -> str:
    """What of a text would be a link, a picture or a script: a piece of it, '' where there is none."""
    if not html:
        found = SEEN_MARKDOWN.search(words)
        return words[max(0, found.start() - 60) : found.end() + 60] if found else ""
    seen = Tags()
    seen.feed(words)
    return " ".join(seen.found)


class Tags(HTMLParser):
    """Keeps the tags that lead elsewhere or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" or any(name.startswith("on") for name, _ in attrs):
            self.found.append(f"<{tag}>")
        self.found += [f"{name}={value}" for name, value in attrs if name in ("src", "href") and EVIL in str(value)]


def spoil(value: Any, rng: random.Random, paths: tuple[str, ...], here: str = "") -> Any:
    """A JSON value with each text below one of `paths` replaced."""
    if isinstance(value, dict):
        return {k: spoil(v, rng, paths, f"{here}/{k}") for k, v in value.items()}
    if isinstance(value, list):
        return [spoil(v, rng, paths, f"{here}/{i}") for i, v in enumerate(value)]
    if isinstance(value, str) and re.fullmatch("|".join(paths), here):
        return f"{value[:12]} {rng.choice(PAYLOADS)}"
    return value


RESULT = (r"/hardware/.*", r"/versions/.*", r"/data/classes/.*", r"/detection/classes/\d+/name", r"/reused/.*")
EVENT = (r"/label", r"/text", r"/message", r"/name")


def copied(shipped: Path, folder: Path, rng: random.Random) -> Path:
    """A copy of a shipped run under `folder` with hostile texts."""
    shutil.copytree(shipped, folder)
    result = folder / "result.json"
    result.write_text(json.dumps(spoil(json.loads(result.read_text()), rng, RESULT)))
    events, lines = folder / "events.jsonl", []
    for line in events.read_text().splitlines() if events.is_file() else ():
        lines.append(json.dumps(spoil(json.loads(line), rng, EVENT)))
    events.write_text("\n".join(lines) + "\n")
    return folder


def failed(shipped: Path, folder: Path, rng: random.Random) -> Path:
    """The same, but a run that has failed, with a message."""
    copied(shipped, folder, rng)
    (folder / "result.json").unlink()
    lines = (folder / "events.jsonl").read_text().splitlines()[:400]
    number = len(lines)
    for kind, name, text in (
        ("Note", "text", "The attack did not take"),
        ("StageBegun", "label", "x"),
        ("Failed", "message", "It broke"),
    ):
        told: dict[str, Any] = {"n": number, "t": 1e9, "type": kind, name: f"{text} {rng.choice(PAYLOADS)}"}
        if kind == "StageBegun":
            told |= {"stage": "mesa", "index": 0, "count": 3}
        lines.append(json.dumps(told))
        number += 1
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def store(home: Path, rng: random.Random) -> list[tuple[str, str]]:
    """Fill a store with hostile runs; returns which page to open on which of them."""
    runs = home / "runs"
    runs.mkdir(parents=True)
    copied(shipped_runs() / "signs-ring", runs / "hostile_a_run", rng)
    failed(shipped_runs() / "signs-ring", runs / "hostile_b_run", rng)
    copied(shipped_detections() / "ring", runs / "hostile_c_run", rng)
    config = runs / "hostile_b_run" / "config.json"
    told = json.loads(config.read_text())
    told[rng.choice(("data", "victim", "kind"))] = rng.choice(PAYLOADS)
    config.write_text(json.dumps(told))
    pages = [
        ("lab", "hostile_a_run"),
        ("lab", "hostile_b_run"),
        ("landscape", "hostile_a_run"),
        ("landscape", "hostile_b_run"),
    ]
    return [*pages, ("compare", "hostile_a_run"), ("detect", "hostile_c_run"), ("detect", "hostile_b_run")]


def came_through(at: Any) -> list[str]:
    """Texts of a drawn page (an AppTest) in which something hostile is alive."""
    found = []
    for node in at.main:
        for one in _all(node):
            kind, words = getattr(one, "type", ""), []
            proto = getattr(one, "proto", None)
            for name in ("body", "label", "help", "text"):
                words.append(str(getattr(proto, name, "") or ""))
            options = [o.content for o in getattr(proto, "options", []) if hasattr(o, "content")]
            found += [f"{kind}: {seen}" for w in (*words, *options) if (seen := alive(w, kind == "html"))]
    return found


def _all(node: Any) -> list[Any]:
    below = getattr(node, "children", None)
    return [node] if below is None else [one for child in below.values() for one in [child, *_all(child)]]


def no_file(path, kind):
    """Put a pipe, a link to a device, a folder, a socket, or a sparse file of a terabyte at `path`."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with contextlib.chdir(path.parent):  # the name of a socket must be short
            socket.socket(socket.AF_UNIX).bind(path.name)
    else:
        with open(path, "wb") as file:
            file.truncate(1 << 40)
