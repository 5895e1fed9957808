"""Kinds of sub-model, each a file of its own behind the interface of `base`."""

from __future__ import annotations

import torch

from mesa_core.config import ExperimentConfig
from mesa_core.submodels.base import Diagnostics, SubModels
from mesa_core.submodels.flow import Flow
from mesa_core.submodels.mine import Mine
from mesa_core.submodels.particles import Particles

__all__ = ["Diagnostics", "Flow", "Mine", "Particles", "SubModels", "make"]


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
    if config.kind == "mine":
        return Mine(
            levels,
            alpha=config.alpha,
            batch=batch,
            lr=config.mesa_lr,
            beta1=config.mesa_beta1,
            noise=config.noise,
            noise_dim=config.noise_dim,
            hidden=config.hidden,
            every_layer=config.noise_every_layer,
            last_activation=config.last_activation,
            average=config.mine_average,
            size=config.size,
            seed=seed,
        )
    if config.kind in ("particles", "flow"):
        kind = Particles if config.kind == "particles" else Flow
        return kind(
            levels,
            alpha=config.alpha,
            batch=batch,
            steps=steps,
            shared=one_target,
            count=config.particles,
            moves=config.particle_moves,
            size=config.size,
            seed=seed,
        )
    raise ValueError(f"There is no kind of sub-model {config.kind!r}.")
