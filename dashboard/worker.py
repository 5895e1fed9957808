"""The worker process: takes waiting runs one after another, along the same path as the command line.

It is warm (torch imported before the first run comes), runs at a lower priority than the page, shows that it lives
by touching a file, and ends when the server that started it is gone or nothing came for ten minutes.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time

from mesa_core.experiment import execute
from mesa_core.store import HEARTBEAT, Run, Store, StoreError, home, process_lives

IDLE = 600.0  # seconds without work after which the worker ends
POLL = 0.2


def next_run(store: Store) -> Run | None:
    """The run that has waited longest, taken from the queue, or None."""
    queued = []
    for run in store.list():
        with contextlib.suppress(OSError):
            queued.append(((run.path / "waiting").stat().st_mtime, run))
    for _, run in sorted(queued, key=lambda pair: pair[0]):
        try:
            (run.path / "waiting").unlink()
            return run
        except FileNotFoundError:
            continue  # taken by another worker, or cancelled
    return None


def serve(store: Store, parent: int, idle: float = IDLE) -> None:
    """Work until the server is gone or nothing comes."""
    last, current = time.monotonic(), None
    done = threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT):
            with contextlib.suppress(OSError):
                (store.root / "worker.json").touch()
            if not process_lives(parent) and current is not None:
                current.request("stop")  # ends between two steps and can be resumed

    threading.Thread(target=beat, daemon=True).start()
    while process_lives(parent) and time.monotonic() - last < idle:
        current = next_run(store)
        if current is None:
            time.sleep(POLL)
            continue
        with contextlib.suppress(StoreError):  # another process runs it
            execute(current, store)
        current, last = None, time.monotonic()
    done.set()
    (store.root / "worker.json").unlink(missing_ok=True)


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(10)
    serve(Store(home()), int(sys.argv[1]))
