"""MESA, Algorithm 1 with Algorithm 2 inside: train a group of sub-models, skip the empty ones, mix the rest.

All sub-models of a group are trained together in one vectorised pass; since they share no weights, each is trained
as if it were alone. `SubModels` holds what differs between kinds; here is what is common to all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mesa_core.method.submodels.base import Diagnostics, SubModels
from mesa_core.method.surrogate import Surrogate


@dataclass(frozen=True)
class MesaStep:
    """After `done` of `total` training steps; `diagnostics` is None before the first."""

    done: int
    total: int
    diagnostics: Diagnostics | None


def train(group: SubModels, surrogate: Surrogate, steps: int, generator: torch.Generator) -> Iterator[MesaStep]:
    """Train all sub-models of `group` for `steps`; yields before the first step and after each.

    Nothing is read from the device here; whoever wants a figure reads it from the diagnostics.
    """
    yield MesaStep(0, steps, None)
    for done in range(1, steps + 1):
        yield MesaStep(done, steps, group.step(surrogate, generator))


def mixture(group: SubModels, gamma: Sequence[float], n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """`n` triggers `(n, 3, s, s)` of the mixture, and the sub-model each came from, `(n,)`."""
    host = torch.Generator().manual_seed(
        int(torch.randint(2**31 - 1, (1,), generator=generator, device=generator.device).item())
    )
    source = torch.multinomial(torch.tensor(gamma, dtype=torch.float64), n, replacement=True, generator=host)
    drawn = group.sample(n, generator)  # (N, n, 3, s, s)
    source = source.to(drawn.device)
    return drawn[source, torch.arange(n, device=drawn.device)], source
