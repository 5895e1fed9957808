"""Clocks that jump: a dead holder's lease is not held for ever, a live holder's is never taken over."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

from mesa_core.disk import leases
from tests.attacks.acts import ended, forked
from tests.attacks.attack import Attack

BEAT, DEAD = 0.1, 1.0  # instead of HEARTBEAT and STALE


def attacks(rng: random.Random) -> Iterator[Attack]:
    """Jumps by seconds to decades, forwards and back."""
    while True:
        jumps = [rng.choice((-1, 1)) * 10 ** rng.uniform(-1, 9) for _ in range(4)]
        where = rng.choice(("here", "another machine", "not said"))
        words = ", ".join(f"{jump:+.3g} s" for jump in jumps)
        yield Attack(
            f"a dead holder ({where}), {jumps[0]:+.3g} s", lambda place, j=jumps, w=where: dead(place, j[0], w)
        )
        yield Attack(f"a live holder, {words}", lambda place, j=jumps: alive(place, j))
        yield Attack(f"a holder that died under {words}", lambda place, j=jumps: died(place, j))


def _quick() -> None:
    leases.HEARTBEAT, leases.STALE = BEAT, DEAD


def _jump(path: Path, seconds: float) -> None:
    """Has the lease a time as of a clock that is wrong by so much."""
    at = max(0.0, time.time() + seconds)
    os.utime(path, (at, at))


def _free_in(path: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while leases.held(path):
        assert time.monotonic() < end, "it reads as running"
        time.sleep(0.02)
    while True:
        try:
            with leases.hold(path, "thing"):
                return
        except leases.Busy:
            assert time.monotonic() < end, "it cannot be taken"


def dead(place: Path, jump: float, where: str) -> None:
    _quick()
    pid = forked(lambda: None)
    ended(pid)
    path = place / "lease.json"
    told = {"pid": pid, "where": leases.machine() if where == "here" else where, "id": "x"}
    path.write_text(json.dumps(told) if where != "not said" else "torn")
    _jump(path, jump)
    _free_in(path, 2 * DEAD + 1)


def alive(place: Path, jumps: list[float]) -> None:
    """Whoever tries to take it, in whatever moment after a jump, is told that it is held, and the holder goes on."""
    _quick()
    path, real = place / "lease.json", time.time

    def holds() -> None:
        with leases.hold(path, "thing") as lease:
            (place / "begun").touch()
            while not (place / "end").exists():
                lease.check()
                time.sleep(0.01)

    pid = forked(holds)
    while not (place / "begun").exists():
        time.sleep(0.01)
    for jump in jumps:
        leases.time.time = lambda jump=jump: real() + jump
        _jump(path, jump)
        leases.time.time = real
        try:
            with leases.hold(path, "thing"):
                raise AssertionError("it was taken over from a live holder")
        except leases.Busy:
            pass
    (place / "end").touch()
    assert ended(pid) == 0, "the holder was told that it had been replaced"


def died(place: Path, jumps: list[float]) -> None:
    """Its holder ends without a word, in a world whose clock is somewhere else each time one looks."""
    _quick()
    path = place / "lease.json"
    path.write_text(json.dumps({"pid": os.getpid(), "where": "another machine", "id": "x"}))
    for jump in jumps:
        _jump(path, jump)
        leases.held(path)
    _free_in(path, 2 * DEAD + 1)
