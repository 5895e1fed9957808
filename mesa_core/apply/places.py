"""Places in words and numbers: where a trigger lies that has a fixed place, and where one is looked for. Needs no torch.

A place is the trigger's top left corner. It is written as two numbers, row and column from the top left of the image
(`12,3`), or as a word that fits every size of image and trigger: `bottom-right`, `top`, `centre`. A `Box` is a rectangle of
places, all of them alike; one place is a box of one. With a `step` it is a lattice, every so manieth place of a rectangle.

>>> Box.at("bottom-right", (32, 32), 3)
Box(top=29, left=29, bottom=29, right=29, step=1)
>>> Box.everywhere((32, 32), 3).count
900
>>> Box.at("12,3", (32, 32), 3).words
'row 12, column 3'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

BOTTOM_RIGHT = "bottom-right"
WORDS: Mapping[str, tuple[float, float]] = {  # how far down and how far right, from 0 to 1
    "top-left": (0, 0),
    "top-right": (0, 1),
    "bottom-left": (1, 0),
    BOTTOM_RIGHT: (1, 1),
    "top": (0, 0.5),
    "bottom": (1, 0.5),
    "left": (0.5, 0),
    "right": (0.5, 1),
    "centre": (0.5, 0.5),
}
NUMBERS = re.compile(r"\s*(\d{1,4})\s*[,\s]\s*(\d{1,4})\s*")


@dataclass(frozen=True)
class Box:
    """Places `top` to `bottom` and `left` to `right`, both ends included, each `step` pixels from the next."""

    top: int
    left: int
    bottom: int
    right: int
    step: int = 1

    @classmethod
    def at(cls, place: str, image_size: tuple[int, ...], patch: int) -> Box:
        """The one place that is named, for triggers of `patch` pixels on images of (height, width).

        Raises ValueError, in one sentence, for what is no place, or one where the trigger would not fit.
        """
        lowest, rightmost = (side - patch for side in image_size)
        place = spelt(place)
        if place in WORDS:
            down, across = WORDS[place]
            row, column = round(down * lowest), round(across * rightmost)
        else:
            row, column = map(int, place.split(","))
        if row > lowest or column > rightmost:
            raise ValueError(
                f"The place {place} does not fit: a trigger of {patch}×{patch} pixels on images of "
                f"{image_size[0]}×{image_size[1]} lies at most at {lowest},{rightmost}."
            )
        return cls(row, column, row, column)

    @classmethod
    def everywhere(cls, image_size: tuple[int, ...], patch: int) -> Box:
        """All places at which a trigger of `patch` pixels fits."""
        return cls(0, 0, image_size[0] - patch, image_size[1] - patch)

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns of places it has."""
        return (self.bottom - self.top) // self.step + 1, (self.right - self.left) // self.step + 1

    @property
    def count(self) -> int:
        """How many places it has."""
        rows, columns = self.shape
        return rows * columns

    def holds(self, row: int, column: int) -> bool:
        """Whether a place is one of its."""
        inside = self.top <= row <= self.bottom and self.left <= column <= self.right
        return inside and (row - self.top) % self.step == 0 and (column - self.left) % self.step == 0

    @property
    def middle(self) -> tuple[int, int]:
        """Row and column of the place in its middle."""
        return (self.top + self.bottom) // 2, (self.left + self.right) // 2

    @property
    def words(self) -> str:
        """'row 12, column 3', or 'rows 0 to 2, columns 27 to 29'."""
        parts = (("row", self.top, self.bottom), ("column", self.left, self.right))
        every = f", every {self.step}th of both" if self.step > 1 else ""
        each = (f"{what} {low}" if low == high else f"{what}s {low} to {high}" for what, low, high in parts)
        return ", ".join(each) + every

    def wider(self, by: int, image_size: tuple[int, ...], patch: int) -> Box:
        """The same with `by` pixels more on each side, as far as triggers fit there."""
        whole = Box.everywhere(image_size, patch)
        return Box(
            max(self.top - by, 0),
            max(self.left - by, 0),
            min(self.bottom + by, whole.bottom),
            min(self.right + by, whole.right),
        )


def spelt(place: str) -> str:
    """The one way of writing a place: a word of `WORDS`, or 'row,column'. Raises ValueError."""
    if place.strip().lower() in WORDS:
        return place.strip().lower()
    found = NUMBERS.fullmatch(place)
    if not found:
        raise ValueError(
            f"{place!r} is no place; write its row and column in pixels, such as 12,3, or one of {', '.join(WORDS)}."
        )
    return f"{int(found[1])},{int(found[2])}"
