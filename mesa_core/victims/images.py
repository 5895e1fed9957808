"""Batched pure functions on resident uint8 images: normalise, crop and flip.

The whole data set is one uint8 tensor on the device, so a batch costs an index and a few vectorised operations;
no worker processes are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from mesa_core.triggers import COLOURS, WITH_OPACITY


@lru_cache(maxsize=64)
def _columns(values: tuple[float, float, float], device: torch.device) -> Tensor:
    """Three numbers as `(3, 1, 1)`, kept on the device: making them anew would wait for it at every step."""
    return torch.tensor(values, device=device).view(3, 1, 1)


@dataclass(frozen=True)
class Normalise:
    """Maps pixels to what a victim sees: `(pixel - mean) / std` for each colour, pixels in [0, 1]; as they are by default."""

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def _affine(self, like: Tensor) -> tuple[Tensor, Tensor]:
        return _columns(self.mean, like.device), _columns(self.std, like.device)

    def images(self, images: Tensor) -> Tensor:
        """uint8 `(n, 3, h, w)` to float32 of the same shape; the memory format is kept."""
        mean, std = self._affine(images)
        return images.float().sub_(mean * 255).div_(std * 255)

    def triggers(self, triggers: Tensor) -> Tensor:
        """Triggers `(n, 3, s, s)` in [0, 1] to the victim's units, differentiably; of `(n, 4, s, s)` the opacities stay."""
        mean, std = self._affine(triggers)
        if triggers.shape[1] == WITH_OPACITY:
            return torch.cat([(triggers[:, :COLOURS] - mean) / std, triggers[:, COLOURS:]], 1)
        return (triggers - mean) / std


def pad_for_crops(images: Tensor, padding: int = 4) -> Tensor:
    """Reflected borders, once for the whole set, uint8, laid out so that a crop is one gather: `(n, h, w, 3)`."""
    chunks = [F.pad(c.float(), (padding,) * 4, mode="reflect").to(torch.uint8) for c in images.split(5000)]
    return torch.cat(chunks).permute(0, 2, 3, 1).contiguous()


def crop_and_flip(padded: Tensor, index: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Random crops of `size` (rows, columns), half of them mirrored: uint8 `(len(index), 3, h, w)` in channels-last memory."""
    height, width = size
    n, span, device = len(index), padded.shape[1] - height + 1, padded.device  # the border is as wide on all sides
    corner = torch.randint(span, (2, n), generator=generator, device=device)
    flip = torch.randint(2, (n, 1), generator=generator, device=device)
    rows = corner[0, :, None] + torch.arange(height, device=device)  # (n, h)
    line = torch.arange(width, device=device)
    columns = corner[1, :, None] + torch.where(flip == 1, width - 1 - line, line)  # (n, w)
    picked = padded[index[:, None, None], rows[:, :, None], columns[:, None, :]]  # (n, h, w, 3)
    return picked.permute(0, 3, 1, 2)
