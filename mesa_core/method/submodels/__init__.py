"""Kinds of sub-model, each a file of its own behind the interface of `base`; `mesa_core.kinds` lists them."""

from __future__ import annotations

import torch

from mesa_core.config import ExperimentConfig
from mesa_core.kinds import KINDS
from mesa_core.method.submodels.base import SubModels, Wanted
from mesa_core.registry import load


def make(
    config: ExperimentConfig,
    betas: list[float],
    batch: int,
    steps: int,
    device: torch.device,
    seed: int,
    one_target: bool = True,
) -> SubModels:
    """A group of the configured kind, one sub-model for each of `betas` (ASR, in [0, 1]), to be trained for `steps` with
    `batch` triggers each; triggers have the size of the configured one. The same `seed` gives the same group.

    `one_target` says that all have the same target class, as in a run; in a detection each has its own.
    """
    levels = torch.tensor(betas, dtype=torch.float32, device=device)
    return load(KINDS[config.kind].place).of(levels, config, Wanted(batch, steps, seed, one_target))
