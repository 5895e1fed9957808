"""Who works on what, agreed between processes through files alone. Needs no torch.

A lease is a file that its holder touches every few seconds. It is taken for dead once it was not touched for a while,
or at once where its holder ran on this machine and is gone. A holder that was held up for so long (suspended, say)
that somebody else took over learns of it and writes no further.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from mesa_core.disk.errors import StoreError, closed, naming
from mesa_core.disk.files import write_json
from mesa_core.disk.processes import machine, process_lives
from mesa_core.disk.untrusted import read_json

HEARTBEAT = 2.0  # seconds between two touches of a lease
LOCK = 10.0  # seconds that somebody waits for a lock of a moment
HIGHEST = 1 << 31  # what the number of a process stays below
MOST = 16_000  # bytes of a lease
STALE = 20.0  # seconds after which a lease is taken for dead
WATCH = 2.5  # heartbeats for which a lease is watched that looks dead by a clock, before it is taken over
MOST_SEEN = 10_000  # leases whose last change is remembered


class Busy(StoreError):
    """Somebody else works on it."""


@contextlib.contextmanager
def moment(path: Path, patience: float = LOCK) -> Iterator[float]:
    """Hold the lock of a moment, which the system itself drops when its holder dies; yields the time of day.

    The time is that of the file system, which for a shared one need not be this machine's. Raises Busy.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise Busy(f"{path.parent.name} is held by another process.") from None
    except OSError as error:
        raise closed(error, path.parent) from error
    try:
        with naming(path.parent):
            os.utime(path)
            now = path.stat().st_mtime
        yield now
    finally:
        lock.release()


class Lease:
    """A lease that this process holds."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name, self.id = path, name, secrets.token_hex(8)
        self.lost, self.seen = False, time.time()

    def mine(self) -> bool:
        """Whether it is still ours; also where the whole folder is gone, since then nobody has taken it."""
        try:
            return read_json(self.path, MOST)["id"] == self.id
        except FileNotFoundError:
            return not self.path.parent.is_dir()
        except (ValueError, KeyError, TypeError):
            return False

    def beat(self) -> None:
        """Touch it, if nobody has taken it over."""
        with contextlib.suppress(OSError):  # a shared file system may be out of reach for a moment
            if not self.mine():
                self.lost = True
                return
            if self.path.parent.is_dir():
                os.utime(self.path)
            self.seen = time.time()

    def check(self) -> None:
        """Raise Busy once somebody else has taken it over."""
        if abs(time.time() - self.seen) > STALE / 2 and not self.lost:  # we slept; look before anything is written
            self.beat()
        if self.lost:
            raise Busy(f"{self.name} was taken over by another process, since this one did not answer for a while.")


@contextlib.contextmanager
def hold(path: Path, name: str, still: Callable[[], bool] | None = None) -> Iterator[Lease]:
    """Hold the lease file `path` of the thing `name`; a thread keeps it fresh.

    Of many who try at once one gets it; the others get Busy. `still` is asked once nobody else can take it, whether
    it is wanted at all; if not, that is Busy, too.
    """
    if not path.parent.is_dir():
        raise StoreError(f"{name} has been deleted.")
    lease = Lease(path, name)
    with moment(path.with_name(".taking")) as now:
        if _taken(path, now):
            raise Busy(f"{name} is being run by another process.")
        if still is not None and not still():
            raise Busy(f"{name} has been done by another process.")
        with naming(path):
            write_json(path, {"pid": os.getpid(), "where": machine(), "id": lease.id})
    done = threading.Event()

    def beat() -> None:
        while not lease.lost and not done.wait(HEARTBEAT):
            lease.beat()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        done.set()
        thread.join()
        with contextlib.suppress(OSError):
            if lease.mine():
                path.unlink()


def _taken(path: Path, now: float) -> bool:
    """Whether somebody holds it, asked by who wants to take it; where clocks may be wrong, it is watched for a while."""
    if not os.path.lexists(path) or _lives(path) == "":
        return False
    touched = _touched(path)
    if _sight(path, touched).still >= STALE:
        return False
    return abs(now - touched) < STALE or _moves(path)


def held(path: Path, now: float | None = None) -> bool:
    """Whether a live process holds the lease file; `now` is the file system's time, by default this machine's.

    A time in the future, by a clock that was put right since, counts as now while its holder is known to live here.
    Whatever the clocks say, a lease that this process has seen move lately is held, and one that has stood still before
    its eyes for STALE seconds is not.
    """
    try:
        moved = path.stat().st_mtime
    except OSError:
        return False
    sight = _sight(path, moved)
    age = (time.time() if now is None else now) - moved
    lives = _lives(path)
    if lives is None:
        return abs(age) < STALE and sight.still < STALE
    if not lives or sight.still >= STALE:
        return False
    return sight.seen_moving or abs(age) < STALE or (age < 0 and lives == "here")


def _lives(path: Path) -> str | None:
    """Who holds it: 'here' a live process of this machine, 'elsewhere' one that cannot be asked; None where that is not
    written, '' where it is one of this machine that is gone, or there is no lease."""
    try:
        told = read_json(path, MOST)
        pid, here = int(told["pid"]), told.get("where", machine()) == machine()
        if not 0 < pid < HIGHEST:
            raise ValueError(pid)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return "elsewhere" if not here else "here" if process_lives(pid) else ""


@dataclass
class Sight:
    """What this process has seen of a lease: its last time, and when, by a clock that never jumps, it last changed;
    `seen_moving` where that was forward, as by a heartbeat."""

    time: float
    since: float
    seen_moving: bool = False

    @property
    def still(self) -> float:
        """Seconds for which it has stood still before our eyes."""
        return time.monotonic() - self.since


@functools.cache
def _sights() -> dict[Path, Sight]:
    return {}


def _sight(path: Path, moved: float) -> Sight:
    known = _sights()
    sight = known.get(path)
    if sight is None or sight.time != moved:
        if sight is None and len(known) >= MOST_SEEN:
            known.clear()
        sight = known[path] = Sight(moved, time.monotonic(), sight is not None and moved > sight.time)
    return sight


def _moves(path: Path) -> bool:
    """Whether a lease in doubt is touched while one watches it for some heartbeats."""
    began, until = _touched(path), time.monotonic() + WATCH * HEARTBEAT
    while time.monotonic() < until:
        time.sleep(HEARTBEAT / 10)
        if _touched(path) != began:
            return True
    return False


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
