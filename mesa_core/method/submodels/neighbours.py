"""Generators whose entropy is measured by nearest neighbours: eq. 4 with another h.

MINE's bound (eq. 3) cannot exceed the log of the number of pairs, some five nats, while entropies of triggers differ by
tens, so past the first nats nothing pulls its samples apart. Here the entropy of a batch is estimated from the distance
r of each trigger to its K-th neighbour (Kozachenko and Leonenko 1987; see `mesa_core.measures.entropy`),

    h(x)  =  d mean log r  +  what does not depend on x,

which has no ceiling and a gradient for every pair of neighbours, and G minimises, with h counted per dimension,

    L = max(0, beta' - F(G(z))) - alpha h(G(z)) / d,

so alpha means what it means to `particles`. No second network is trained. The triggers of a batch repel each other, so
they lie further apart than as many independent draws would: the estimate is no measure of this kind's entropy, which
is smaller. What it is good for is measured otherwise: how many valid triggers it finds, and what its repair leaves.

This kind is ours, not the paper's.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mesa_core.config import ExperimentConfig
from mesa_core.method.submodels.base import Diagnostics, Wanted, edges
from mesa_core.method.submodels.generators import Generators
from mesa_core.method.surrogate import Surrogate

K = 3  # which neighbour, as in `mesa_core.measures.entropy`
CLOSEST = 1e-4  # distances count as at least this


def log_distance(x: Tensor) -> Tensor:
    """Mean log distance of triggers `(N, n, d)` to their K-th neighbour within each group, `(N,)`."""
    apart = torch.cdist(x, x) + torch.diag_embed(torch.full(x.shape[:2], torch.inf, device=x.device))
    nearest = apart.topk(min(K, x.shape[1] - 1), largest=False).values[..., -1]
    return nearest.clamp(min=CLOSEST).log().mean(1)


class Neighbours(Generators):
    """N generators, trained together."""

    kind = "neighbours"

    def __init__(self, betas: Tensor, **given: Any) -> None:
        super().__init__(betas, **given)
        self.edges, self.optimiser = edges(betas), self.make_optimiser()

    @classmethod
    def of(cls, betas: Tensor, config: ExperimentConfig, wanted: Wanted) -> Neighbours:
        return cls(betas, **cls.settings(config, wanted))

    def step(self, surrogate: Surrogate, generator: torch.Generator) -> Diagnostics:
        self.optimiser.zero_grad(set_to_none=True)
        x = self.generator.train()(self.draw_noise(self.batch, generator))  # (N, n, d)
        shown = x.detach().requires_grad_()
        spread = log_distance(shown)
        success = surrogate(self.triggers(shown), generator)  # (N, n)
        hinge = F.relu(self.edges - success).mean(1)
        (hinge - self.alpha * spread).sum().backward()
        x.backward(shown.grad)
        self.optimiser.step()
        below = F.relu(self.betas[:, None] - success.detach()).mean(1)
        return Diagnostics(success.detach().mean(1), below, torch.full_like(below, float("nan")))
