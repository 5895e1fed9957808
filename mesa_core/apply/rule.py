"""What every rule of Apply can do: say where triggers lie, and put them there."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Apply(Protocol):
    """A rule of Apply. Source: Section 2.1 of the paper; its own rule (Section 4.1) is `anywhere.Anywhere`.

    `overwrites` says that what lies beneath a trigger is gone and all else stays as it was; the engine computes less
    where that holds (see `victims.windows`). It does so for `blended.Blended`, `shaped.Shaped` and `per_pixel.PerPixel`, too (see
    `opacity_of`).
    """

    @property
    def overwrites(self) -> bool: ...

    def places(self, count: int, image_size: tuple[int, ...], patch: int, generator: torch.Generator) -> Tensor:
        """Top left corners for `count` triggers of `patch` pixels: int64 `(count, 2)`, rows then columns."""
        ...

    def __call__(self, images: Tensor, triggers: Tensor, places: Tensor) -> Tensor:
        """New images `(n, c, h, w)`: `images` with `triggers` `(n or 1, c, s, s)` at `places` `(n, 2)`.

        Both in the same units; differentiable with respect to the triggers.
        """
        ...


def opacity_of(rule: Apply) -> float | Tensor | None:
    """How much of what is beneath a trigger its patch covers, from 0 to 1, where all else stays as it was; else None.

    A number for the whole patch, or one for each cell, float32 `(s, s)`, where it has a shape. None says that the engine may
    assume nothing of a rule, and computes whole images. What is blended or has a shape covers that part of what its own
    rule covers. Triggers with opacities of their own cover so much of that as their cells say.
    """
    if rule.overwrites:
        return 1.0
    inner: Apply | None = getattr(rule, "rule", None)
    part: float | Tensor | None = getattr(rule, "opacity", None)
    beneath = None if inner is None else opacity_of(inner)
    return None if part is None or beneath is None else part * beneath
