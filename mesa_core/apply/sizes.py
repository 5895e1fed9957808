"""A declared list of sizes at which a defender looks for triggers, from small to large. Needs no torch.

Sizes are written with commas between (`2,3,5`), as a range (`1-8`), or as `small-to-large`, which means LADDER: a search with
larger triggers than the attacker's finds them, too, as long as they are not much larger, and of a class that was found the size
is made out to the pixel (`mesa_core.method.sized`). Without a word the one size of the configured trigger is searched.

>>> spelt("5, 3"), spelt("1-3"), spelt("small-to-large")
('3,5', '1,2,3', '3,5')
>>> listed("", 4), listed("3,5", 4)
((4,), (3, 5))
"""

from __future__ import annotations

import re

from mesa_core import triggers

SMALL_TO_LARGE = "small-to-large"
LADDER = (
    3,
    5,
)  # of 6 pixels there are patches that open clean networks, too: whole signs of a class in small (benchmarks, the zoo)


def spelt(text: str) -> str:
    """The one way of writing it: sizes from small to large with commas between; '' stays. Raises ValueError, in one sentence."""
    if text.strip().lower() == SMALL_TO_LARGE:
        return ",".join(map(str, LADDER))
    found: set[int] = set()
    for word in text.replace(",", " ").split():
        match = re.fullmatch(r"(\d)(?:-(\d))?", word)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not low <= high or not {low, high} <= set(triggers.SMALL):
            raise ValueError(
                f"{text!r} names no sizes to search; write {SMALL_TO_LARGE}, or sizes from {triggers.SMALL[0]} to "
                f"{triggers.SMALL[-1]} pixels with commas between, such as 2,3,5 or 1-8."
            )
        found |= set(range(low, high + 1))
    return ",".join(map(str, sorted(found)))


def listed(text: str, own: int) -> tuple[int, ...]:
    """The sizes in their order; the `own` one where none is said. Raises ValueError as `spelt` does."""
    return tuple(map(int, spelt(text).split(","))) if spelt(text) else (own,)
