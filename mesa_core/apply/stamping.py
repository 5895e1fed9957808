"""Apply, the trigger application rule: overwrite a patch of each image at its own random location.

Source: Section 4.1 of the paper. The authors' code used one location for a whole batch and never reached the last
row and column; here every image has its own, and all that fit are possible: 30x30 for 3x3 triggers on 32x32 images.
"""

from __future__ import annotations

import torch
from torch import Tensor


def random_locations(count: int, image_size: tuple[int, ...], patch: int, generator: torch.Generator) -> Tensor:
    """Top left corners, uniform over all that fit: int64 `(count, 2)`, rows then columns (Section 4.1).

    `image_size` is (height, width) and `patch` the side of the trigger, in pixels.
    """
    height, width = image_size
    rows = torch.randint(height - patch + 1, (count,), generator=generator, device=generator.device)
    columns = torch.randint(width - patch + 1, (count,), generator=generator, device=generator.device)
    return torch.stack([rows, columns], 1)


def apply(images: Tensor, triggers: Tensor, locations: Tensor) -> Tensor:
    """Stamp `triggers` `(n or 1, 3, s, s)` on `images` `(n, 3, h, w)` at `locations` `(n, 2)`.

    Returns new images; both inputs in the same units. Differentiable with respect to the triggers: the gradient
    is that of the overwritten pixels, gathered.
    """
    n, channels, _, width = images.shape
    s = triggers.shape[-1]
    offset = torch.arange(s, device=images.device)
    rows = locations[:, 0, None, None] + offset[:, None]  # (n, s, 1)
    columns = locations[:, 1, None, None] + offset  # (n, 1, s)
    index = (rows * width + columns).reshape(n, 1, s * s)  # (n, s, s) -> (n, 1, s*s)
    flat = images.reshape(n, channels, -1)  # (n, 3, h*w)
    source = triggers.to(images.dtype).reshape(-1, channels, s * s).expand(n, -1, -1)
    return flat.scatter(2, index.expand(-1, channels, -1), source).view(images.shape)
