"""An opacity for each pixel of a trigger, a fourth number beside its colour: what a cell says of itself.

    Apply(m, (c, a)) = a c + (1 - a) m   beneath the trigger, cell by cell; m elsewhere

Source: Section 5 of the paper, "transparency ... an additional channel". The same for all cells is `blended`; 1 in each is
overwriting, and 0 a cell that the trigger does not have, so a mask, or another form than the square, is an opacity of 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mesa_core.apply.rule import Apply
from mesa_core.triggers import COLOURS


def parted(triggers: Tensor) -> tuple[Tensor, Tensor | None]:
    """Colours `(n, 3, s, s)` and opacities `(n, 1, s, s)` of triggers `(n, 4, s, s)`; None beside those that have no opacities."""
    if triggers.shape[1] == COLOURS:
        return triggers, None
    return triggers[:, :COLOURS], triggers[:, COLOURS:]


@dataclass(frozen=True)
class PerPixel:
    """Another `rule`, whose triggers may have opacities, `(n, 4, s, s)`; those without, `(n, 3, s, s)`, are put on by it as ever.

    Nothing outside the patch changes where nothing does under `rule`, which overwrites; so only what a stamp changes need be
    computed. Differentiable in colours and opacities: the gradient of a colour is its opacity, that of an opacity how far the
    colour lies from what is beneath. Raises ValueError for a rule that does not overwrite.
    """

    rule: Apply
    overwrites = False
    opacity = 1.0  # of the patch as a whole, besides what its cells say (see `rule.opacity_of`)

    def __post_init__(self) -> None:
        if not self.rule.overwrites:
            raise ValueError("Opacities of pixels need a rule that overwrites.")

    def places(self, count: int, image_size: tuple[int, ...], patch: int, generator: torch.Generator) -> Tensor:
        """Those of the other rule."""
        return self.rule.places(count, image_size, patch, generator)

    def __call__(self, images: Tensor, triggers: Tensor, places: Tensor) -> Tensor:
        """`images` `(n, c, h, w)` with `triggers` `(n or 1, 3 or 4, s, s)` at `places` `(n, 2)`; whole pixels are rounded.

        Opacities lie in [0, 1] whatever the units of images and colours; those of whole pixels in 0 to 255, as their colours do.
        """
        colours, own = parted(triggers)
        covered = self.rule(images, colours, places)
        if own is None:
            return covered
        exact = images.is_floating_point()
        own = own if exact else own.float() / 255
        nothing = torch.zeros(len(images), 1, *images.shape[-2:], dtype=own.dtype, device=images.device)
        share = self.rule(nothing, own, places)  # (n, 1, h, w), 0 beside the patch
        if exact:
            return images + share.to(images.dtype) * (covered - images)
        return (images + share * (covered.float() - images)).round().to(images.dtype)
