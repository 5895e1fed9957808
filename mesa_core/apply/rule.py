"""What every rule of Apply can do: say where triggers lie, and put them there."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Apply(Protocol):
    """A rule of Apply. Source: Section 2.1 of the paper; its own rule (Section 4.1) is `anywhere.Anywhere`.

    `overwrites` says that what lies beneath a trigger is gone and all else stays as it was; the engine computes less
    where that holds (see `victims.windows`).
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
