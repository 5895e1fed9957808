"""What every kind of sub-model can do: take a training step, sample, and say what it knows of its entropy.

A group holds N sub-models that are trained together: the levels β of one run, or the classes of a detection.

A trigger is k numbers for each of its s x s cells: k = 3, its colour, or k = 4, an opacity besides (`mesa_core.opacity`), which is
sampled as a colour is. Eq. 4 then stands over d = 4 s s numbers, unchanged: the hinge of a trigger that is put on by its own
opacities, and the entropy h of the joint law of colours and opacities on [0, 1]^d, uniform over both where F does not care. So
opacities are kept spread as colours are, and what F asks for is all that makes a trigger more opaque.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mesa_core.config import ExperimentConfig
from mesa_core.method.surrogate import Surrogate
from mesa_core.triggers import COLOURS

MARGIN = 0.15  # of what is left above beta, added to it: an ASR lies a little below its softmax, and a map has errors


def edges(betas: Tensor) -> Tensor:
    """What kinds aim at that would else sit on the edge of validity: the levels `(N,)` with their margin, `(N, 1)`."""
    return (betas + MARGIN * (1 - betas))[:, None]


def part(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Those tensors of a `state` whose names begin with `name` and a dot, without that."""
    return {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}


@dataclass(frozen=True)
class Diagnostics:
    """One training step, each `(N,)` on the device: read them only when they are shown."""

    success: Tensor  # mean of F over the batch
    hinge: Tensor  # mean of max(0, beta - F)
    information: Tensor  # the estimate that entropy is maximised by, nats; nan where a kind has none


@dataclass(frozen=True)
class Wanted:
    """What a group is made for, besides the configuration."""

    batch: int  # triggers of each sub-model in one step
    steps: int  # steps that it will be trained for
    seed: int
    one_target: bool = True  # all have the same target class, as in a run; in a detection each has its own


def common(config: ExperimentConfig, wanted: Wanted) -> dict[str, Any]:
    """What the configuration says of every kind of ours, as its constructor takes it; `cell` only where opacities are sampled."""
    told = {"alpha": config.alpha, "batch": wanted.batch, "size": config.size, "seed": wanted.seed}
    return told | ({"cell": config.cell} if config.cell != COLOURS else {})


class SubModels(ABC):
    """A group of N sub-models G_1..G_N of one kind, with levels `betas` `(N,)`."""

    kind: str
    betas: Tensor
    size: int  # pixels on a side of a trigger
    cell: int = COLOURS  # numbers of each pixel

    @classmethod
    @abstractmethod
    def of(cls, betas: Tensor, config: ExperimentConfig, wanted: Wanted) -> SubModels:
        """A fresh group with these levels `(N,)`, on their device; `config` says all else, the triggers' size included."""

    @abstractmethod
    def step(self, surrogate: Surrogate, generator: torch.Generator) -> Diagnostics:
        """One training step of all N."""

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """`(N, n, k, s, s)` in [0, 1], without gradient; the same generator state gives the same samples."""

    def triggers(self, x: Tensor) -> Tensor:
        """Numbers `(N, n, d)` as triggers `(N, n, k, s, s)`."""
        return x.view(*x.shape[:2], self.cell, self.size, self.size)

    @abstractmethod
    def entropy(self) -> list[dict[str, Any] | None]:
        """For each, `{"value", "method", "n"}` in nats, or None where the kind cannot vouch for a value."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Tensors that `load` restores exactly."""

    @abstractmethod
    def load(self, state: dict[str, Tensor]) -> None:
        """Restore a `state`."""
