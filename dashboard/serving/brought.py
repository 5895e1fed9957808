"""Networks that visitors bring: kept for a day, each for the browser that brought it, and forgotten on one click.

A file lies under `brought/VISITOR/DIGEST/` of the store with a card that names it and the scans of it. Nothing here
looks into the file. Its scans are runs whose names nobody can guess and no list shows to others.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dashboard.serving import queue
from mesa_core.disk.errors import naming
from mesa_core.disk.files import read_json, write_atomically, write_json
from mesa_core.disk.leftovers import new_folder, sweep_up
from mesa_core.disk.plain import plain
from mesa_core.store import Run, StoreError

ENDINGS = ("safetensors", "pt", "pth", "ckpt", "onnx")
MOST_BYTES = 200 * 10**6  # of one file
MOST_KEPT = 5  # files of one visitor
MOST_ROOM = 4 * 10**9  # bytes of all visitors' files together
DAY = 24 * 3600.0  # seconds that a file is kept
PREFIX = "brought-"  # of the names of their scans
WORD = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Brought:
    """One file: what its owner called it, where it lies, since when, and the names of its scans."""

    digest: str  # the first 16 digits of its SHA-256
    name: str
    size: int  # bytes
    since: float
    path: Path
    scans: tuple[str, ...] = ()

    def runs(self) -> list[Run]:
        """Its scans that are there, the newest first."""
        found = []
        for name in reversed(self.scans):
            with contextlib.suppress(StoreError):
                found.append(queue.store().open(name))
        return found


def keep(visitor: str, name: str, data: bytes) -> Brought:
    """Keep a file of a visitor, or find it kept already. StoreError where it is none that could be, or there is no room."""
    ending = Path(name).suffix.lower().lstrip(".")
    if ending not in ENDINGS:
        raise StoreError(f"A network is a file that ends in {', '.join('.' + e for e in ENDINGS)}.")
    if not 0 < len(data) <= MOST_BYTES:
        raise StoreError(f"The file is empty or larger than {MOST_BYTES // 10**6} MB.")
    forget_old()
    digest, own = hashlib.sha256(data).hexdigest()[:16], kept(visitor)
    for one in own:
        if one.digest == digest:
            return one
    if len(own) >= MOST_KEPT:
        raise StoreError(f"{len(own)} of your networks are kept already; delete one below first.")
    if sum(one.size for one in _all()) + len(data) > MOST_ROOM:
        raise StoreError("The server has no room for more networks today; try again later, or use `mesa-lab scan`.")
    folder = _folder(visitor)
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        sweep_up(folder)
        new = new_folder(folder)
    try:
        write_atomically(new / f"network.{ending}", data, 0o600)
        write_json(new / "card.json", {"name": plain(name)[:120], "since": time.time(), "scans": []})
        with naming(folder):
            new.rename(folder / digest)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return _read(folder / digest)


def kept(visitor: str) -> list[Brought]:
    """A visitor's files, the newest first."""
    return sorted((one for one in _in(_folder(visitor)) if one.since > 0), key=lambda one: -one.since)


def scanned(one: Brought, run: Run) -> Brought:
    """Remember that a run is a scan of a file."""
    more = replace(one, scans=(*one.scans, run.name))
    _write(more)
    return more


def forget(visitor: str, digest: str) -> None:
    """Delete a visitor's file and all its scans; where one is under way it is asked to stop, and all goes once it has."""
    if WORD.fullmatch(digest):
        for one in kept(visitor):
            if one.digest == digest:
                _forget(one)


def forget_old(now: float | None = None) -> None:
    """Delete what has been kept for a day."""
    now = time.time() if now is None else now
    for folder in _folders():
        sweep_up(folder)
    for one in list(_all()):
        if now - one.since > DAY:
            _forget(one)


def hidden(run: Run, visitor: str) -> bool:
    """Whether a run is the scan of a network that somebody else brought."""
    return run.name.startswith(PREFIX) and queue.visitor_of(run) != visitor


# -- on disk
def _write(one: Brought) -> None:
    write_json(one.path.parent / "card.json", {"name": one.name, "since": one.since, "scans": list(one.scans)})


def _forget(one: Brought) -> None:
    for run in one.runs():
        if run.is_running():
            with contextlib.suppress(StoreError):
                queue.ask(run, "stop")
                _write(replace(one, since=0.0))  # no longer shown, and old enough to go
            return
        shutil.rmtree(run.path, ignore_errors=True)
    gone = one.path.parent
    with contextlib.suppress(OSError):  # out of its place in one go, so that a kill leaves no half of it
        gone = new_folder(one.path.parent.parent)
        os.rename(one.path.parent, gone / one.digest)
    shutil.rmtree(gone, ignore_errors=True)
    with contextlib.suppress(OSError):
        one.path.parent.parent.rmdir()  # where it was the last


def _folder(visitor: str) -> Path:
    if not WORD.fullmatch(visitor):
        raise StoreError("A browser that keeps no cookies cannot bring a network; use `mesa-lab scan`.")
    return queue.store().root / "brought" / visitor


def _folders() -> list[Path]:
    with contextlib.suppress(OSError):
        return [folder for folder in (queue.store().root / "brought").iterdir() if WORD.fullmatch(folder.name)]
    return []


def _all() -> Iterator[Brought]:
    for folder in _folders():
        yield from _in(folder)


def _in(folder: Path) -> Iterator[Brought]:
    with contextlib.suppress(OSError):
        for place in folder.iterdir():
            if WORD.fullmatch(place.name):
                with contextlib.suppress(StoreError, OSError, KeyError, TypeError, ValueError):
                    yield _read(place)


def _read(place: Path) -> Brought:
    card = read_json(place / "card.json", 64_000)
    found = [place / f"network.{ending}" for ending in ENDINGS if (place / f"network.{ending}").is_file()]
    scans = tuple(str(name) for name in card["scans"])
    if len(found) != 1:
        raise StoreError(f"{place.name} is not whole.")
    return Brought(place.name, str(card["name"]), found[0].stat().st_size, float(card["since"]), found[0], scans)
