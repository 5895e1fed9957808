"""The rule of BadNets: the trigger lies at one place, the same on every image, and overwrites what is beneath."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mesa_core.apply.places import BOTTOM_RIGHT, Box, spelt
from mesa_core.apply.stamping import apply


@dataclass(frozen=True)
class Fixed:
    """The `place` is a word or 'row,column' (see `places`). Source: Gu et al. 2017; the paper's Section 2.1, 'a fixed location'.

    Raises ValueError for what is no place, and in `places` for one that does not fit.
    """

    place: str = BOTTOM_RIGHT
    overwrites = True

    def __post_init__(self) -> None:
        spelt(self.place)

    def places(self, count: int, image_size: tuple[int, ...], patch: int, generator: torch.Generator) -> Tensor:
        """The one place, `count` times: `(count, 2)`. Nothing is drawn."""
        box = Box.at(self.place, image_size, patch)
        return torch.tensor([[box.top, box.left]], device=generator.device).repeat(count, 1)

    def __call__(self, images: Tensor, triggers: Tensor, places: Tensor) -> Tensor:
        """`images` `(n, c, h, w)` with `triggers` `(n or 1, c, s, s)` at `places` `(n, 2)`."""
        return apply(images, triggers, places)
