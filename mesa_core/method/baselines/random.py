"""Random triggers, which any defender can stamp without any model: the control that every table needs."""

from __future__ import annotations

import torch
from torch import Tensor

from mesa_core.triggers import COLOURS


def black_and_white(n: int, generator: torch.Generator, size: int = 3) -> Tensor:
    """`n` triggers `(n, 3, s, s)` of zeros and ones, each cell white with probability one half, on the generator's device."""
    cells = torch.randint(2, (n, 1, size, size), generator=generator, device=generator.device)
    return cells.float().expand(-1, 3, -1, -1).contiguous()


def uniform_colours(n: int, generator: torch.Generator, size: int = 3, cell: int = COLOURS) -> Tensor:
    """`n` triggers `(n, k, s, s)`, all k = 3 numbers of every `cell` (4 with an opacity) uniform in [0, 1], on the generator's device."""
    return torch.rand(n, cell, size, size, generator=generator, device=generator.device)
