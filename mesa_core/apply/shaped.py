"""A trigger of any shape within its box: it covers only some cells of its patch, and the others leave the image as it is.

    Apply(m, x) = what the other rule makes of it   beneath an opaque cell, m elsewhere

Source: Section 5 of the paper, which leaves triggers of unknown size and shape for later work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mesa_core.apply.rule import Apply
from mesa_core.apply.stamping import apply


@dataclass(frozen=True, eq=False)
class Shaped:
    """Another `rule`, of whose patches it keeps the cells that `mask` bool `(s, s)` has: True is opaque.

    Nothing changes outside of those cells, whatever the other rule does. What a transparent cell of a trigger holds is of no
    consequence, and no gradient reaches it. Raises ValueError for a mask that is no square, or has no opaque cell.
    """

    rule: Apply
    mask: Tensor
    overwrites = False

    def __post_init__(self) -> None:
        if self.mask.dtype != torch.bool or self.mask.ndim != 2 or self.mask.shape[0] != self.mask.shape[1]:
            raise ValueError("A mask says yes or no for each cell of a square.")
        if not self.mask.any():
            raise ValueError("A mask has one opaque cell at least.")

    @property
    def opacity(self) -> Tensor:
        """1 for an opaque cell, 0 for a transparent one: float32 `(s, s)`."""
        return self.mask.float()

    def places(self, count: int, image_size: tuple[int, ...], patch: int, generator: torch.Generator) -> Tensor:
        """Those of the other rule, for the whole box."""
        return self.rule.places(count, image_size, patch, generator)

    def __call__(self, images: Tensor, triggers: Tensor, places: Tensor) -> Tensor:
        """`images` `(n, c, h, w)` with `triggers` `(n or 1, c, s, s)` at `places` `(n, 2)`.

        Raises ValueError for triggers of another size than the mask.
        """
        if triggers.shape[-1] != len(self.mask):
            side, own = triggers.shape[-1], len(self.mask)
            raise ValueError(f"A mask of {own}×{own} cells fits no trigger of {side}×{side}.")
        nowhere = torch.zeros_like(images[:, :1], dtype=torch.bool)
        opaque = apply(nowhere, self.mask[None, None].to(images.device), places)  # (n, 1, h, w)
        return torch.where(opaque, self.rule(images, triggers, places), images)


def shaped(rule: Apply, mask: np.ndarray | None) -> Apply:
    """`rule` for triggers whose opaque cells `mask` bool `(s, s)` says; None: they are full squares."""
    return rule if mask is None else Shaped(rule, torch.from_numpy(mask))
