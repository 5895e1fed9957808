"""At which place a trigger works best: of all places, or on a large image of a lattice and of what lies around its best.

Every place of a small image is tried. A large one has too many (49,284 of 224x224 pixels), so there every so manieth is, and then
each place around the one that did best, and around where the trigger was found, if that is known. What is best of those is
exact; a place that lies far from both, and between the lattice's, is not seen.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import ceil, sqrt

from torch import Tensor

from mesa_core.apply.places import Box
from mesa_core.measures.bench import Bench, Plain
from mesa_core.measures.place_map import MOST_PLACES, PlaceMap, place_map
from mesa_core.victims.victim import Victim

IMAGES = 16  # at each place


@dataclass(frozen=True)
class Point:
    """Where a trigger works best: row and column of its top left pixel, by how much the target `lead`s there, the share of images
    that go there at the `median` place, whether it works at few places only (`fixed`) or at none (`nowhere`), and what it took
    (`passes`)."""

    place: tuple[int, int]
    lead: float
    median: float
    fixed: bool
    nowhere: bool
    passes: int


def first(image_size: tuple[int, ...], size: int) -> Box:
    """The places that are tried first, for triggers of `size` pixels on images of (height, width).

    >>> first((32, 32), 3).count, first((224, 224), 3).shape, first((224, 224), 3).step
    (900, (56, 56), 4)
    """
    whole = Box.everywhere(image_size, size)
    step = max(1, ceil(sqrt(whole.count / MOST_PLACES)))
    return Box(whole.top, whole.left, whole.bottom, whole.right, step)


def cost(image_size: tuple[int, ...], size: int) -> int:
    """Stamped images that `pinpoint` passes at most, to be said before it starts."""
    lattice = first(image_size, size)
    around = 2 * (2 * lattice.step + 1) ** 2 if lattice.step > 1 else 0
    return (lattice.count + around) * IMAGES


def pinpoint(
    bench: Bench, victim: Victim, plain: Plain, trigger: Tensor, near: tuple[int, int] | None = None
) -> Generator[int, None, Point]:
    """Where `trigger` `(3, s, s)` works best by the bench's rule; `near` is a place where it is known to.

    Yields how many stamped images it has just passed.
    """
    size, image_size = trigger.shape[-1], tuple(bench.images.shape[-2:])
    lattice = first(image_size, size)
    (whole,) = yield from place_map(bench, victim, plain, trigger[None], IMAGES, box=lattice)
    tried = [(lattice, whole)]
    if lattice.step > 1:
        places = [_at(lattice, whole), *([] if near is None else [near])]
        for row, column in dict.fromkeys(places):
            box = Box(row, column, row, column).wider(lattice.step, image_size, size)
            tried.append((box, (yield from place_map(bench, victim, plain, trigger[None], IMAGES, box=box))[0]))
    most = max(int(one.hits.max()) for _, one in tried)
    box, best = max((one for one in tried if 2 * one[1].hits.max() >= most), key=lambda one: one[1].lead[one[1].place])
    return Point(
        place=_at(box, best),
        lead=float(best.lead[best.place]),
        median=whole.median,
        fixed=whole.fixed or 2 * int(whole.hits.max()) < most,
        nowhere=most == 0,
        passes=sum(one.hits.size * one.images for _, one in tried),
    )


def _at(box: Box, found: PlaceMap) -> tuple[int, int]:
    row, column = found.place
    return box.top + row * box.step, box.left + column * box.step
