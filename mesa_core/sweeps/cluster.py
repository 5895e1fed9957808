"""A sweep's runs on many machines, handed to Ray, which finds room for each and tells when a machine is lost.

All else is as on one machine. A node that sees the store of whoever asked works in it, under the same leases; any
other works in a store of its own, and the small files of its run come back and are put in place, the result last.
Ray is asked to tell nobody of its use and to open no page. Needs Ray, no torch here.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import os
import platform
import secrets
import shutil
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from mesa_core import events as ev
from mesa_core.config import ConfigError, make_config
from mesa_core.disk import leases
from mesa_core.disk.files import read_bytes, write_atomically
from mesa_core.disk.leftovers import new_folder
from mesa_core.store import FILE, MOST_EVENTS, Run, Store, StoreError, home
from mesa_core.sweeps.grid import Piece, Standing, attempt, standing, state_of, to_do

LOSSES = 3  # times that a run may lose its node before that counts as a failure of its own
ENDING = 10.0  # seconds that runs have to end cleanly once the sweep is stopped
ANSWER = 5.0  # seconds that a cluster has to answer
SMALL = ("config.json", "events.jsonl", "error.txt", "result.json")  # of a run, besides its snapshots; no weights


# -- on a node
def carry_out(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Carry out one piece: says first that it has begun and where, last how it ended, with its files if need be."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as on the command line, before torch is imported
    if not told["gpus"]:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a piece takes no more than its share
    if told["program"] != program():
        yield {"state": "foreign", "node": platform.node()}
        return
    store = Store(Path(told["root"]))
    shared = (store.root / "sweeps" / told["sign"]).is_file()
    yield {"state": "begun", "shared": shared, "node": platform.node()}
    from mesa_core.experiment import execute

    piece = Piece(told["name"], make_config(told["config"]))
    if not shared:
        store = Store(home())
        if len(told["files"].get("events.jsonl", b"")) > _size(store.runs / piece.name / "events.jsonl"):
            place(store, piece.name, told["files"])  # its settings, and how often it has failed
    attempt(store, piece, execute)
    yield {"state": state_of(store, piece), "files": {} if shared else small_files(Run(store.runs / piece.name))}


def program() -> str:
    """A digest of the engine's source, since nodes with another version would give other figures."""
    digest, here = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(here.rglob("*.py")):
        digest.update(path.relative_to(here).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


# -- a run's small files
def small_files(run: Run) -> dict[str, bytes]:
    """What is shown of a run, by its place in the run's folder; no weights."""
    paths = [run.path / name for name in SMALL]
    paths += [path for path in (run.path / "snapshots").glob("*.npz") if FILE.fullmatch(path.name)]
    return {path.relative_to(run.path).as_posix(): read_bytes(path, MOST_EVENTS) for path in paths if path.is_file()}


def place(store: Store, name: str, files: Mapping[str, bytes]) -> None:
    """Put them in place: a new run at once, one that is there file by file, its result last.

    Whoever calls holds the run if it is there. Raises StoreError for what is no file of a run.
    """
    for file in files:
        parts = PurePosixPath(file).parts
        if file not in SMALL and not (len(parts) == 2 and parts[0] == "snapshots" and FILE.fullmatch(parts[1])):
            raise StoreError(f"{file!r} is no file of a run.")
    if "config.json" not in files:
        raise StoreError(f"The files of {name} hold no configuration.")
    path = store.runs / name
    store.runs.mkdir(parents=True, exist_ok=True)
    fresh = None if path.exists() else new_folder(store.runs)
    try:
        for file in sorted(files, key=lambda file: file == "result.json"):
            write_atomically((fresh or path) / file, files[file])
        if fresh is not None:
            os.rename(fresh, path)
    finally:
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)


# -- where the command was given
@dataclass
class Flight:
    """A piece that some node has, or will have as soon as there is room."""

    piece: Piece
    hands: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)  # holds the lease for a node that cannot
    held: bool = False


def join(address: str) -> Any:
    """Ray, joined at an address, which is 'local' (here alone), 'auto' or that of a cluster. Raises ConfigError."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "error")  # what it has to say is said in a sentence below
    try:
        import ray
    except ImportError:
        raise ConfigError("Ray is not installed here; get it with: python -m pip install ray") from None
    host, colon, port = address.rpartition(":")
    try:
        if colon:  # Ray itself would wait for minutes
            socket.create_connection((host, int(port)), ANSWER).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(f"Nothing answers at {address!r} ({error}); is Ray started there?") from None
    own: dict[str, Any] = (
        {"include_dashboard": False} if address == "local" else {}
    )  # a cluster's page is its owner's choice
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **own)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        first = str(error).strip().splitlines()[0].rstrip(".")
        token = " If it asks for a token, set RAY_AUTH_MODE=token, or say auto." if colon else ""
        raise ConfigError(f"Ray cannot be joined at {address!r}: {first}.{token}") from None
    ray._private.worker._worker_logs_enabled = False  # or the log of a lost node is printed among our results
    return ray


def share_of(ray: Any, pieces: Sequence[Piece], gpus: float | None) -> float:
    """GPUs that a piece takes: as said; else a whole one where the cluster has any and it may be used."""
    there = ray.cluster_resources().get("GPU", 0)
    may = any(piece.config.device in ("auto", "cuda") for piece in pieces)
    share = (1.0 if there and may else 0.0) if gpus is None else gpus
    if share < 0 or (share > 1 and share != int(share)):
        raise ConfigError("The share of a GPU must lie between 0 and 1, or be a whole number of them.")
    if share and not there:
        raise ConfigError("No node of this cluster has a GPU; leave out --gpus.")
    return share


def work(
    store: Store,
    pieces: Sequence[Piece],
    address: str,
    gpus: float | None = None,
    tell: Callable[[str], None] = lambda text: None,
    apart: bool = False,
    wait: float = 2.0,
) -> Iterator[Standing]:
    """Have a cluster carry out pieces until none is left; yields the standing at every change and every `wait` seconds.

    The order, the second try of what failed and the end are those of `grid.work`. What a lost node had in hand goes
    to another. `tell` is told in words where a piece goes; `apart` treats every node as one that does not see this
    store. Raises ConfigError where the cluster cannot be used, KeyboardInterrupt once a run was asked to stop.
    """
    ray = join(address)
    sign = store.root / "sweeps" / f".seen-{secrets.token_hex(8)}"
    flying: dict[Any, Flight] = {}
    try:
        if not apart:
            write_atomically(sign, b"")
        scatter = Scatter(ray, ray.remote(carry_out), store, share_of(ray, pieces, gpus), sign.name, tell, flying)
        while True:
            scatter.fill(pieces)
            if flying:
                ready, _ = ray.wait(list(flying), num_returns=1, timeout=wait)
                for which in ready:
                    scatter.hear(which)
            now = standing(store, pieces)
            yield now
            if not now.left and not flying:
                return
            if not flying:  # what is left is another's, or a lost node's whose lease still looks fresh
                time.sleep(wait)
    finally:
        with contextlib.suppress(ray.exceptions.RayError):
            for which in flying:
                ray.cancel(which)  # a KeyboardInterrupt there, after which a run ends cleanly
        theirs, until = [f.piece.name for f in flying.values() if not f.held], time.monotonic() + ENDING
        while any(Run(store.runs / name).is_running() for name in theirs) and time.monotonic() < until:
            time.sleep(0.1)
        for flight in flying.values():
            flight.hands.close()
        ray.shutdown()
        sign.unlink(missing_ok=True)


@dataclass
class Scatter:
    """Hands pieces to Ray and hears of them; `flying` are those handed over."""

    ray: Any
    remote: Any
    store: Store
    share: float
    sign: str
    tell: Callable[[str], None]
    flying: dict[Any, Flight]
    losses: Counter[str] = field(default_factory=Counter)
    owed: dict[str, str] = field(default_factory=dict)  # failures that could not be written down yet
    resting: dict[str, float] = field(default_factory=dict)  # pieces that another has, and until when to leave them

    def fill(self, pieces: Sequence[Piece]) -> None:
        """Hand over as many pieces as there is room for in the cluster, as it is now."""
        there, names = self.ray.cluster_resources(), {flight.piece.name for flight in self.flying.values()}
        for piece in to_do(self.store, pieces):
            cores = max(1, piece.config.threads)
            room = there.get("CPU", 0) // cores
            if self.share:
                each = math.floor(1 / self.share) if self.share <= 1 else 1 / self.share
                room = min(room, there.get("GPU", 0) * each)
            if len(self.flying) >= max(1, room):
                return
            if piece.name in names or self.resting.get(piece.name, 0) > time.monotonic():
                continue
            if piece.name in self.owed:
                self.fail(piece, self.owed[piece.name])
                continue
            task = self.remote.options(
                num_cpus=cores, num_gpus=self.share, max_retries=0
            )  # we know better what is left
            self.flying[task.remote(self._told(piece))] = Flight(piece)

    def _told(self, piece: Piece) -> dict[str, Any]:
        run = Run(self.store.runs / piece.name)
        return {
            "name": piece.name,
            "config": piece.config.to_dict(),
            "files": {name: data for name, data in small_files(run).items() if name in ("config.json", "events.jsonl")},
            "root": str(self.store.root.resolve()),
            "sign": self.sign,
            "program": program(),
            "gpus": self.share,
        }

    def hear(self, which: Any) -> None:
        """Take what a piece has to say: that it has begun, how it ended, or that its node is lost."""
        from ray.exceptions import RayError, RayTaskError

        flight = self.flying[which]
        piece = flight.piece
        try:
            said = self.ray.get(next(which))
        except RayTaskError as error:  # not the run, which tells its failures itself, but all around it
            self.drop(which)
            self.fail(piece, f"A node could not work on it: {str(error.cause or error).strip().splitlines()[-1]}")
            return
        except (RayError, StopIteration):
            self.drop(which)
            self.losses[piece.name] += 1
            self.tell(f"{piece.name} lost its node; another takes it.")
            if self.losses[piece.name] >= LOSSES:
                self.losses[piece.name] = 0
                self.fail(piece, f"It lost its node {LOSSES} times; the memory may be too small for it.")
            return
        if said["state"] == "foreign":
            raise ConfigError(f"{said['node']} has another version of MESA Lab; install this machine's version there.")
        if said["state"] == "begun":
            self.tell(f"{piece.name} begins on {said['node']}.")
            if not said["shared"]:
                self._hold(flight)
            return
        if flight.held and "events.jsonl" in said["files"]:
            place(self.store, piece.name, said["files"])
        self.drop(which)
        if said["state"] == "stopped":
            raise KeyboardInterrupt
        if said["state"] not in ("finished", "failed", "lost"):  # another has it, or had it for a moment
            self.resting[piece.name] = time.monotonic() + leases.STALE / 4

    def _hold(self, flight: Flight) -> None:
        """Hold the run here for a node that cannot, so that nobody else begins it."""
        with contextlib.suppress(StoreError):
            self.store.create(flight.piece.config.to_dict(), flight.piece.name)
        with contextlib.suppress(StoreError):
            path = self.store.runs / flight.piece.name / "lease.json"
            flight.hands.enter_context(leases.hold(path, flight.piece.name))
            flight.held = True

    def drop(self, which: Any) -> None:
        self.flying.pop(which).hands.close()

    def fail(self, piece: Piece, message: str) -> None:
        """Write down a failure that the run could not tell itself, now or once nobody holds the run."""
        self.owed[piece.name] = message
        with contextlib.suppress(StoreError):
            self.store.create(piece.config.to_dict(), piece.name)
        with contextlib.suppress(StoreError), self.store.open(piece.name).lease() as writer:
            writer.append(ev.Failed(message))
            del self.owed[piece.name]
            self.tell(f"{piece.name}: {message}")
