"""Sub-models that are generators with a known density: normalising flows, distilled from particles.

Particles (`submodels.particles`) cover the valid triggers, but they are a heap of points: no density, no new samples
without more walking. Here the same particles walk, and a flow q learns them by maximum likelihood while they do,

    max over q of  E_particles[log q(x)],

which punishes every place that q leaves out, where eq. 4's own direction (and MINE) may sit on one mode and pay
nothing. The flow is a chain of coupling layers of splines on the box [0, 1]^d, which starts at the uniform law, as
the particles do, and follows them while their law sharpens. So it is a generator again, noise in and trigger out,
and what MINE only bounds it knows: log q of every sample, hence the entropy (eq. 2's h) and Algorithm 1's weights.

A flow blurs the edge of a set, and bends a bridge between two that lie apart. So its samples are thinned to the law
that the particles keep, with the particles' map and without the victim: a sample is taken with probability

    w(x) = exp(-sharpness max(0, beta' - map(x))),

which leaves q(x) w(x) / Z, Z = E_q[w], known like q but for the one number Z. The victim is asked no more often than
by the particles. Where w is next to nothing everywhere, as with a level that no trigger reaches, too few samples stand
behind Z, and no entropy is stated.

This kind is ours, not the paper's.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mesa_core.config import ExperimentConfig
from mesa_core.method.submodels import splines
from mesa_core.method.submodels.base import Diagnostics, SubModels, Wanted, part
from mesa_core.method.submodels.generators import StackedLinear
from mesa_core.method.submodels.particles import Particles, settings
from mesa_core.method.surrogate import Surrogate

BATCH = 256  # particles of each level in one step of the flow
EARLY = 4  # steps of the particles for one of the flow, until their law has its full sharpness
LATE = 4  # steps of the flow for one of the particles, from then on
COUNTED = 8192  # samples of q behind a stated entropy
EFFECTIVE = 200  # of them, by their weights; with fewer none is stated
TRIES = 8  # samples of q for one that is taken; where all fail, the one that w prefers


class Coupling(nn.Module):
    """N layers side by side that leave the values `stay` as they are and bend the others by splines made from them."""

    def __init__(self, groups: int, stay: Tensor, dim: int, width: int, bins: int, generator: torch.Generator) -> None:
        super().__init__()
        moved = torch.ones(dim, dtype=torch.bool)
        moved[stay] = False
        self.stay: Tensor
        self.moved: Tensor
        self.register_buffer("stay", stay)
        self.register_buffer("moved", moved.nonzero().squeeze(1))
        self.first = StackedLinear(groups, len(stay), width, generator)
        self.second = StackedLinear(groups, width, width, generator)
        self.last = StackedLinear(groups, width, len(self.moved) * splines.values_of(bins), generator)
        nn.init.zeros_(self.last.weight), nn.init.zeros_(self.last.bias)  # the identity, to begin with

    def forward(self, x: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        """`(N, n, d)` to `(N, n, d)`, and the log of the determinant `(N, n)`."""
        known = x[..., self.stay]
        hidden = F.silu(self.second(F.silu(self.first(2 * known - 1))))
        free = self.last(hidden).view(*x.shape[:2], len(self.moved), -1)  # (N, n, moved * v) -> (N, n, moved, v)
        bent, slope = splines.apply(x[..., self.moved], free, inverse)
        out = torch.empty_like(x)
        out[..., self.stay], out[..., self.moved] = known, bent
        return out, slope.sum(2)


class SplineFlow(nn.Module):
    """N flows side by side between noise, uniform on [0, 1]^d, and triggers."""

    def __init__(
        self, groups: int, dim: int, generator: torch.Generator, layers: int = 6, width: int = 64, bins: int = 6
    ) -> None:
        super().__init__()
        halves: list[Tensor] = []
        for _ in range(0, layers, 2):  # each value stays in one of two layers, by another draw each time
            halves += torch.randperm(dim, generator=generator).tensor_split(2)
        self.layers = nn.ModuleList(
            Coupling(groups, half.sort().values, dim, width, bins, generator) for half in halves[:layers]
        )

    def log_density(self, x: Tensor) -> Tensor:
        """log q of triggers `(N, n, d)`, nats relative to the uniform law: `(N, n)`."""
        total = torch.zeros(x.shape[:2], device=x.device)
        for layer in self.layers:
            x, slope = layer(x, inverse=False)
            total = total + slope
        return total

    def forward(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Triggers `(N, n, d)` from uniform noise `(N, n, d)`, and log q of each `(N, n)`."""
        x, total = noise, torch.zeros(noise.shape[:2], device=noise.device)
        for layer in reversed(self.layers):
            x, slope = layer(x, inverse=True)
            total = total - slope
        return x, total


class Flow(SubModels):
    """N flows that learn N groups of particles. What is given to `Particles` is given here."""

    kind = "flow"

    @classmethod
    def of(cls, betas: Tensor, config: ExperimentConfig, wanted: Wanted) -> Flow:
        return cls(betas, **settings(config, wanted))

    def __init__(self, betas: Tensor, *, steps: int, lr: float = 0.003, seed: int = 0, **given: Any):
        self.particles = Particles(betas, steps=steps, seed=seed, **given)
        self.size, self.cell, self.dim = self.particles.size, self.particles.cell, self.particles.dim
        self.betas, self.steps, self.lr = betas, steps, lr
        host = torch.Generator().manual_seed(seed)  # drawn on the host: equal on every device
        self.flow = SplineFlow(len(betas), self.dim, host).to(betas.device)
        self.optimiser = torch.optim.Adam(self.flow.parameters(), lr, foreach=True)

    def step(self, surrogate: Surrogate, generator: torch.Generator) -> Diagnostics:
        diagnostics = self.particles.step(surrogate, generator)
        done, calm = self.particles.done, self.particles.annealed
        for _ in range(LATE if done > calm else int(done % EARLY == 0)):
            self.fit(generator)
        return diagnostics

    def fit(self, generator: torch.Generator) -> Tensor:
        """One step of maximum likelihood; returns the mean of -log q of what it saw, `(N,)`."""
        left = (self.steps - self.particles.done) / max(1, self.steps - self.particles.annealed)
        for group in self.optimiser.param_groups:
            group["lr"] = self.lr * min(1.0, max(left, 0.05))
        places = self.particles.places
        pick = torch.randint(places.shape[1], (len(self.betas), BATCH), generator=generator, device=places.device)
        x = torch.sigmoid(places.gather(1, pick[..., None].expand(-1, -1, self.dim)))
        loss = -self.flow.log_density(x).mean(1)
        self.optimiser.zero_grad(set_to_none=True)
        loss.sum().backward()
        self.optimiser.step()
        return loss.detach()

    @torch.no_grad()
    def draw(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Triggers `(N, n, d)` and the log of their density `(N, n)`, which leaves out that all tries may have failed.

        Each has tries of its own, so that with the same noise most stay the same while the flow is trained.
        """
        shape = (len(self.betas), TRIES * n, self.dim)
        x, density = self.flow(torch.rand(shape, generator=generator, device=generator.device))
        chance = self.log_chance(x)
        drawn = torch.rand(chance.shape, generator=generator, device=generator.device).log() < chance
        rank = 1.0 + torch.arange(TRIES, 0, -1, device=x.device).repeat_interleave(n)  # the first that is taken
        best = torch.where(drawn, rank, chance).unflatten(1, (TRIES, n)).argmax(1)  # (N, n)
        index = best * n + torch.arange(n, device=x.device)
        density = density + chance - mean_log(chance)
        return x.gather(1, index[..., None].expand(-1, -1, self.dim)), density.gather(1, index)

    def log_chance(self, x: Tensor) -> Tensor:
        """log w of triggers `(N, n, d)`: `(N, n)`, at most 0."""
        made = self.particles
        return -made.sharpness * F.relu(made.edges - made.height(x))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        x, _ = self.draw(n, generator)
        return self.triggers(x)

    @torch.no_grad()
    def entropy(self) -> list[dict[str, Any] | None]:
        """Of the thinned laws: the mean of -log(q w / Z) over samples of q that count as much as w says.

        `n` is how many those are worth, `error` one standard error.
        """
        generator = torch.Generator(self.betas.device).manual_seed(0)
        x, density = self.flow(
            torch.rand(len(self.betas), COUNTED, self.dim, generator=generator, device=self.betas.device)
        )
        chance = self.log_chance(x)
        told: list[dict[str, Any] | None] = []
        for own, surprise in zip(chance.double(), -(density + chance - mean_log(chance)).double(), strict=True):
            weight = own.softmax(0)
            effective = 1 / float(weight.square().sum())
            value = float((weight * surprise).sum())
            error = float((weight * (surprise - value)).square().sum().sqrt())
            known = {"value": round(value, 3), "error": round(error, 3), "method": "density", "n": round(effective)}
            told.append(known if effective >= EFFECTIVE else None)
        return told

    def state(self) -> dict[str, Tensor]:
        flow = {f"flow.{name}": value.detach().clone() for name, value in self.flow.state_dict().items()}
        return flow | {f"particles.{name}": value for name, value in self.particles.state().items()}

    def load(self, state: dict[str, Tensor]) -> None:
        self.flow.load_state_dict(part(state, "flow"))
        self.particles.load(part(state, "particles"))


def mean_log(values: Tensor) -> Tensor:
    """Log of the mean of exp(values), `(N, n)` to `(N, 1)`."""
    return values.logsumexp(1, keepdim=True) - math.log(values.shape[1])
