"""Kinds of sub-model, each a file of its own behind the interface of `base`.

The list can be read without torch; a kind's file is imported when one of it is made. Another package adds its own:

>>> from mesa_core.method.submodels import KINDS, Kind
>>> KINDS.register("mykind", Kind("json:JSONDecoder"))  # in truth: "my_package.my_file:MyKind"
>>> "mykind" in KINDS
True
>>> KINDS.remove("mykind")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesa_core.registry import Registry, load

if TYPE_CHECKING:
    import torch

    from mesa_core.config import ExperimentConfig
    from mesa_core.method.submodels.base import SubModels


@dataclass(frozen=True)
class Kind:
    """A kind of sub-model: the place `package.module:Class` of its `SubModels`, and whether it knows its density."""

    place: str
    density: bool = False


KINDS: Registry[Kind] = Registry(
    "kind of sub-model",
    {
        "mine": Kind("mesa_core.method.submodels.mine:Mine"),
        "neighbours": Kind("mesa_core.method.submodels.neighbours:Neighbours"),
        "particles": Kind("mesa_core.method.submodels.particles:Particles"),
        "flow": Kind("mesa_core.method.submodels.flow:Flow", density=True),
    },
)


def make(
    config: ExperimentConfig,
    betas: list[float],
    batch: int,
    steps: int,
    device: torch.device,
    seed: int,
    one_target: bool = True,
) -> SubModels:
    """A group of the configured kind, one sub-model for each of `betas`, to be trained for `steps`; triggers have the
    size of the configured one.

    `one_target` says that all have the same target class, as in a run; in a detection each has its own.
    """
    import torch

    from mesa_core.method.submodels.base import Wanted

    levels = torch.tensor(betas, dtype=torch.float32, device=device)
    return load(KINDS[config.kind].place).of(levels, config, Wanted(batch, steps, seed, one_target))
