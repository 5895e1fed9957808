"""MESA, Algorithm 1 whole: train a sub-model a level, skip those that fail, mix the rest.

| Algorithm 1 | here |
| --- | --- |
| lines 3 to 7, a sub-model for each level β | `train`; one update (Algorithm 2, lines 6 to 11) is `SubModels.step` |
| lines 6 and 9 to 10, the skip rule | `staircase.keep`, by the measured ASR (end of Section 3.2) |
| lines 8 and 13, the weights γ | `staircase.weights` |
| line 14, the mixture | `mix` |

`mesa` does all of it, one after another. A run has a stage for the training and one for what follows, whose results
are kept, and calls the parts: `train`, then `staircase.mixing` and `mix`.

All sub-models of a group are trained together in one vectorised pass; since they share no weights, each is trained
as if it were alone. `SubModels` holds what differs between kinds; here is what is common to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mesa_core.measures.intervals import Measured
from mesa_core.method import staircase
from mesa_core.method.staircase import Mixing
from mesa_core.method.submodels.base import Diagnostics, SubModels
from mesa_core.method.surrogate import Surrogate


@dataclass(frozen=True)
class MesaStep:
    """After `done` of `total` training steps; `diagnostics` is None before the first."""

    done: int
    total: int
    diagnostics: Diagnostics | None


@dataclass(frozen=True)
class Sampled:
    """What MESA ends with: `pool` `(N, n, 3, s, s)` of all sub-models, each one's ASR, and how they are mixed."""

    pool: Tensor
    asr: list[Measured]
    mixing: Mixing


def mesa(
    group: SubModels,
    levels: Sequence[float],
    surrogate: Surrogate,
    steps: int,
    n: int,
    measure: Callable[[Tensor], Measured],
    generator: torch.Generator,
) -> Generator[MesaStep, None, Sampled]:
    """Algorithm 1: train `group`, one sub-model for each of `levels`, draw `n` triggers of each, measure, skip, weigh.

    `measure` takes one sub-model's triggers `(n, 3, s, s)` and returns their ASR on the defender's images. The weights
    are 1/N; `mix` draws from the mixture.
    """
    yield from train(group, surrogate, steps, generator)
    pool = group.sample(n, generator)
    asr = [measure(samples) for samples in pool]
    return Sampled(pool, asr, staircase.mixing(levels, asr))


def train(group: SubModels, surrogate: Surrogate, steps: int, generator: torch.Generator) -> Iterator[MesaStep]:
    """Train all sub-models of `group` for `steps`; yields before the first step and after each.

    Nothing is read from the device here; whoever wants a figure reads it from the diagnostics.
    """
    yield MesaStep(0, steps, None)
    for done in range(1, steps + 1):
        yield MesaStep(done, steps, group.step(surrogate, generator))


def mix(pool: Tensor, gamma: Sequence[float], n: int, seed: int, anew: bool = False) -> Tensor:
    """`n` triggers `(n, 3, s, s)` of the mixture of the samples `pool` `(N, m, 3, s, s)`, on the pool's device.

    Each comes from sub-model i with probability `gamma[i]`. The k-th is that sub-model's k-th sample, so that none comes
    twice and `n` is at most m; with `anew` it is any of its samples, drawn with replacement, and `n` has no bound.
    Raises ValueError where there are too few samples.
    """
    if not anew and n > pool.shape[1]:
        raise ValueError(f"{n} triggers are asked for, but each sub-model has {pool.shape[1]} samples.")
    host = torch.Generator().manual_seed(seed)  # on the CPU, so that every device draws the same
    source = torch.multinomial(torch.tensor(gamma, dtype=torch.float64), n, replacement=True, generator=host)
    place = torch.randint(pool.shape[1], (n,), generator=host) if anew else torch.arange(n)
    return pool[source.to(pool.device), place.to(pool.device)]
