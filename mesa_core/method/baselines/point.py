"""The point baseline: optimise the pixels of one trigger directly, as defences before MESA did.

Source: Appendix B, 3): start uniform, cross-entropy towards the target class, SGD with momentum 0.9 and learning
rate 0.1. Several seeds are optimised together; each is a defence of its own.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import torch
from torch import Tensor

from mesa_core.events import Progress
from mesa_core.method.surrogate import Surrogate
from mesa_core.pacing import Pace
from mesa_core.triggers import COLOURS


def reverse(
    surrogate: Surrogate, seeds: int, batch: int, steps: int, lr: float, generator: torch.Generator, size: int = 3,
    cell: int = COLOURS,
) -> Generator[Progress, None, Tensor]:  # fmt: skip
    """Reverse-engineer `seeds` triggers for the surrogate's one target; yields progress, returns `(seeds, k, s, s)`.

    `batch` images a seed and step, `lr` in pixel values, which lie in [0, 1] and are clipped to it after each step. A `cell` has
    k = 3 numbers, or 4 with an opacity, which is optimised as a colour is.
    """
    device = generator.device
    wide = replace(surrogate, targets=surrogate.targets[:1].expand(seeds), per_trigger=batch)
    wide = wide.expecting(seeds * batch * steps, size)
    pixels = torch.rand(seeds, 1, cell, size, size, generator=generator, device=device).requires_grad_()
    optimiser = torch.optim.SGD([pixels], lr, momentum=0.9)
    pace = Pace("point", steps)
    for done in range(1, steps + 1):
        loss = wide.cross_entropy(pixels, generator).squeeze(1)  # (seeds,)
        (pixels.grad,) = torch.autograd.grad(loss.sum(), pixels)
        optimiser.step()
        with torch.no_grad():
            pixels.clamp_(0, 1)
        if pace.due(done):
            yield pace.progress(done, loss=loss.mean().item())
    return clipped(pixels)


def clipped(pixels: Tensor) -> Tensor:
    """Detached triggers `(n, k, s, s)` in [0, 1] of pixels `(n, 1, k, s, s)`."""
    return pixels.detach().squeeze(1)
