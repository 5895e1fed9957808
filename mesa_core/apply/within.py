"""A rule for whoever searches: each group of triggers lies in a box of its own, uniformly over its places."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mesa_core.apply.places import Box
from mesa_core.apply.stamping import apply


class Within:
    """`boxes` one for each of equal, consecutive groups of the triggers that are asked for; a single one serves all.

    So a search that asks for places of N groups at once, one a sub-model, looks at N parts of the image in one pass.
    """

    overwrites = True

    def __init__(self, boxes: Sequence[Box]) -> None:
        if not boxes:
            raise ValueError("There is no box to lie in.")
        self.boxes = tuple(boxes)

    def places(self, count: int, image_size: tuple[int, ...], patch: int, generator: torch.Generator) -> Tensor:
        """Corners `(count, 2)`, each uniform over its box. Raises ValueError where the groups cannot be equal."""
        groups = len(self.boxes)
        if count % groups:
            raise ValueError(f"{count} triggers are no {groups} equal groups.")
        whole, device = Box.everywhere(image_size, patch), generator.device
        if any(box.bottom > whole.bottom or box.right > whole.right for box in self.boxes):
            raise ValueError(f"A box reaches beyond the places of {patch}×{patch} triggers.")
        low = torch.tensor([[box.top, box.left] for box in self.boxes], device=device)  # (groups, 2)
        shape = torch.tensor([box.shape for box in self.boxes], device=device)[:, None]
        step = torch.tensor([box.step for box in self.boxes], device=device)[:, None, None]
        share = torch.rand(groups, count // groups, 2, generator=generator, device=device)
        steps = (share * shape).long().minimum(shape - 1)  # a product may round up to its bound
        return (low[:, None] + step * steps).flatten(0, 1)

    def __call__(self, images: Tensor, triggers: Tensor, places: Tensor) -> Tensor:
        """`images` `(n, c, h, w)` with `triggers` `(n or 1, c, s, s)` at `places` `(n, 2)`."""
        return apply(images, triggers, places)
