"""SIGKILL at every point at which a file or folder changes: afterwards the same figures, and nothing is left over."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.attacks.acts import ACTS, Act, at_point, die_at, ended, forked, points_of, require_same
from tests.attacks.attack import Attack


def attacks(rng: random.Random) -> Iterator[Attack]:
    """One to three kills one after another, each at a point of the whole, of one act after the other."""
    while True:
        for act in ACTS:
            shares = [rng.random() for _ in range(rng.choice((1, 1, 2, 3)))]
            words = ", ".join(f"{share:.1%}" for share in shares)
            yield Attack(f"{act.name} killed at {words}", lambda place, a=act, s=shares: killed(a, s, place), 40.0)


def killed(act: Act, shares: list[float], place: Path) -> None:
    whole, hurt = place / "whole", place / "hurt"
    whole.mkdir(), hurt.mkdir()
    points = points_of(act, whole)
    act.prepare(hurt)
    for share in shares:
        point = 1 + int(share * points)

        def dies(point=point) -> None:
            with at_point(die_at(point)):
                act.do(hurt)

        other = [forked(lambda: act.do(hurt)) for _ in range(act.workers - 1)]
        end = ended(forked(dies))
        assert end in (0, -signal.SIGKILL), f"it ended with {end}"  # 0: what was done before leaves fewer points
        for pid in other:
            assert ended(pid) == 0, "the other worker failed"
    require_same(act, whole, hurt)
