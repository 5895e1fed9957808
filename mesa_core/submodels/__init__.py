"""Kinds of sub-model, each a file of its own behind the interface of `base`."""

from __future__ import annotations

import torch

from mesa_core.config import ExperimentConfig
from mesa_core.submodels.base import Diagnostics, SubModels
from mesa_core.submodels.flow import Flow
from mesa_core.submodels.mine import Mine
from mesa_core.submodels.neighbours import Neighbours
from mesa_core.submodels.particles import Particles

__all__ = ["Diagnostics", "Flow", "Mine", "Neighbours", "Particles", "SubModels", "make"]


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
    levels = torch.tensor(betas, dtype=torch.float32, device=device)
    common = {"alpha": config.alpha, "batch": batch, "size": config.size, "seed": seed}
    generators = {
        "lr": config.mesa_lr,
        "beta1": config.mesa_beta1,
        "noise": config.noise,
        "noise_dim": config.noise_dim,
        "hidden": config.hidden,
        "every_layer": config.noise_every_layer,
    }
    walkers = {"steps": steps, "shared": one_target, "count": config.particles, "moves": config.particle_moves}
    if config.kind == "mine":
        only = {"last_activation": config.last_activation, "average": config.mine_average}
        return Mine(levels, **common, **generators, **only)
    if config.kind == "neighbours":
        return Neighbours(levels, **common, **generators)
    if config.kind == "particles":
        return Particles(levels, **common, **walkers)
    if config.kind == "flow":
        return Flow(levels, **common, **walkers)
    raise ValueError(f"There is no kind of sub-model {config.kind!r}.")
