"""The worker process: takes waiting runs one after another, along the same path as the command line.

It is warm (torch imported before the first run comes), runs at a lower priority than the page, answers the page's
small questions while it is idle, and between two steps of a run for as long as the steps took, shows that it lives by touching a file, and ends when the
server that started it is gone or nothing came for ten minutes.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from functools import partial

from dashboard.serving import queue
from mesa_core.disk.errors import Closed, said
from mesa_core.disk.files import write_json
from mesa_core.disk.leases import HEARTBEAT
from mesa_core.disk.leftovers import sweep_home
from mesa_core.disk.processes import process_lives
from mesa_core.experiment import execute
from mesa_core.probe.answering import Probe
from mesa_core.probe.turns import Budget
from mesa_core.store import Store, StoreError, home

IDLE = 600.0  # seconds without work after which the worker ends
POLL = 0.2  # seconds between two looks at the queue
GLANCE = 0.04  # seconds between two looks at the questions


def serve(store: Store, parent: int, idle: float = IDLE) -> None:
    """Work until the server is gone or nothing comes."""
    sweep_home(store.root)
    write_json(store.root / "worker.json", {"pid": os.getpid()})
    last, looked, current = time.monotonic(), 0.0, None
    done, probe = threading.Event(), Probe(store)

    def beat() -> None:
        while not done.wait(HEARTBEAT):
            with contextlib.suppress(OSError):
                (store.root / "worker.json").touch()
            if not process_lives(parent) and current is not None:
                current.request("stop")  # ends between two steps and can be resumed

    threading.Thread(target=beat, daemon=True).start()

    def answer() -> bool:
        try:
            return probe.answer_next()
        except OSError as error:  # a full disk, say, which is no fault of the run in hand
            print(said(error), file=sys.stderr, flush=True)
            return False

    while process_lives(parent) and time.monotonic() - last < idle:
        answered = answer()  # one at a time, so that a run that comes does not wait for all
        if answered:
            last = time.monotonic()
        if time.monotonic() - looked >= POLL:
            looked, current = time.monotonic(), queue.take(store)
        if current is None:
            time.sleep(0.0 if answered else GLANCE)
            continue
        try:
            execute(current, store, between=partial(Budget().spend, answer))
        except Closed as error:  # nothing could be written, so that the run itself says nothing
            print(f"{current.name}: {error}", file=sys.stderr, flush=True)
        except (StoreError, OSError):  # another process runs it, or it has just been deleted
            pass
        current, last = None, time.monotonic()
    done.set()
    (store.root / "worker.json").unlink(missing_ok=True)


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(10)
    serve(Store(home()), int(sys.argv[1]))
