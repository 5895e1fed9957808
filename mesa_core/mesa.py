"""MESA, Algorithm 1 with Algorithm 2 inside: train a group of sub-models, skip the empty ones, mix the rest.

All sub-models of a group are trained together in one vectorised pass; since they share no weights, each is trained
as if it were alone. `SubModels` holds what differs between kinds; here is what is common to all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mesa_core.submodels.base import Diagnostics, SubModels
from mesa_core.surrogate import Surrogate


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


def keep(betas: Sequence[float], upper: Sequence[float], values: Sequence[float]) -> tuple[list[bool], bool]:
    """The skipping rule: which sub-models stay, and whether all failed so that only the best was kept.

    A sub-model is skipped when the upper end of its measured ASR's interval lies below its level (the paper skips
    where the measured ASR does; a finite measurement deserves its doubt). Source: Section 3.2, Algorithm 1 line 7.
    """
    kept = [high >= beta for beta, high in zip(betas, upper, strict=True)]
    if any(kept):
        return kept, False
    best = max(range(len(values)), key=values.__getitem__)
    return [i == best for i in range(len(values))], True


def weights(kept: Sequence[bool], entropies: Sequence[float | None] | None = None) -> list[float]:
    """γ of the mixture: 1/N over the kept, or in proportion to e^h where every kept one states its entropy h.

    Source: Algorithm 1, lines 8 to 13, with g the identity (so g' = 1), and step 3 of Section 3.3.
    Raises ValueError where entropies are asked for and a kept sub-model has none.
    """
    raw = torch.tensor([1.0 if k else 0.0 for k in kept], dtype=torch.float64)
    if entropies is not None:
        known = [h for k, h in zip(kept, entropies, strict=True) if k]
        if any(h is None for h in known):
            raise ValueError("These sub-models do not know their entropy; choose gamma = uniform.")
        top = max(h for h in known if h is not None)  # differences matter, not sizes
        raw = raw * torch.tensor(
            [
                2.718281828459045 ** (h - top) if k and h is not None else 0.0
                for k, h in zip(kept, entropies, strict=True)
            ],
            dtype=torch.float64,
        )
    return (raw / raw.sum()).tolist()


def mixture(group: SubModels, gamma: Sequence[float], n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """`n` triggers `(n, 3, s, s)` of the mixture, and the sub-model each came from, `(n,)`."""
    host = torch.Generator().manual_seed(
        int(torch.randint(2**31 - 1, (1,), generator=generator, device=generator.device).item())
    )
    source = torch.multinomial(torch.tensor(gamma, dtype=torch.float64), n, replacement=True, generator=host)
    drawn = group.sample(n, generator)  # (N, n, 3, s, s)
    source = source.to(drawn.device)
    return drawn[source, torch.arange(n, device=drawn.device)], source
