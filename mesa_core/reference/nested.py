"""Nested sampling of the uniform law on {x in [0, 1]^d : F(x) >= beta}, for rising beta.

Particles start uniform in the box. Again and again the threshold rises to the median of their F (or to the next
asked level, where that is lower), the particles below it are replaced by copies of others, and all then move so
that the uniform law above the threshold stays as it is. The share p_i that survived round i estimates the ratio of
two volumes, so

    log volume {F >= t_k}  =  sum over i <= k of  log p_i        (Skilling, Bayesian Analysis 1, 2006; as a
                                                                  particle method: Cérou et al., Stat. Comput. 2012)

which is also the entropy, in nats, of the uniform law there.

Moves are billiards ("Galilean" Monte Carlo, Skilling 2012; Betancourt 2011): a particle flies straight, is mirrored
by the walls of the box, and where it would leave {F >= t} it is mirrored by the tangent plane, whose normal is the
gradient of F at the point outside; if that does not help it turns back. A flight is its own inverse when time runs
backwards, so nothing is rejected on average and no density is needed. The gradient is asked outside only.

The paper calls such sampling impractical (Section 3.1); what it costs is `Nested.looks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Value = Callable[[Tensor], Tensor]
"""F of triggers `(n, d)`: `(n,)`."""
Slope = Callable[[Tensor], tuple[Tensor, Tensor]]
"""F, `(n,)`, and its gradient, `(n, d)`."""

SURVIVE = 0.5  # share of the particles that a round keeps
WANTED = 0.5  # share of flights that stay inside without a mirror, which the step is steered to; a mirrored one may
# keep its F (in a ball it does so exactly), so without the others a particle would stay on its level line
REFRESH = 5  # flights between two fresh velocities
MOST_ROUNDS = 400


@dataclass(frozen=True)
class LevelSet:
    """A sample of the uniform law on one {F >= beta}."""

    beta: float
    places: Tensor  # (n, d)
    values: Tensor  # (n,), F of each
    log_volume: float  # of the set, relative to the box: nats
    log_volume_error: float  # standard error over the particles of one run
    rounds: int
    looks: int  # values and gradients of F asked so far, each counted for one place
    acceptance: float  # share of the last round's flights that ended elsewhere
    ancestors: int  # particles of the start that have descendants here
    moved: float  # distance moved in the last round's flights, over the mean distance of two particles
    taken: float | None = None  # share of the last round's walks on a map whose end was taken


class Nested:
    """A run of nested sampling; iterate over `run`, which yields each asked level's `LevelSet` when it is there.

    `value` and `slope` give F and its gradient, `dim` is d, `count` the number of particles, `flights` the moves in
    a round (`extra` times as many at an asked level, so that copies part before they are counted). `state` and
    `load` make it resumable at any round. Raises ValueError for levels that do not rise.
    """

    def __init__(
        self,
        value: Value,
        slope: Slope,
        dim: int,
        levels: list[float],
        count: int,
        seed: int,
        flights: int = 10,
        extra: int = 3,
        device: torch.device | None = None,
    ) -> None:
        if sorted(set(levels)) != list(levels):
            raise ValueError("The levels must rise.")
        self.value, self.slope, self.levels, self.flights, self.extra = value, slope, levels, flights, extra
        device, self.seed = device or torch.device("cpu"), seed
        self.generator = torch.Generator(device).manual_seed(seed)
        self.places = torch.rand(count, dim, generator=self.generator, device=device)
        self.values = torch.full((count,), -math.inf, device=device)
        self.origin = torch.arange(count, device=device)
        self.log_volume, self.variance, self.step = 0.0, 0.0, 0.1
        self.rounds, self.looks, self.threshold, self.reached = 0, 0, -math.inf, 0
        self.acceptance, self.moved = 1.0, 0.0
        self.taken: float | None = None

    # -- going on after a stop
    def state(self) -> dict[str, Any]:
        """All that is needed to go on from here; safe to save with torch and to load with weights_only."""
        tensors = {"places": self.places, "values": self.values, "origin": self.origin}
        numbers = {name: getattr(self, name) for name in ("log_volume", "variance", "step", "rounds", "looks")}
        more = {name: getattr(self, name) for name in ("threshold", "reached", "acceptance", "moved", "taken")}
        return {**tensors, **numbers, **more, "generator": self.generator.get_state()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        state = dict(state)
        self.generator.set_state(state.pop("generator").cpu())
        for name, held in state.items():
            setattr(self, name, held.to(self.places.device) if isinstance(held, Tensor) else held)

    # -- the rounds
    def run(self) -> Iterator[LevelSet | None]:
        """Rounds until the highest level; yields None after a round between levels, the `LevelSet` at each level."""
        if not self.rounds:
            self.values = self._value(self.places)
        while self.reached < len(self.levels) and self.rounds < MOST_ROUNDS:
            at_level = self._raise()
            self._move(self.flights * (self.extra if at_level else 1))
            self.rounds += 1
            self.reached += at_level
            yield self._level_set() if at_level else None

    def _raise(self) -> bool:
        """Raise the threshold, drop who is below it; whether an asked level was reached."""
        n, beta = len(self.values), self.levels[self.reached]
        middle = float(self.values.sort().values[int(n * (1 - SURVIVE))])
        at_level = middle >= beta
        self.threshold = beta if at_level else middle
        alive = (self.values >= self.threshold).nonzero().squeeze(1)
        share = len(alive) / n
        if at_level:
            self.log_volume += math.log(share)
        else:  # the threshold is one of the particles: the mass above it has a beta law, whose mean log this is
            self.log_volume += float(torch.digamma(torch.tensor([len(alive), n + 1.0]).double()).diff().neg())
        self.variance += (1 - share) / (share * n)
        picked = alive[torch.randint(len(alive), (n - len(alive),), generator=self.generator, device=alive.device)]
        chosen = torch.cat([alive, picked])
        self.places, self.values, self.origin = self.places[chosen], self.values[chosen], self.origin[chosen]
        return at_level

    def _move(self, flights: int) -> None:
        """Move all particles `flights` times, and note how far they came."""
        start = self.places.clone()
        self._fly_on(flights)
        apart = (self.places - self.places.roll(1, 0)).norm(dim=1).mean()
        self.moved = float((self.places - start).norm(dim=1).mean() / apart.clamp(min=1e-9))

    def _fly_on(self, flights: int) -> None:
        ended = []
        spread = self.places.std(0).clamp(min=1e-3)  # longer steps where the set is wider
        velocity = self._velocity(spread)
        for number in range(flights):
            if number % REFRESH == 0:
                velocity = self._velocity(spread)
            velocity, inside, moved = self._fly(velocity, spread)
            ended.append(float(moved.float().mean()))
            self.step = min(max(self.step * math.exp(0.3 * (float(inside.float().mean()) - WANTED)), 1e-4), 2.0)
            # A velocity keeps its direction; its length follows the step at the next refresh.
        self.acceptance = sum(ended) / len(ended)

    def _velocity(self, spread: Tensor) -> Tensor:
        noise = torch.randn(self.places.shape, generator=self.generator, device=self.places.device)
        return noise * spread * self.step

    def _fly(self, velocity: Tensor, spread: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One flight of all; returns their velocities after it, who flew without a mirror, and who has moved.

        Velocities are normal with the variances spread^2, and mirrored in that metric: Euclid's mirror would not keep
        their law, and so not the uniform one of the places.
        """
        ahead, onward = fold(self.places + velocity, velocity)
        values = self._value(ahead)
        inside = values >= self.threshold
        moved, places, turned = inside.clone(), ahead.clone(), onward.clone()
        out = (~inside).nonzero().squeeze(1)
        if len(out):
            _, normal = self._slope(ahead[out])
            normal = spread * normal  # where all spreads are one
            normal = normal / normal.norm(dim=1, keepdim=True).clamp(min=1e-12)
            towards = (onward[out] / spread * normal).sum(1, keepdim=True)
            mirrored = onward[out] - 2 * spread * towards * normal
            beyond, carried = fold(ahead[out] + mirrored, mirrored)
            beyond_values = self._value(beyond)
            back = beyond_values < self.threshold
            stay, old = back[:, None], self.places[out]
            places[out] = torch.where(stay, old, beyond)
            turned[out] = torch.where(stay, -velocity[out], carried)
            values[out] = torch.where(back, self.values[out], beyond_values)
            moved[out] = ~back
        self.places, self.values = places, values
        return turned, inside, moved

    def _value(self, places: Tensor) -> Tensor:
        self.looks += len(places)
        return self.value(places)

    def _slope(self, places: Tensor) -> tuple[Tensor, Tensor]:
        self.looks += len(places)
        return self.slope(places)

    def _level_set(self) -> LevelSet:
        return LevelSet(
            beta=self.threshold,
            places=self.places.clone(),
            values=self.values.clone(),
            log_volume=self.log_volume,
            log_volume_error=math.sqrt(self.variance),
            rounds=self.rounds,
            looks=self.looks,
            acceptance=round(self.acceptance, 4),
            ancestors=len(self.origin.unique()),
            moved=round(self.moved, 4),
            taken=None if self.taken is None else round(self.taken, 4),
        )


def fold(places: Tensor, velocity: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror at the walls of [0, 1]: places that have flown out come back in, and their velocity is turned."""
    wound = places.remainder(2.0)
    mirrored = wound > 1
    return torch.where(mirrored, 2 - wound, wound), torch.where(mirrored, -velocity, velocity)


def mixed(one: Tensor, other: Tensor) -> float:
    """Share of the points of two samples `(n, d)` whose nearest neighbour is of their own sample.

    Near one half where both come from one law (Schilling, JASA 1986), near one where they lie apart.
    """
    both = torch.cat([one, other])
    gap = torch.cdist(both, both).fill_diagonal_(math.inf)
    side = torch.arange(len(both), device=both.device) < len(one)
    return float((side[gap.argmin(1)] == side).float().mean())
