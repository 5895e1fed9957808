"""One of each thing that can be added from outside, all in one file, as another package would write it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mesa_core.apply.stamping import apply
from mesa_core.config import ExperimentConfig
from mesa_core.data.types import Dataset, ImageSet, make_dataset
from mesa_core.experiment.context import Context
from mesa_core.experiment.pools import Pool, Pools
from mesa_core.method.submodels.base import Diagnostics, SubModels, Wanted
from mesa_core.method.surrogate import Surrogate

CLASSES = tuple(f"shade {i}" for i in range(12))
SIDE = 24


def shades(_: object, tell: Callable[[str, int, int], None]) -> Dataset:
    """A data set: twelve shades of grey, with noise, 24x24."""
    parts = []
    for seed, count in ((1, 240), (2, 360)):
        draw = torch.Generator().manual_seed(seed)
        labels = torch.arange(count) % len(CLASSES)
        noise = torch.randint(0, 20, (count, 3, SIDE, SIDE), generator=draw)
        parts.append(ImageSet((noise + 18 * labels[:, None, None, None]).to(torch.uint8), labels))
        tell("drawing shades", seed, 2)
    return make_dataset("shades", CLASSES, *parts)


def two_layers(classes: int) -> nn.Module:
    """An architecture: one convolution, one linear layer."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 24, 3), nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveMaxPool2d(2), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(96, classes))


@dataclass(frozen=True)
class Corner:
    """A rule of Apply: half transparent, always at the top left."""

    overwrites: bool = False

    def places(self, count: int, image_size: tuple[int, int], patch: int, generator: torch.Generator) -> Tensor:
        return torch.zeros(count, 2, dtype=torch.int64, device=generator.device)

    def __call__(self, images: Tensor, triggers: Tensor, places: Tensor) -> Tensor:
        side = triggers.shape[-1]
        beneath = images[:, :, :side, :side]
        return apply(images, ((beneath + triggers) / 2).to(images.dtype), places)


class Noise(SubModels):
    """A kind of sub-model that learns nothing: uniform noise, and it knows its entropy."""

    kind = "noise"

    def __init__(self, betas: Tensor, batch: int, size: int) -> None:
        self.betas, self.batch, self.size = betas, batch, size

    @classmethod
    def of(cls, betas: Tensor, config: ExperimentConfig, wanted: Wanted) -> Noise:
        return cls(betas, wanted.batch, config.size)

    def step(self, surrogate: Surrogate, generator: torch.Generator) -> Diagnostics:
        success = surrogate(self.sample(self.batch, generator), generator).mean(1)
        return Diagnostics(success, (self.betas - success).clamp(min=0), torch.full_like(success, torch.nan))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        shape = (len(self.betas), n, 3, self.size, self.size)
        return torch.rand(shape, generator=generator, device=generator.device)

    def entropy(self) -> list[dict[str, Any] | None]:
        return [{"value": 0.0, "method": "uniform", "n": 1, "error": 0.0} for _ in self.betas]

    def state(self) -> dict[str, Tensor]:
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        pass


def white(lab: Context) -> Pools:
    """A baseline defence: stamps a white square."""
    yield from ()
    return [Pool("white", torch.ones(1, 3, lab.config.size, lab.config.size), "white")]
