"""The page's side of the queue: start a run, find one, ask it to stop, keep one worker alive. Needs no torch."""

from __future__ import annotations

import hmac
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mesa_core.assets import shipped_runs
from mesa_core.store import NAME, STALE, Run, Store, StoreError, home, read_json, write_json

MOST_WAITING = 12
ROOT = Path(__file__).resolve().parent.parent


def store() -> Store:
    """The store of this server."""
    return Store(home())


def start(config: Mapping[str, Any]) -> tuple[Run, str]:
    """Queue a run; returns it and the token that allows its control. StoreError where the queue is full."""
    here = store()
    if len(waiting(here)) >= MOST_WAITING:
        raise StoreError(f"{MOST_WAITING} runs are waiting already; try again when some are done.")
    run, token = here.create(config), secrets.token_hex(8)
    write_json(run.path / "owner.json", {"token": token})
    (run.path / "waiting").touch()
    ensure_worker(here)
    return run, token


def waiting(here: Store) -> list[Run]:
    """Runs in the queue, the next one first."""
    queued = [run for run in here.list() if (run.path / "waiting").exists()]
    return sorted(queued, key=lambda run: (run.path / "waiting").stat().st_mtime)


def find(name: str) -> Run:
    """A run of this server, or a shipped one. StoreError where there is none."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise StoreError("That is not the name of a run.")
    shipped = shipped_runs() / name
    if (shipped / "config.json").is_file():
        return Run(shipped)
    return store().open(name)


def shipped() -> list[Run]:
    """The precomputed runs that the product brings."""
    folder = shipped_runs()
    if not folder.is_dir():
        return []
    return [Run(p) for p in sorted(folder.iterdir()) if NAME.fullmatch(p.name) and (p / "config.json").is_file()]


def owns(run: Run, token: str) -> bool:
    """Whether `token` is the one that its starter was given."""
    try:
        return hmac.compare_digest(str(read_json(run.path / "owner.json")["token"]), str(token))
    except (StoreError, KeyError, TypeError):
        return False


def ask(run: Run, command: str) -> None:
    """Stop, pause, step or go on; a run that still waits is taken from the queue, one that was stopped is queued."""
    if command == "stop" and (run.path / "waiting").exists():
        (run.path / "waiting").unlink(missing_ok=True)
        return
    run.request(command)


def resume(run: Run) -> None:
    """Queue a run again that was stopped or interrupted."""
    run.request("run")
    (run.path / "waiting").touch()
    ensure_worker(store())


def ensure_worker(here: Store) -> None:
    """Start a worker unless one is alive; it outlives the page's session but not its server."""
    if alive(here):
        return
    here.root.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment["MESA_LAB_HOME"] = str(here.root)
    (here.root / "worker.json").touch()  # so that a second page does not start a second one
    with open(here.root / "worker.log", "a") as log:
        subprocess.Popen(
            [sys.executable, "-m", "dashboard.worker", str(os.getpid())],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )


def alive(here: Store) -> bool:
    """Whether a worker has shown itself lately."""
    try:
        return time.time() - (here.root / "worker.json").stat().st_mtime < STALE
    except OSError:
        return False
