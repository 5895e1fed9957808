"""Random walks over the pages, with random controls changed to values that they offer and to values that they do not."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.attacks.attack import Attack

sys.path.append(str(Path(__file__).resolve().parents[1]))
from walking import PAGES, Walk, quiet

import dashboard.views.compare
import dashboard.views.detect
import dashboard.views.lab
import dashboard.views.landscape
import dashboard.views.learn
import dashboard.views.paper.page  # noqa: F401

STEPS = 8  # changes and pages of one walk
LIMIT = 60.0  # seconds of a walk; a single drawing is bounded by Walk itself


def attacks(rng: random.Random) -> Iterator[Attack]:
    """Walks without end."""
    while True:
        seed = rng.getrandbits(32)
        yield Attack(f"a walk of {STEPS} steps, seed {seed}", lambda place, seed=seed: walk(seed), LIMIT)


def walk(seed: int) -> None:
    """One walk: nothing raises, and no label and no None comes into the address."""
    quiet()
    rng = random.Random(seed)
    visit = Walk(rng.choice(PAGES))
    done = [f"opening {visit.page}"]
    visit.check(done[0])
    for _ in range(STEPS):
        controls = visit.controls()
        if not controls or rng.random() < 0.4:
            done.append(f"to {rng.choice(PAGES)}")
            visit.go(done[-1][3:])
        else:
            new = [visit.changed(one, rng, rng.random() < 0.4) for one in rng.sample(controls, min(2, len(controls)))]
            done += [f"{one.id.rsplit('-', 1)[-1]} := {str(one).splitlines()[-1][:60]}" for one in new]
            visit.send(*new)
        visit.check("; ".join(done))
