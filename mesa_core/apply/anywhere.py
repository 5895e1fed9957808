"""The paper's rule: a trigger overwrites a patch of each image, at a place of its own, uniform over all that fit."""

from __future__ import annotations

import torch
from torch import Tensor

from mesa_core.apply.stamping import apply, random_locations


class Anywhere:
    """Section 4.1 of the paper: 30x30 places for a 3x3 trigger on 32x32 images."""

    overwrites = True

    def places(self, count: int, image_size: tuple[int, ...], patch: int, generator: torch.Generator) -> Tensor:
        """Corners `(count, 2)`, each uniform over all places that fit."""
        return random_locations(count, image_size, patch, generator)

    def __call__(self, images: Tensor, triggers: Tensor, places: Tensor) -> Tensor:
        """`images` `(n, c, h, w)` with `triggers` `(n or 1, c, s, s)` at `places` `(n, 2)`."""
        return apply(images, triggers, places)
