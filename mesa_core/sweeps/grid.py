"""A sweep: one run for every point of a grid, shared by as many processes as are started on it.

A sweep is a folder with the grid; its runs have names that follow from it, so that whoever gives the same command
finds the same runs. A process takes the next run that is neither finished nor held, holds it by its lease while it
works, and leaves the rest to others; nobody coordinates. A run whose process died is taken up again, stages that
exist are found, and a run that failed is tried once more, at the end. Needs no torch until a run is carried out.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.config import ConfigError, ExperimentConfig, params
from mesa_core.config.settle import ready, settle
from mesa_core.disk.errors import Closed, naming
from mesa_core.disk.files import read_json, write_json
from mesa_core.disk.leases import moment
from mesa_core.disk.plain import plain
from mesa_core.store import NAME as RUN
from mesa_core.store import Run, Store, StoreError, compact
from mesa_core.store.runs import Taken

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MOST = 10_000  # runs of one sweep
TRIES = 2  # of a run that fails
FRESH = ("absent", "waiting", "stopped", "interrupted")  # states of what is to be done first
# In steps of the golden ratio, so that the part which a sweep has done is as varied as the whole.
SETS = {
    "orbits": tuple(
        triggers.orbits()[i][0]
        for i in sorted(range(len(triggers.orbits())), key=lambda i: i * (math.sqrt(5) - 1) / 2 % 1)
    )
}

Execute = Callable[..., str]
"""`mesa_core.experiment.execute`."""


@dataclass(frozen=True)
class Piece:
    """One run of a sweep; `done` where its result is kept elsewhere, so that nothing is left to do."""

    name: str
    config: ExperimentConfig
    done: bool = False


@dataclass(frozen=True)
class Standing:
    """How far a whole sweep is; `failed` are the names of runs that failed as often as they may."""

    total: int
    finished: int
    running: int
    failed: tuple[str, ...]

    @property
    def left(self) -> int:
        """Runs that are still to be done, or being done."""
        return self.total - self.finished - len(self.failed)

    def to_go(self, start: int, seconds: float) -> float | None:
        """Seconds to go at the pace of all who work on it, of whom `seconds` ago `start` runs were finished."""
        made = self.finished - start
        return seconds / made * self.left if made > 0 else None


def expand(said: Mapping[str, Any], axes: Mapping[str, Sequence[Any]], name: str, cache: Path) -> list[Piece]:
    """Every point of the grid `axes` over what was `said`, settled and checked, the seeds outermost.

    So a sweep that is stopped early has every trigger once before it has any twice. Raises ConfigError.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot name a sweep; use small letters, digits, '-' and '_', at most 40.")
    for axis, values in axes.items():
        if axis not in params():
            raise ConfigError(f"There is no parameter {axis!r} to sweep over.")
        if not values:
            raise ConfigError(f"The sweep names no value for {axis}.")
    order = sorted(axes, key=lambda axis: axis != "seed")
    count = 1
    for axis in order:
        count *= len(axes[axis])
    if count > MOST:
        raise ConfigError(f"The grid has {count:,} points; at most {MOST:,} can be one sweep.")
    pieces: dict[str, Piece] = {}
    for point in itertools.product(*(axes[axis] for axis in order)):
        config = ready(settle({**said, **dict(zip(order, point, strict=True))}, cache), cache)
        digest = hashlib.sha256(json.dumps(config.to_dict(), sort_keys=True).encode()).hexdigest()[:10]
        pieces.setdefault(digest, Piece(f"{name}-{triggers.slug(config.trigger)}-{digest}", config))
    return list(pieces.values())


def begin(store: Store, name: str, pieces: Sequence[Piece]) -> None:
    """Write down what the sweep is, or check that one of this name is the same. Raises StoreError."""
    place = store.root / "sweeps" / f"{name}.json"
    told = {"name": name, "runs": [piece.name for piece in pieces]}
    with naming(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
    with moment(place.with_name(f".{name}")):  # two commands given at once
        if not place.exists():
            write_json(place, told)
    if read_json(place) != told:
        raise StoreError(f"There is another sweep {name!r}; choose a new name, or give the command it began with.")


def require_done(folder: Path) -> None:
    """ConfigError unless `folder` holds what `mesa-lab collect` put there."""
    if not (folder / compact.MANIFEST).is_file():
        raise ConfigError(
            f"{plain(str(folder))} is no folder that mesa-lab collect filled (it has no {compact.MANIFEST})."
        )


def without(pieces: Sequence[Piece], folder: Path) -> list[Piece]:
    """The pieces, those marked as done whose compact result stands in the manifest of `folder`. Raises StoreError."""
    there = compact.done(folder)
    return [replace(piece, done=compact.key(piece.config.to_dict()) in there) for piece in pieces]


def runs_of(store: Store, name: str) -> list[Run]:
    """The runs of a sweep that has begun here, by the names that its first command wrote down. Raises StoreError."""
    told = read_json(store.root / "sweeps" / f"{name}.json") if NAME.fullmatch(name) else None
    names = told.get("runs") if isinstance(told, dict) else None
    if not isinstance(names, list):
        raise StoreError(f"There is no sweep {name!r} here.")
    return [Run(store.runs / run) for run in names if isinstance(run, str) and RUN.fullmatch(run)]


def state_of(store: Store, piece: Piece) -> str:
    """The state of a piece's run; 'absent' before anybody has begun it, 'lost' once nobody is to try it any more.

    That is so once it failed as often as it may, and where its folder is damaged so that it cannot be worked on.
    """
    if piece.done:
        return "finished"
    run = Run(store.runs / piece.name)
    if not (run.path / "config.json").is_file():
        return "lost" if run.path.exists() else "absent"
    state = run.state()
    if state == "failed" and sum(isinstance(event, ev.Failed) for _, event in run.events()) >= TRIES:
        return "lost"
    return "lost" if (run.path / "events.jsonl").is_dir() else state


def standing(store: Store, pieces: Sequence[Piece]) -> Standing:
    """How far all pieces are, whoever works on them."""
    states = {piece.name: state_of(store, piece) for piece in pieces}
    lost = tuple(name for name, state in states.items() if state == "lost")
    count = list(states.values()).count
    return Standing(len(states), count("finished"), count("running"), lost)


def why(store: Store, name: str) -> str:
    """What a run that failed said last."""
    said = [event.message for _, event in Run(store.runs / name).events() if isinstance(event, ev.Failed)]
    return said[-1] if said else "Its folder is damaged; remove it, then give the command again."


def attempt(store: Store, piece: Piece, execute: Execute, watch: Callable[[ev.Event], None] | None = None) -> str:
    """Carry out a piece, if it is still to be done and nobody else is at it.

    Returns 'finished', 'failed' or 'stopped', or 'busy' where it was left to somebody else. Raises Closed where the
    store can no longer be used.
    """

    def still() -> bool:  # asked with the run in hand: between listing it and now another may have done it
        if state_of(store, piece) not in (*FRESH, "failed"):
            return False
        run = Run(store.runs / piece.name)
        if run.control()[0] != "run":  # whatever was asked before it ended
            run.request("run")
        return True

    try:
        if not (store.runs / piece.name).exists():
            with contextlib.suppress(Taken):  # somebody has begun it
                store.create(piece.config.to_dict(), piece.name)
        return execute(store.open(piece.name), store, watch, still=still)
    except Closed:
        raise  # a full disk, say, on which nobody gets on
    except StoreError:
        return "busy"  # taken in this moment, or taken over while we slept, or damaged, which makes it 'lost'


def to_do(store: Store, pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Pieces that nobody has done or is doing, asked anew before each; those that failed come last."""
    for states in (FRESH, ("failed",)):
        for piece in pieces:
            if state_of(store, piece) in states:
                yield piece


def work(
    store: Store,
    pieces: Sequence[Piece],
    execute: Execute,
    watch: Callable[[Piece, ev.Event], None],
    wait: float = 2.0,
) -> Iterator[Standing]:
    """Carry out pieces until none is left, here or elsewhere; yields the standing after each, and while waiting.

    Runs that failed come last; runs that another process holds are waited for, so that a lost process's work is done
    by whoever is left. The last standing is that of the end. Raises KeyboardInterrupt after Ctrl-C, with the run in
    hand stopped cleanly; the other processes go on.
    """
    while True:
        took = False
        for piece in to_do(store, pieces):
            ended = attempt(store, piece, execute, functools.partial(watch, piece))
            if ended == "stopped":
                raise KeyboardInterrupt
            if ended != "busy":
                took = True
                yield standing(store, pieces)
        if took:
            continue
        now = standing(store, pieces)
        yield now
        if not now.left:
            return
        time.sleep(wait)
