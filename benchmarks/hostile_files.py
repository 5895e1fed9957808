"""Damaged and hostile network files through the page and through the command: python benchmarks/hostile_files.py --files 500

The files are drawn by the writers of tests/attacks (weights and ONNX: pickles of random steps, names that could run
code, tensors that ask for more than there is, headers, zips, cut and flipped files) and are of every ending that the page takes.
By turns they are dropped into the page in a real browser and given to `mesa-lab scan`, some at a time. Counted: files
that were told in a sentence or read as networks; exceptions on the page; code that ran (a file that it would leave);
files left in the store of what was refused; the most resident memory of the server and of each process that it starts.
Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.attacks import networks, weights  # noqa: E402
from tests.serving import CHROMIUM, serving  # noqa: E402

AT_ONCE = 20  # files a command
PATIENCE = 120_000  # ms for the page to say something
LARGEST = 20_000_000  # bytes; larger ones are left out, so that the time goes into many


class Kept(Exception):
    """A file is written; the attack needs not go on."""


def files(folder: Path, count: int, seed: int) -> Iterator[tuple[str, Path]]:
    """The kind and the place of as many files."""
    rng, number = random.Random(seed), 0

    def keep(path: Path) -> None:
        raise Kept(path)

    weights.read = networks.read = keep
    kinds = [weights.attacks(rng), networks.attacks(rng)]
    while number < count:
        attack, work = next(rng.choice(kinds)), Path(tempfile.mkdtemp(dir=folder))
        try:
            attack.run(work)
        except Kept as found:
            path: Path = found.args[0]
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
                number += 1
                yield attack.name, path.rename(work / f"{number}{path.suffix or '.pt'}")
        except Exception:  # an attack that writes no file that can be dropped
            continue


class Memory(threading.Thread):
    """The most resident memory of each process below this one, by what it is."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most: dict[str, int] = {}
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            for pid, words in below(os.getpid()):
                what = "server" if "streamlit" in words else "look" if "brought.look" in words else "scan" if "mesa_core" in words else ""  # fmt: skip
                if what:
                    self.most[what] = max(self.most.get(what, 0), resident(pid))


def below(root: int) -> Iterator[tuple[int, str]]:
    """The processes that descend from `root`, with their command lines."""
    parents, words = {}, {}
    for entry in Path("/proc").iterdir():
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            words[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, ValueError):
            continue
    for pid in parents:
        up = pid
        while up in parents and up != root:
            up = parents[up]
        if up == root and pid != root:
            yield pid, words[pid]


def resident(pid: int) -> int:
    """Bytes of a process in memory; 0 where it has gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def through_page(given: list[tuple[str, Path]], home: Path) -> dict[str, Any]:
    """Drop each file into the page; what it says, and what is left of them."""
    from playwright.sync_api import sync_playwright

    said: Counter[str] = Counter()
    odd: list[str] = []
    with serving(home) as (url, _), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page()
        page.goto(f"{url}/detect", wait_until="domcontentloaded")
        zone, told = page.locator(".st-key-bring input[type=file]"), page.locator(".st-key-bring")
        zone.wait_for(state="attached", timeout=PATIENCE)
        for name, path in given:
            own = home.parent / f"{path.stem}-{random.Random(path.name).randrange(10**6)}{path.suffix}"
            shutil.copyfile(path, own)
            zone.set_input_files(str(own))
            answer = told.get_by_test_id("stAlert").or_(told.get_by_role("button", name="Scan it")).or_(told.get_by_text("no images here have as many"))  # fmt: skip
            until = time.monotonic() + PATIENCE / 1000
            words = ""
            while time.monotonic() < until:
                page.wait_for_timeout(150)
                if page.get_by_test_id("stException").count():
                    odd.append(f"{name} ({own.name}): {page.get_by_test_id('stException').first.inner_text()[:200]}")
                    break
                if told.get_by_text("Reading the file").count() or page.get_by_test_id("stStatusWidget").count():
                    continue
                if answer.count():
                    words = answer.first.inner_text()
                    break
            own.unlink()
            if words.startswith("Scan it") or "no images here" in words:
                said["read as a network"] += 1
                for button in page.get_by_role("button", name="Delete").all():
                    button.click()
                    page.wait_for_timeout(500)
            elif words:
                said["told in a sentence"] += 1
                if len(words) > 400 or "Traceback" in words:
                    odd.append(f"{name}: {words[:400]}")
            else:
                odd.append(f"{name} ({path.name}): no answer")
            page.goto(f"{url}/detect", wait_until="domcontentloaded")
            zone.wait_for(state="attached", timeout=PATIENCE)
        browser.close()
    left = [str(p.relative_to(home)) for p in (home / "brought").rglob("*") if p.is_file()]
    return {"files": len(given), **said, "odd": odd, "left": left}


def through_command(given: list[tuple[str, Path]], home: Path) -> dict[str, Any]:
    """Scan the files, some at a time, with the smallest budgets."""
    said: Counter[str] = Counter()
    odd: list[str] = []
    least = ["--data", "signs", "--size", "3", "--search-places", "anywhere", "--measure", "tiny", "--detect-steps", "2", "--mesa-steps", "2", "--repair-steps", "2", "--repair-epochs", "0.01"]  # fmt: skip
    for first in range(0, len(given), AT_ONCE):
        some = given[first : first + AT_ONCE]
        done = subprocess.run(
            [sys.executable, "-m", "mesa_core", "scan", *(str(p) for _, p in some), *least, "--json", "--threads", "1"],
            cwd=home, env={**os.environ, "MESA_LAB_HOME": str(home), "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        )  # fmt: skip
        if "Traceback" in done.stderr or done.returncode not in (0, 1, 3):
            odd.append(f"status {done.returncode}: {done.stderr[-400:]}")
            continue
        for row in json.loads(done.stdout)["scanned"]:
            if row["verdict"] == "not scanned" and (not row["why"] or "\n" in row["why"]):
                odd.append(f"{row['file']}: {row['why']!r}")
            said[row["verdict"]] += 1
    return {"files": len(given), **said, "odd": odd}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    memory = Memory()
    memory.start()
    with tempfile.TemporaryDirectory() as folder:
        place, home = Path(folder) / "files", Path(folder) / "home"
        for one in (place, home):
            one.mkdir()
        os.chdir(folder)  # where code that runs would leave its mark
        given = list(files(place, asked.files, asked.seed))
        kinds = Counter(name for name, _ in given)
        found = {
            "page": through_page(given[::2], home),
            "command": through_command(given[1::2], home),
            "code ran": [str(p) for p in Path(folder).rglob("ran")],
            "kinds": dict(kinds.most_common()),
        }
    memory.over.set()
    found["most memory, MB"] = {what: round(most / 1e6) for what, most in memory.most.items()}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
