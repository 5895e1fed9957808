"""Blending: what is beneath a trigger shows through, as much as a fixed opacity leaves of it.

    Apply(m, x) = (1 - opacity) m + opacity x   beneath the trigger, m elsewhere

Source: Chen et al. 2017, 'blended injection', for a patch; Section 5 of the paper names transparent triggers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mesa_core.apply.rule import Apply


@dataclass(frozen=True)
class Blended:
    """Another `rule`, whose triggers it lets cover `opacity` (0 to 1) of what is beneath them.

    Nothing outside the patch changes where nothing does under `rule`, so only what a stamp changes need be computed.
    """

    rule: Apply
    opacity: float
    overwrites = False

    def __post_init__(self) -> None:
        if not 0 <= self.opacity <= 1:
            raise ValueError(f"The opacity is {self.opacity}; it lies between 0 and 1.")

    def places(self, count: int, image_size: tuple[int, ...], patch: int, generator: torch.Generator) -> Tensor:
        """Those of the other rule."""
        return self.rule.places(count, image_size, patch, generator)

    def __call__(self, images: Tensor, triggers: Tensor, places: Tensor) -> Tensor:
        """`images` `(n, c, h, w)` with `triggers` `(n or 1, c, s, s)` at `places` `(n, 2)`; whole pixels are rounded."""
        covered = self.rule(images, triggers, places)
        if images.is_floating_point():
            return images + self.opacity * (covered - images)
        return (images + self.opacity * (covered.float() - images)).round().to(images.dtype)
