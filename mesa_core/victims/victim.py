"""A victim: a network together with all that it takes to ask it something.

How pixels become what it sees, and where and in what number format it computes, belong to a network as its weights do;
so attack, surrogate, detection, repair and measures are handed one thing.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise


@dataclass(frozen=True)
class Victim:
    """A network that maps normalised images `(n, c, h, w)` to logits `(n, classes)`.

    `normalise` maps pixels to what it sees; by default it sees pixels in [0, 1], as a network does that normalises by
    itself. `compute` says where and how it computes; by default where its weights lie, in fp32. Nothing here changes
    `model`; only a `Trainer` does, in place.
    """

    model: nn.Module
    normalise: Normalise = field(default_factory=Normalise)
    compute: Compute = None  # type: ignore[assignment]  # set below, from the network

    def __post_init__(self) -> None:
        if self.compute is None:
            weight = next(self.model.parameters(), None)
            where = torch.device("cpu") if weight is None else weight.device
            object.__setattr__(self, "compute", Compute(where))

    def of(self, model: nn.Module) -> Victim:
        """The same with another network, on the same device."""
        return replace(self, model=model.to(self.compute.device))

    def copy(self) -> Victim:
        """The same with weights of its own."""
        return replace(self, model=copy.deepcopy(self.model))

    def freeze(self) -> Victim:
        """A folded, frozen copy in the precision and memory format of `compute`: what measures and searches ask."""
        return replace(self, model=self.compute.freeze(self.model))

    def inputs(self, images: Tensor) -> Tensor:
        """uint8 `(n, c, h, w)` as the network sees it, float32, in the memory format of `compute`."""
        return self.normalise.images(images.contiguous(memory_format=self.compute.memory_format))

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits `(n, classes)` of normalised images `(n, c, h, w)`; the victim is frozen. Differentiable."""
        return self.compute.through(self.model, inputs)
