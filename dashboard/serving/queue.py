"""The page's side of the queue: start a run, find one, ask it to stop, keep one worker alive. Needs no torch.

Addresses take turns, and at an address its visitors: everybody's first run comes before anybody's second, and among
equals the one who was served longest ago is next (`mesa_core.turns`).
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mesa_core.config import SILENT, ConfigError, make_config
from mesa_core.config.identity import HOW, MORE
from mesa_core.defences import DEFENCES
from mesa_core.disk import leases
from mesa_core.disk.errors import naming
from mesa_core.disk.files import read_json, write_json
from mesa_core.probe import turns
from mesa_core.store import NAME, Run, Store, StoreError, home
from mesa_core.store.shipped import named, shipped_paper_sweep, shipped_runs, shipped_sweep

FIRST = "signs-ring"  # the prepared run that the page opens with
MOST_WAITING = 40  # runs in the queue, of one address
MOST_OWN = 3  # of one visitor; one where a third of MOST_WAITING wait
MOST_NAME = 64  # characters of a visitor's or an address's word
MOST_SERVED = 600  # visitors and addresses whose last turn is remembered
ROOT = Path(__file__).resolve().parents[2]


def store() -> Store:
    """The store of this server."""
    return Store(home())


def start(config: Mapping[str, Any], visitor: str = "", address: str = "", name: str | None = None) -> tuple[Run, str]:
    """Queue a run; returns it and the token that allows its control.

    `visitor` and `address` are opaque words for who asks from where ('' for nobody in particular); `name` is the run's,
    where it is not to tell what it is. StoreError where the queue takes no more from there.
    """
    here = store()
    queued = [asked for asked, _ in _queued(here)]
    why = turns.refused(queued, turns.Asked("", time.time(), visitor, address), turns.Limits.of(MOST_WAITING, MOST_OWN))
    if why == "own":
        own = sum(one.visitor == visitor and one.address == address for one in queued)
        raise StoreError(
            f"{own} of your runs {'is' if own == 1 else 'are'} waiting already; cancel one, or wait for the first."
        )
    if why:
        where = "from your address " if why == "address" else ""
        raise StoreError(f"{len(queued)} runs are waiting already, and no more are taken {where}until some are done.")
    run, token = here.create(config, name), secrets.token_hex(8)
    write_json(run.path / "owner.json", {"token": token, "visitor": visitor, "address": address})
    with naming(run.path):
        (run.path / "waiting").touch()
    ensure_worker(here)
    return run, token


def waiting(here: Store) -> list[Run]:
    """Runs in the queue, the next one first."""
    queued = {asked.name: (asked, run) for asked, run in _queued(here)}
    return [queued[one.name][1] for one in turns.in_turn([asked for asked, _ in queued.values()], _served(here))]


def _queued(here: Store) -> list[tuple[turns.Asked, Run]]:
    """Runs in the queue, and who asked for each."""
    queued = []
    for run in here.list():
        with contextlib.suppress(OSError):
            since = (run.path / "waiting").stat().st_mtime
            queued.append((turns.Asked(run.name, since, *_owner(run)), run))
    return queued


def take(here: Store) -> Run | None:
    """The next run, taken from the queue, or None; remembers whose turn it was."""
    for run in waiting(here):
        try:
            os.utime(run.path / "waiting")  # `taken` says when
            os.replace(run.path / "waiting", run.path / "taken")
        except OSError:
            continue  # taken by another worker, or cancelled, or its folder is closed
        asked = turns.Asked(run.name, 0.0, *_owner(run))
        served = {**_served(here), asked.who: time.time(), turns.AT + asked.address: time.time()}
        with contextlib.suppress(OSError):  # turns are then a little less fair
            write_json(here.root / "served.json", dict(sorted(served.items(), key=lambda kv: kv[1])[-MOST_SERVED:]))
        return run
    return None


def _served(here: Store) -> dict[str, float]:
    """When each visitor last had a turn."""
    try:
        value = read_json(here.root / "served.json")
        return {str(k): float(v) for k, v in value.items()}
    except (StoreError, AttributeError, TypeError, ValueError):
        return {}


def visitor_of(run: Run) -> str:
    """Who queued it, '' where that is not known."""
    return _owner(run)[0]


def _owner(run: Run) -> tuple[str, str]:
    """Who queued it and from where, '' where that is not known."""
    try:
        owner = read_json(run.path / "owner.json")
        return str(owner.get("visitor", ""))[:MOST_NAME], str(owner.get("address", ""))[:MOST_NAME]
    except (StoreError, AttributeError):
        return "", ""


def find(name: str) -> Run:
    """A run of this server, or a shipped one. StoreError where there is none."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise StoreError("That is not the name of a run.")
    return named(name, (shipped_runs(), shipped_sweep(), shipped_paper_sweep())) or store().open(name)


def shipped() -> list[Run]:
    """The prepared runs that lists offer: the one that the page opens with, then those on road signs, which anybody can repeat.

    Those of the shipped sweep are not among them: they would drown all others.
    """
    return sorted(runs_in(shipped_runs()), key=lambda run: (run.name != FIRST, not run.name.startswith("signs-")))


def swept() -> list[Run]:
    """The runs of the sweeps that the product brings, by name: the fast protocol's, then the paper's."""
    return [*runs_in(shipped_sweep()), *runs_in(shipped_paper_sweep())]


def runs_in(folder: Path) -> list[Run]:
    """The run directories of a folder, by name."""
    if not folder.is_dir():
        return []
    return [Run(p) for p in sorted(folder.iterdir()) if NAME.fullmatch(p.name) and (p / "config.json").is_file()]


def is_shipped(run: Run) -> bool:
    """Whether the product brings it."""
    return run.path.parent in (shipped_runs(), shipped_sweep(), shipped_paper_sweep())


def twin(config: Mapping[str, Any], prepared: bool = True) -> Run | None:
    """A run that was asked this, and perhaps more defences beside it; finished ones first, None where nobody asked.

    A shipped run counts unless `prepared` ones are not wanted, and so does one that is under way; a run that failed or was
    stopped does not.
    """
    asked, begun = make_config(config).to_dict(), None
    for run in (*((*shipped(), *swept()) if prepared else ()), *store().list()):
        try:
            given = run.config()
            like = all(given.get(k) == asked[k] for k in ("trigger", "target", "seed"))  # before the costly comparison
            state = run.state() if like and _answers(make_config(given).to_dict(), asked) else ""
        except (ConfigError, StoreError, OSError):
            continue
        if state == "finished":
            return run
        if state in ("running", "waiting"):
            begun = begun or run
    return begun


def _answers(given: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a run that was asked `given` holds all that `asked` asks; both whole configurations."""
    given, asked = {**SILENT, **given}, {**SILENT, **asked}
    if any(given[k] != asked[k] for k in asked if k not in (*HOW, *MORE)):
        return False
    seeds = [DEFENCES[name].seeds for name in asked["baselines"] if DEFENCES[name].seeds]
    enough = all(given[name] >= asked[name] for name in seeds)
    each = given["repair_each_beta"] or not asked["repair_each_beta"]
    return enough and each and set(given["baselines"]) >= set(asked["baselines"])


def owns(run: Run, token: str) -> bool:
    """Whether `token` is the one that its starter was given."""
    known = token_of(run)
    return bool(known) and hmac.compare_digest(known.encode(), str(token).encode())


def token_of(run: Run) -> str:
    """The token of a run, '' where it has none."""
    try:
        return str(read_json(run.path / "owner.json")["token"])
    except (StoreError, KeyError, TypeError):
        return ""


def ask(run: Run, command: str) -> None:
    """Stop, pause, step or go on; a run that still waits is taken from the queue, one that was stopped is queued."""
    if command == "stop" and os.path.exists(run.path / "waiting"):
        (run.path / "waiting").unlink(missing_ok=True)
        return
    run.request(command)


def resume(run: Run) -> None:
    """Queue a run again that was stopped or interrupted."""
    run.request("run")
    with naming(run.path):
        (run.path / "waiting").touch()
    ensure_worker(store())


def ensure_worker(here: Store) -> None:
    """Start a worker unless one is alive; it outlives the page's session but not its server.

    One at a time: when a worker has ended for want of work, all open pages want one at the same moment.
    """
    if alive(here):
        return
    with naming(here.root):
        here.root.mkdir(parents=True, exist_ok=True)
        starting = FileLock(here.root / ".worker.lock")
        try:
            with starting.acquire(timeout=0):
                if not alive(here):
                    _start_worker(here)
        except Timeout:
            return  # another page is starting it


def _start_worker(here: Store) -> None:
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment["MESA_LAB_HOME"] = str(here.root)
    # Threads that spin while they wait for each other starve, and are starved by, the page on the same cores.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with naming(here.root / "worker.json"):
        (here.root / "worker.json").write_text("")  # so that a second page does not start a second one
    with naming(here.root / "worker.log"), open(here.root / "worker.log", "a") as log:
        subprocess.Popen(
            [sys.executable, "-m", "dashboard.worker", str(os.getpid())],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )


def wake(here: Store) -> None:
    """`ensure_worker` for who only looks: where the home is closed or full, the page says so once (`places.warn`) and goes on."""
    with contextlib.suppress(OSError):
        ensure_worker(here)


def alive(here: Store) -> bool:
    """Whether a worker has shown itself lately, and its process is there."""
    return leases.held(here.root / "worker.json")  # also while it is being started, and has not said its number yet
