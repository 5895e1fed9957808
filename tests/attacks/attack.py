"""One attack, and how it is carried out: in a process of its own, with limits on time and memory, in an empty folder.

A file of this folder that holds a function `attacks(rng)` is a kind of attack. The function yields attacks without
end, all of them drawn from `rng`, so that a seed repeats them.
"""

from __future__ import annotations

import importlib
import itertools
import multiprocessing
import os
import random
import resource
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

HANG = 10.0  # seconds after which nothing that is attacked may still be silent
MEMORY = 2 << 30  # bytes that a process may hold at its peak
HERE = Path(__file__).parent
BESIDE = ("attack", "__main__")  # files of this folder that are no kind


@dataclass(frozen=True)
class Attack:
    """One thing done to the product; `run` gets an empty folder and raises AssertionError where the product failed."""

    name: str  # what is done, in words
    run: Callable[[Path], None]
    limit: float = HANG  # seconds that the whole attack may take, its own preparations included


Attacks = Callable[[random.Random], Iterator[Attack]]


@dataclass(frozen=True)
class Outcome:
    """How one attack ended; `failure` is empty where the product held."""

    name: str
    failure: str
    seconds: float


def kinds() -> dict[str, Attacks]:
    """Every kind of attack by the name of its file."""
    names = sorted(p.stem for p in HERE.glob("*.py") if p.stem not in BESIDE and not p.stem.startswith("test_"))
    found = {name: importlib.import_module(f"tests.attacks.{name}") for name in names}
    return {name: module.attacks for name, module in found.items() if hasattr(module, "attacks")}


def draw(attacks: Attacks, seed: int, kind: str) -> Iterator[Attack]:
    """The attacks of one kind that a seed means, whatever other kinds are carried out beside it."""
    return attacks(random.Random(f"{seed} {kind}"))


def carry_out(attack: Attack) -> Outcome:
    """Carry out one attack in a forked process, and say how it ended. Never raises for what the attack does."""
    place, began = Path(tempfile.mkdtemp(prefix="attack-")), time.monotonic()
    here, there = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_child, args=(attack, place, there))
    child.start()
    there.close()
    try:
        if here.poll(attack.limit):
            try:
                failure = here.recv()
            except EOFError:
                child.join(5)
                failure = f"the process ended with {child.exitcode} before it could say anything"
        else:
            failure = f"nothing was heard for {attack.limit:g} s"
    finally:
        if child.is_alive():
            child.join(2)
        if child.is_alive():
            child.kill()
            child.join()
        here.close()
        shutil.rmtree(place, ignore_errors=True)
    return Outcome(attack.name, failure, time.monotonic() - began)


def _child(attack: Attack, place: Path, out) -> None:
    os.environ["MESA_LAB_HOME"] = str(place / "home")
    torch.set_num_threads(1)  # the parent's OpenMP threads are not here, and torch would wait for them for ever
    try:
        attack.run(place)
    except BaseException:
        out.send(traceback.format_exc())
        return
    # On Linux in kilobytes; a forked process begins with what its parent holds.
    peak = 1024 * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    out.send("" if peak <= MEMORY else f"it held {peak / 2**30:.1f} GiB at its peak")


def first(attacks: Attacks, seed: int, kind: str, count: int) -> list[Attack]:
    """The first attacks that a seed means."""
    return list(itertools.islice(draw(attacks, seed, kind), count))
