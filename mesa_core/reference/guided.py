"""Nested sampling whose particles are led by a learned map of F, and corrected so that the law stays exact.

A look at F is dear, a look at a small network is not. So a map is fitted to every value and gradient that was asked
so far, particles walk far on it, and only where they end is F asked. Such an end y of a walk from x is taken with
probability

    1[F(y) >= t]  min(1, exp(E(y) - E(x))),    E(x) = sharpness * max(0, t - map(x)),

where exp(-E) is the law that the walk keeps. That is Metropolis's rule with a second stage (Christen and Fox, J.
Comput. Graph. Stat. 14, 2005): whatever the map's errors, the uniform law on {F >= t} stays as it is; a bad map
only makes more walks fail. Billiard flights, which know no map, take turns with the walks, so that a particle where
the map is wrong is not held there.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mesa_core.method.submodels.langevin import steer, walk
from mesa_core.method.submodels.particles import Map
from mesa_core.reference.nested import Nested

KEPT = 60_000  # answers that the map is fitted to, the newest
SLOPED = 0.25  # share of the ends whose gradient is asked, too
FITTED = 512  # answers in one step of the fit: half of them recent, half of any age
RECENT = 4  # rounds' worth of answers that count as recent
SOFT = 3.0  # walls of the map's set: E rises by this much over the map's own typical error
STEERED = 2.0  # gain of the stride's steering from one walk to the next
EASY, HARD = 5.0, 300.0  # bounds of the sharpness


class Guided(Nested):
    """A run of nested sampling with a map: each of a round's `flights` is one walk of `hops` moves and one flight.

    `fits` are the steps of the map before each walk, `width` is that of its layers; all else as for `Nested`.
    """

    def __init__(
        self, *given: Any, flights: int = 2, hops: int = 60, fits: int = 80, width: int = 256, **more: Any
    ) -> None:
        super().__init__(*given, **{**more, "flights": flights})
        self.hops, self.fits = hops, fits
        device, dim = self.places.device, self.places.shape[1]
        host = torch.Generator().manual_seed(self.seed)
        self.map = Map(1, dim, width, host).to(device)
        self.optimiser = torch.optim.Adam(self.map.parameters(), 0.002, foreach=True)
        self.stride = torch.full((1, 1), 0.1, device=device)
        self.sharpness = EASY
        self.known = {
            "x": torch.zeros(0, dim, device=device),
            "value": torch.zeros(0, device=device),
            "slope": torch.zeros(0, dim, device=device),
            "sloped": torch.zeros(0, dtype=torch.bool, device=device),
        }

    # -- going on after a stop
    def state(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in ("sharpness", "stride")}
        fitted = {"map": self.map.state_dict(), "optimiser": self.optimiser.state_dict(), "known": self.known}
        return {**super().state(), **numbers, "guide": fitted}

    def load(self, state: dict[str, Any]) -> None:
        state = dict(state)
        fitted = state.pop("guide")
        self.map.load_state_dict(fitted["map"])
        self.optimiser.load_state_dict(fitted["optimiser"])
        self.known = {name: held.to(self.places.device) for name, held in fitted["known"].items()}
        super().load(state)

    # -- the map
    def _value(self, places: Tensor) -> Tensor:
        found = super()._value(places)
        self._remember(places, found, None)
        return found

    def _slope(self, places: Tensor) -> tuple[Tensor, Tensor]:
        values, slopes = super()._slope(places)
        self._remember(places, values, slopes)
        return values, slopes

    def _remember(self, places: Tensor, values: Tensor, slopes: Tensor | None) -> None:
        new = {
            "x": places,
            "value": values,
            "slope": torch.zeros_like(places) if slopes is None else slopes,
            "sloped": torch.full((len(places),), slopes is not None, device=places.device),
        }
        self.known = {name: torch.cat([held, new[name]])[-KEPT:] for name, held in self.known.items()}

    def fit(self) -> None:
        """Some steps of the map towards all that is known, half of it the newest."""
        total = len(self.known["value"])
        recent = min(total, RECENT * len(self.places) * max(1, self.flights))
        for _ in range(self.fits):
            draw = torch.randint(total, (FITTED,), generator=self.generator, device=self.places.device)
            draw[: FITTED // 2] = total - 1 - draw[: FITTED // 2] % recent
            x, value, slope, sloped = (self.known[name][draw] for name in ("x", "value", "slope", "sloped"))
            x = x[None].clone().requires_grad_()
            logit = self.map(x)  # (1, n)
            loss = F.binary_cross_entropy_with_logits(logit[0], value.clamp(0, 1))
            if bool(sloped.any()):
                (found,) = torch.autograd.grad(torch.sigmoid(logit).sum(), x, create_graph=True)
                gap, size = (found[0] - slope).square()[sloped], slope.square()[sloped]
                loss = loss + gap.mean() / size.mean().clamp(min=1e-8)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()

    @torch.no_grad()
    def height(self, x: Tensor) -> Tensor:
        """F by the map, `(n, d)` to `(n,)`."""
        return torch.sigmoid(self.map(x[None]))[0]

    def _energy(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Of the walks, which live on the logits of the box's coordinates `(1, n, d)`."""
        with torch.enable_grad():
            logits = logits.detach().requires_grad_()
            low = F.relu(self.threshold - torch.sigmoid(self.map(torch.sigmoid(logits))))
            # The second part is the Jacobian: uniform pixels are not uniform logits.
            value = self.sharpness * low + (F.softplus(logits) + F.softplus(-logits)).sum(2)
            (slope,) = torch.autograd.grad(value.sum(), logits)
        return value.detach(), slope

    # -- the moves
    def _fly_on(self, flights: int) -> None:
        taken, ended = [], []
        for _ in range(flights):
            self.fit()
            taken.append(self._walk())
            super()._fly_on(1)
            ended.append(self.acceptance)
        self.taken, self.acceptance = sum(taken) / len(taken), sum(ended) / len(ended)

    def _walk(self) -> float:
        """A walk of every particle on the map, and Metropolis's second stage; returns the share that was taken."""
        logits = torch.logit(self.places, eps=1e-6)[None]
        # The second stage asks for a walk that is its own inverse, so the stride changes between walks alone.
        ends, stride, accepted = walk(self._energy, logits, self.stride, self.hops, self.generator, adapt=False)
        self.stride = steer(stride, accepted, STEERED)
        to = torch.sigmoid(ends[0])
        before, after = self.height(self.places), self.height(to)
        values = self._looked(to)
        gain = self.sharpness * (F.relu(self.threshold - after) - F.relu(self.threshold - before))
        took = self._taken(values, gain)
        self.places = torch.where(took[:, None], to, self.places)
        self.values = torch.where(took, values, self.values)
        wrong = float((after - values).square().mean().sqrt())
        self.sharpness = min(max(SOFT / max(wrong, 1e-6), EASY), HARD)
        return float(took.float().mean())

    def _looked(self, to: Tensor) -> Tensor:
        """F of the walks' ends, `(n,)`; of a part of them its gradient is asked with it, for the map."""
        asked = torch.rand(len(to), generator=self.generator, device=to.device) < SLOPED
        values = torch.empty(len(to), device=to.device)
        if bool(asked.any()):
            values[asked], _ = self._slope(to[asked])
        if not bool(asked.all()):
            values[~asked] = self._value(to[~asked])
        return values

    def _taken(self, values: Tensor, gain: Tensor) -> Tensor:
        """Which ends are taken: Metropolis's second stage, `(n,)`."""
        draw = torch.rand(len(values), generator=self.generator, device=values.device)
        return (values >= self.threshold) & (draw.log() < gain)
