"""Who works on what, agreed between processes through files alone. Needs no torch.

A lease is a file that its holder touches every few seconds. It is taken for dead once it was not touched for a while,
or at once where its holder ran on this machine and is gone. A holder that was held up for so long (suspended, say)
that somebody else took over learns of it and writes no further.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from mesa_core.disk.files import StoreError, write_json
from mesa_core.disk.untrusted import read_json

HEARTBEAT = 2.0  # seconds between two touches of a lease
LOCK = 10.0  # seconds that somebody waits for a lock of a moment
HIGHEST = 1 << 31  # what the number of a process stays below
MOST = 16_000  # bytes of a lease
STALE = 20.0  # seconds after which a lease is taken for dead


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
    try:
        os.utime(path)
        yield path.stat().st_mtime
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
        if time.time() - self.seen > STALE / 2 and not self.lost:  # we slept; look before anything is written
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
        if held(path, now):
            raise Busy(f"{name} is being run by another process.")
        if still is not None and not still():
            raise Busy(f"{name} has been done by another process.")
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


def held(path: Path, now: float | None = None) -> bool:
    """Whether a live process holds the lease file; `now` is the file system's time, by default this machine's."""
    try:
        fresh = (time.time() if now is None else now) - path.stat().st_mtime < STALE
    except OSError:
        return False
    try:
        told = read_json(path, MOST)
        pid, here = int(told["pid"]), told.get("where", machine()) == machine()
        if not 0 < pid < HIGHEST:
            raise ValueError(pid)
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return fresh
    return fresh and (not here or process_lives(pid))


@functools.cache
def machine() -> str:
    """What tells this machine, and its space of process numbers, from others that see the same files."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def process_lives(pid: int) -> bool:
    """Whether a process of this machine is there; where that cannot be asked, yes."""
    if not 0 < pid < HIGHEST:  # 0 and below mean groups of processes
        return False
    if os.name == "nt":
        return True  # signal 0 would end the process there; the heartbeat alone decides
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # a zombie answers signals, too
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return True
