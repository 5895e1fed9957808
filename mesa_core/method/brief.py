"""Sub-models trained for a few steps, and what they sample: a search that has classes and places in mind already."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch
from torch import Tensor

from mesa_core.config import ExperimentConfig
from mesa_core.events import Progress
from mesa_core.method import mesa, submodels
from mesa_core.method.surrogate import Surrogate
from mesa_core.pacing import Pace


def cost(config: ExperimentConfig, groups: int, steps: int) -> int:
    """Images with their gradient that `sampled` takes for so many sub-models."""
    return groups * config.detect_batch * steps


def sampled(
    config: ExperimentConfig,
    surrogate: Surrogate,
    betas: Sequence[float],
    steps: int,
    count: int,
    seed: int,
    generator: torch.Generator,
) -> Generator[Progress, None, Tensor]:
    """A sub-model for each of `betas`, the levels asked for, trained on `surrogate`: `count` triggers of each, `(N, count, k, s, s)`."""
    group = submodels.make(config, list(betas), config.detect_batch, steps, generator.device, seed, False)
    surrogate, pace = surrogate.expecting(cost(config, len(betas), steps), config.size), Pace("detect", steps)
    for step in mesa.train(group, surrogate, steps, generator):
        if step.diagnostics is not None and pace.due(step.done):
            yield pace.progress(step.done, highest=step.diagnostics.success.max().item())
    return group.sample(count, generator)
