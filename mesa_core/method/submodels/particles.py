"""Sub-models that are particles, walking on a learned map of F: no generator, and a stationary law that is known.

For a level beta, eq. 4 asks for a law p over triggers that minimises E_p[max(0, beta - F(x))] - alpha h(p). With the
entropy h counted per dimension (d = 27 values for a 3x3 trigger, 36 with opacities) the best law is known in closed form (Gibbs):

    p(x)  ~  exp(-d / alpha * max(0, beta - F(x)))      on [0, 1]^d,

the uniform law on {F >= beta}, with an edge whose softness is alpha (beta with a margin, see `base.edges`). Particles
sample it by Langevin moves with Metropolis's correction, while the edge is sharpened from nothing to d / alpha.

F is dear: each look costs the victim a gradient. So a small network, the map, is fitted to what the victim answered
(value and gradient at every trigger it was asked, on single images: the fit averages over images), and particles
make many moves on the map for one look at the victim. A sampler exploits the errors of such a map, so the looks are
where the particles are: an error that attracts them is seen and mended within the next steps.

This kind is ours, not the paper's.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mesa_core.config import ExperimentConfig
from mesa_core.method.submodels.base import Diagnostics, SubModels, Wanted, common, edges, part
from mesa_core.method.submodels.generators import StackedLinear
from mesa_core.method.submodels.langevin import walk
from mesa_core.method.surrogate import Surrogate
from mesa_core.triggers import COLOURS

COLDEST = 1e-3  # alpha below this counts as this
ANNEALED = 0.6  # share of the training after which the edge has its full sharpness
FITTED = 512  # answers in one fit of the map: half of them recent, half of any age
RECENT = 8  # steps
KEPT = 60_000  # answers that the map is fitted to, the newest
FRESH = 40  # moves that make further samples of a particle


class Map(nn.Module):
    """The logit of F at triggers `(M, n, d)`, for M maps side by side: `(M, n)`."""

    def __init__(self, maps: int, inside: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        widths = (inside, width, width, 1)
        pairs = itertools.pairwise(widths)
        self.layers = nn.ModuleList(StackedLinear(maps, a, b, generator) for a, b in pairs)

    def forward(self, x: Tensor) -> Tensor:
        x = 2 * x - 1
        for layer in self.layers[:-1]:
            x = F.silu(layer(x))  # smooth, since its gradient is fitted too
        return self.layers[-1](x).squeeze(2)


def settings(config: ExperimentConfig, wanted: Wanted) -> dict[str, Any]:
    """What the configuration says of every kind that lets particles walk."""
    return common(config, wanted) | {
        "steps": wanted.steps,
        "shared": wanted.one_target,
        "count": config.particles,
        "moves": config.particle_moves,
    }


class Particles(SubModels):
    """N groups of particles, one a level (or a class).

    `steps` is the length of the training, which the sharpening needs to know; `shared` says that all groups have the
    same target class, so that one map serves them all and every look at the victim teaches it.
    """

    kind = "particles"

    @classmethod
    def of(cls, betas: Tensor, config: ExperimentConfig, wanted: Wanted) -> Particles:
        return cls(betas, **settings(config, wanted))

    def __init__(
        self,
        betas: Tensor,
        *,
        alpha: float,
        batch: int,
        steps: int,
        shared: bool,
        count: int = 512,
        moves: int = 10,
        fits: int = 4,
        width: int = 128,
        lr: float = 0.002,
        size: int = 3,
        cell: int = COLOURS,
        seed: int = 0,
    ) -> None:
        self.betas, self.batch, self.moves, self.fits, self.size, self.cell = betas, batch, moves, fits, size, cell
        self.edges = edges(betas)
        self.shared, self.done = shared, 0
        groups, device, self.dim = len(betas), betas.device, cell * size * size
        self.sharpest = self.dim / max(alpha, COLDEST)
        self.annealed = max(1, round(ANNEALED * steps))
        host = torch.Generator().manual_seed(seed)  # drawn on the host: equal on every device
        maps, each = (1, groups * batch) if shared else (groups, batch)
        self.map = Map(maps, self.dim, width, host).to(device)
        self.optimiser = torch.optim.Adam(self.map.parameters(), lr, foreach=True)
        # Logits of the pixels, so that no move leaves the box.
        self.places = torch.logit(torch.rand(groups, count, self.dim, generator=host), eps=1e-3).to(device)
        self.stride = torch.full((groups, 1), 0.1, device=device)
        self.each, room = each, each * min(steps, -(-KEPT // each))
        self.seen = {  # what the victim answered: triggers, F, and its gradient
            "x": torch.zeros(maps, room, self.dim, device=device),
            "success": torch.zeros(maps, room, device=device),
            "slope": torch.zeros(maps, room, self.dim, device=device),
        }

    @property
    def sharpness(self) -> float:
        """What the hinge is multiplied by now: from 0 to d / alpha."""
        return self.sharpest * min(1.0, self.done / self.annealed) ** 2

    def height(self, x: Tensor) -> Tensor:
        """F by the map, `(N, n, d)` to `(N, n)`."""
        inside = x.flatten(0, 1)[None] if self.shared else x  # (N, n, d) -> (1, N*n, d)
        return torch.sigmoid(self.map(inside)).view(x.shape[:2])

    def energy(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Minus log p of logits `(N, n, d)` up to a constant, `(N, n)`, and its gradient."""
        with torch.enable_grad():
            places = places.detach().requires_grad_()
            hinge = F.relu(self.edges - self.height(torch.sigmoid(places)))
            # The second part is the Jacobian: uniform pixels are not uniform logits.
            value = self.sharpness * hinge + (F.softplus(places) + F.softplus(-places)).sum(2)
            (slope,) = torch.autograd.grad(value.sum(), places)
        return value.detach(), slope

    def walk(self, places: Tensor, moves: int, generator: torch.Generator, adapt: bool) -> Tensor:
        """Moves of logits `(N, n, d)` on the map; `adapt` steers the stride."""
        places, self.stride, _ = walk(self.energy, places, self.stride, moves, generator, adapt)
        return places

    def step(self, surrogate: Surrogate, generator: torch.Generator) -> Diagnostics:
        groups, count, device = *self.places.shape[:2], self.places.device
        pick = torch.randint(count, (groups, self.batch), generator=generator, device=device)
        looked = self.places.gather(1, pick[..., None].expand(-1, -1, self.dim))
        x = torch.sigmoid(looked).requires_grad_()  # (N, n, d)
        success = surrogate(self.triggers(x), generator)  # (N, n)
        (slope,) = torch.autograd.grad(success.sum(), x)
        success = success.detach()
        self.remember(x=x.detach(), success=success, slope=slope)
        self.done += 1
        for _ in range(self.fits):
            self.fit(generator)
        self.places = self.walk(self.places, self.moves, generator, adapt=True)
        hinge = F.relu(self.betas[:, None] - success).mean(1)
        return Diagnostics(success.mean(1), hinge, torch.full_like(hinge, float("nan")))

    def remember(self, **answers: Tensor) -> None:
        """Keep what the victim answered; where there is no more room, the oldest goes."""
        room = self.seen["success"].shape[1] // self.each
        at = self.done % room * self.each
        for name, value in answers.items():
            self.seen[name][:, at : at + self.each] = value.flatten(0, 1)[None] if self.shared else value

    def fit(self, generator: torch.Generator) -> None:
        """One step of the map towards values and gradients; each on the scale of its own spread."""
        most = self.seen["success"].shape[1]
        known, newest = min(self.done * self.each, most), self.done * self.each
        recent = min(RECENT * self.each, known)
        draw = torch.randint(known, (FITTED,), generator=generator, device=generator.device)
        draw[: FITTED // 2] = (newest - 1 - draw[: FITTED // 2] % recent) % most
        x, success, slope = (self.seen[name][:, draw] for name in ("x", "success", "slope"))
        x = x.clone().requires_grad_()
        logit = self.map(x)
        (found,) = torch.autograd.grad(torch.sigmoid(logit).sum(), x, create_graph=True)
        steep = (found - slope).square().mean((1, 2)) / slope.square().mean((1, 2)).clamp(min=1e-8)
        value = F.binary_cross_entropy_with_logits(logit, success, reduction="none").mean(1)
        self.optimiser.zero_grad(set_to_none=True)
        (value + steep).sum().backward()
        self.optimiser.step()

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """The particles themselves; beyond their number, copies that have walked on for a while."""
        count = self.places.shape[1]
        places = self.places[:, :n]
        if n > count:
            copies = self.places.repeat(1, -(-n // count) - 1, 1)[:, : n - count]
            places = torch.cat([places, self.walk(copies, FRESH, generator, adapt=False)], 1)
        return self.triggers(torch.sigmoid(places))

    def entropy(self) -> list[dict[str, Any] | None]:
        # The density is known but for its constant, and the constant is what the entropy needs.
        return [None] * len(self.betas)

    def state(self) -> dict[str, Tensor]:
        own = {"places": self.places, "stride": self.stride, "done": torch.tensor(self.done)}
        return {k: v.detach().clone() for k, v in {**own, **self.map.state_dict(prefix="map.")}.items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a `state`: all that sampling needs, not what the victim answered."""
        self.places, self.stride, self.done = state["places"].clone(), state["stride"].clone(), int(state["done"])
        self.map.load_state_dict(part(state, "map"))
