"""Class names, messages and file names that hold pictures, links and tags: no page may show them as such."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from dashboard import stored
from tests.attacks.attack import Attack

sys.path.append(str(Path(__file__).resolve().parents[1]))
import hostile
from visits import visit
from walking import quiet

import dashboard.views.compare
import dashboard.views.detect
import dashboard.views.lab
import dashboard.views.landscape.page  # noqa: F401

EACH = 400  # texts of one attack on the escaping


def attacks(rng: random.Random) -> Iterator[Attack]:
    """Attacks without end: texts made of pieces, and stores full of them."""
    while True:
        seed = rng.getrandbits(32)
        yield Attack(f"{EACH} texts, seed {seed}", lambda place, seed=seed: texts(seed))
        seed = rng.getrandbits(32)
        yield Attack(f"a store of hostile runs, seed {seed}", lambda place, seed=seed: pages(place, seed), 60)


def texts(seed: int) -> None:
    """Pieces of payloads, joined: what is escaped holds nothing that is alive."""
    rng = random.Random(seed)
    for _ in range(EACH):
        pieces = [rng.choice(hostile.PAYLOADS) for _ in range(rng.randint(1, 3))]
        words = "".join(one[rng.randrange(len(one)) // 2 :] for one in pieces)
        assert not hostile.alive(stored.markdown(words)), ascii(words[:200])
        within = f"<b title='{stored.html(words)}'>{stored.html(words)}</b>"
        assert not hostile.alive(within, html=True), ascii(words[:200])
        stored.markdown(words).encode(), stored.html(words).encode(), stored.plain(words).encode()


def pages(place: Path, seed: int) -> None:
    """A store full of hostile texts, and every page that shows it."""
    quiet()
    rng = random.Random(seed)
    for page, run in rng.sample(hostile.store(place / "home", rng), 3):
        at = visit(page, run=run, **({"a": run} if page == "compare" else {}))
        assert not at.exception, (page, run, [e.value for e in at.exception])
        alive = hostile.came_through(at)
        assert not alive, (page, run, ascii(alive[:3]))
