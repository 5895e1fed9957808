"""A declared plan of places at which a defender looks for triggers, each a part of the image. Needs no torch.

    anywhere   one part, all places: the paper's rule; every plan has it
    corners    the four corners, MARGIN pixels wide
    edges      the four borders between them
    centre     the middle
    grid       coarse grids over the whole image, each of every STEP-th place; together they are all places
    tiles      squares of TILE pixels that overlap and cover the image: what opens the network from within such a square shows in
               few steps, and is then cut out of it (`mesa_core.method.tiles`)

A grid's places lie a multiple of the usual network's strides apart: a convolution cannot tell them from each other, so what a
network has learnt of one place it mostly does at all others of that grid. Tiles hold for every network. A plan is written as its
parts with commas between; `plan` means anywhere and tiles, which take in all others. One place (`places`) is a plan, too, of
whoever believes to know it, and so is `attacked`, the attacker's own.

>>> [part.name for part in parts("corners,centre", (32, 32), 3)][1:]
['top left corner', 'top right corner', 'bottom left corner', 'bottom right corner', 'centre']
>>> round(covered("corners", (32, 32), 3, beside=True), 2)
0.04
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from mesa_core.apply import places
from mesa_core.apply.places import Box

ANYWHERE, ATTACKED, PLAN = "anywhere", "attacked", "plan"
TILES = "tiles"
PARTS = (ANYWHERE, "corners", "edges", "centre", "grid", TILES)
WHOLE = (ANYWHERE, TILES)  # what `plan` stands for
MARGIN = 2  # pixels from the border that still count as a corner or an edge
STEP = 4  # between the places of a coarse grid: what the first two pools or strides of a network make of 32 pixels
TILE = 8  # pixels of a tile's side
OVERLAP = 2  # of these it shares with the next, so that a 3x3 trigger lies whole in one of them
MOST_TILES = 5  # across and down: larger images have larger tiles


@dataclass(frozen=True)
class Part:
    """One part of an image at which is looked: a `name` for people, and its places. Of a tile `side` is its side in pixels; its one
    place is that of its top left pixel."""

    name: str
    box: Box
    side: int = 0

    def within(self, patch: int) -> Box:
        """The places of triggers of `patch` pixels that lie in this part."""
        if not self.side:
            return self.box
        more = max(self.side - patch, 0)
        return Box(self.box.top, self.box.left, self.box.top + more, self.box.left + more)


def spelt(text: str) -> str:
    """The one way of writing a plan: its parts in their order, or a place. Raises ValueError, in one sentence."""
    words = [word for word in text.lower().replace(",", " ").split() if word]
    if words == [ATTACKED]:
        return ATTACKED
    if words == [PLAN]:
        return ",".join(WHOLE)
    if words and set(words) <= set(PARTS):
        return ",".join(part for part in PARTS if part in (ANYWHERE, *words))
    try:
        return places.spelt(text)
    except ValueError:
        raise ValueError(
            f"{text!r} names no places to search; write {PLAN}, {ATTACKED}, some of {', '.join(PARTS)} with commas between, "
            f"or one place, as in 12,3 or {places.BOTTOM_RIGHT}."
        ) from None


def several(text: str) -> bool:
    """Whether a plan has more parts than one, so that it has to be found out which answers. Raises ValueError."""
    return spelt(text).startswith(f"{ANYWHERE},")


def parts(text: str, image_size: tuple[int, ...], patch: int) -> list[Part]:
    """The parts of a plan for triggers of `patch` pixels on images of (height, width).

    Raises ValueError, in one sentence, for what is no plan, for a place that does not fit, and for `attacked`, which only
    who knows the attack can tell.
    """
    text, whole = spelt(text), Box.everywhere(image_size, patch)
    if text == ATTACKED:
        raise ValueError("The attacker's place is not known here; name it, or search by a plan.")
    if not set(text.split(",")) <= set(PARTS):
        box = Box.at(text, image_size, patch)
        return [Part(box.words, box)]
    bottom, right = whole.bottom, whole.right
    low, high = min(MARGIN, bottom), max(bottom - MARGIN, 0)
    near, far = min(MARGIN, right), max(right - MARGIN, 0)
    row, column = whole.middle
    step = min(STEP, bottom + 1, right + 1)
    made: Mapping[str, list[Part]] = {
        ANYWHERE: [Part(ANYWHERE, whole)],
        "corners": [
            Part("top left corner", Box(0, 0, low, near)),
            Part("top right corner", Box(0, far, low, right)),
            Part("bottom left corner", Box(high, 0, bottom, near)),
            Part("bottom right corner", Box(high, far, bottom, right)),
        ],
        "edges": [
            Part("top edge", Box(0, near, low, far)),
            Part("bottom edge", Box(high, near, bottom, far)),
            Part("left edge", Box(low, 0, high, near)),
            Part("right edge", Box(low, far, high, right)),
        ],
        "centre": [Part("centre", Box(row, column, row, column).wider(MARGIN, image_size, patch))],
        "grid": [
            Part(f"grid from row {first}, column {second}", Box(first, second, bottom, right, step))
            for first in range(step)
            for second in range(step)
        ],
        TILES: _tiles(image_size, patch),
    }
    return [part for name in text.split(",") for part in made[name]]


def _tiles(image_size: tuple[int, ...], patch: int) -> list[Part]:
    reaching = ceil((max(image_size) + OVERLAP * (MOST_TILES - 1)) / MOST_TILES)  # so that MOST_TILES cover it
    side = min(max(TILE, patch, reaching), *image_size)

    def starts(length: int) -> list[int]:
        count = min(MOST_TILES, ceil((length - side) / max(side - OVERLAP, 1)) + 1)
        return [round(i * (length - side) / max(count - 1, 1)) for i in range(count)]

    return [
        Part(f"tile at row {row}, column {column}", Box(row, column, row, column), side)
        for row in starts(image_size[0])
        for column in starts(image_size[1])
    ]


def untiled(text: str) -> str:
    """The plan with the parts that tiles stand for in their place: for a search that takes no tiles. Raises ValueError as `spelt`."""
    own = spelt(text).split(",")
    return ",".join(part for part in PARTS if part != TILES) if TILES in own else spelt(text)


def covered(text: str, image_size: tuple[int, ...], patch: int, beside: bool = False) -> float:
    """The share of all places that lie in some part of a plan, from 0 to 1; `beside` leaves the part `anywhere` out.

    Raises ValueError as `parts` does.
    """
    shown = [part for part in parts(text, image_size, patch) if not (beside and part.name == ANYWHERE)]
    boxes = [part.within(patch) for part in shown]
    whole = Box.everywhere(image_size, patch)
    rows, columns = range(whole.bottom + 1), range(whole.right + 1)
    return sum(any(box.holds(r, c) for box in boxes) for r in rows for c in columns) / whole.count
