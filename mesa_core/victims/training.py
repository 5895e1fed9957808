"""The one training loop, for clean training, attack (eq. 1) and repair (eq. 5).

What differs between the three is a recipe and what is stamped on a batch; the loop itself is the same. It is an
iterator, so that whoever runs it can show progress, stop between two steps, or save a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mesa_core.victims import images as im
from mesa_core.victims.captured import Captured, Work
from mesa_core.victims.victim import Victim

Stamp = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor, int]]
"""(normalised images, labels, generator) -> (images, labels, how many of the first were stamped)."""


@dataclass(frozen=True)
class Recipe:
    """How to train: SGD with momentum 0.9 under one of three schedules of the learning rate; `batch` in images, `epochs` in
    passes, which need not be whole.
    """

    lr: float
    batch: int
    epochs: float
    schedule: str = "constant"  # constant, linear (to zero), cycle (up for a fifth, then to zero)
    weight_decay: float = 0.0
    nesterov: bool = False
    augment: bool = True

    def steps(self, count: int) -> int:
        """Training steps for `count` images: at least one, and none for 0 epochs."""
        return max(1, round(self.epochs * count / self.batch)) if self.epochs > 0 else 0

    def rate(self, step: int, steps: int) -> float:
        """Learning rate at a step, counted from 0 to `steps` - 1."""
        if self.schedule == "cycle":
            up = 0.2 * steps
            return self.lr * (step / up if step < up else (steps - step) / (steps - up))
        return self.lr * (1 - step / steps) if self.schedule == "linear" else self.lr


@dataclass(frozen=True)
class TrainStep:
    """After one step; the tensors are scalars on the device, read them only when they are shown."""

    done: int
    total: int
    loss: Tensor
    stamped: int
    stamped_as_wanted: Tensor


class Trainer:
    """Iterates over training steps; `state` and `load` make it resumable at any of them.

    The network of `victim` is changed in place. `images` uint8 `(n, 3, h, w)` and `labels` `(n,)` lie on the compute's device.
    The order of images, crops and stamps depends on `seed` alone.
    """

    def __init__(
        self,
        victim: Victim,
        images: Tensor,
        labels: Tensor,
        recipe: Recipe,
        seed: int,
        stamp: Stamp | None = None,
    ) -> None:
        self.victim, self.compute = victim, victim.compute
        self.model = victim.model.to(self.compute.device).to(memory_format=self.compute.memory_format)
        self.labels, self.recipe, self.stamp = labels, recipe, stamp
        self.size = (images.shape[-2], images.shape[-1])
        # Even without crops the images are laid out as NHWC, since a gather of whole pixels is the faster one.
        self.padded = im.pad_for_crops(images) if recipe.augment else images.permute(0, 2, 3, 1).contiguous()
        self.generator = self.compute.generator(seed)
        on_card = self.compute.device.type == "cuda"
        self.optimiser = torch.optim.SGD(
            self.model.parameters(),
            torch.tensor(recipe.lr, device=self.compute.device) if on_card else recipe.lr,  # a graph reads it there
            momentum=0.9,
            nesterov=recipe.nesterov,
            weight_decay=recipe.weight_decay,
            foreach=not on_card,
            fused=on_card,
        )
        self.learn = self._learner()
        self.done, self.total = 0, recipe.steps(len(images))
        self.cooling: int | None = None  # the step at which the last stretch began
        self.order = torch.empty(0, dtype=torch.int64, device=self.compute.device)

    def trained(self) -> Victim:
        """The victim as it is now, in evaluation mode."""
        return self.victim.of(self.model.eval())

    def state(self) -> dict[str, Any]:
        """All that is needed to go on from here; safe to save with torch and to load with weights_only."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "done": self.done,
            "total": self.total,
            "cooling": self.cooling,
            "order": self.order,
            "generator": self.generator.get_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.learn = self._learner()  # a recording changes the buffers of before
        self.done, self.order = state["done"], state["order"].to(self.compute.device)
        self.total, self.cooling = state["total"], state["cooling"]
        self.generator.set_state(state["generator"].cpu())

    def cool(self, steps: int) -> None:
        """End after `steps` more, in which the learning rate falls to zero from where it is now."""
        self.cooling, self.total = self.done, self.done + steps

    def _rate(self) -> float:
        if self.cooling is None:
            return self.recipe.rate(self.done, self.total)
        left = (self.total - self.done) / (self.total - self.cooling)
        return self.recipe.rate(self.cooling, self.recipe.steps(len(self.labels))) * left

    def _next_indices(self) -> Tensor:
        if len(self.order) < self.recipe.batch:  # a fresh shuffle; the few left over wait for no one
            n = len(self.labels)
            repeats = -(-self.recipe.batch // n)
            shuffles = [torch.randperm(n, generator=self.generator, device=self.compute.device) for _ in range(repeats)]
            self.order = torch.cat(shuffles)
        index, self.order = self.order[: self.recipe.batch], self.order[self.recipe.batch :]
        return index

    def __iter__(self) -> Iterator[TrainStep]:
        while self.done < self.total:
            self.model.train()  # the consumer may have evaluated it between two steps
            index = self._next_indices()
            if self.recipe.augment:
                batch = im.crop_and_flip(self.padded, index, self.size, self.generator)
            else:
                batch = self.padded[index].permute(0, 3, 1, 2)
            batch, wanted, stamped = self.victim.normalise.images(batch), self.labels[index], 0
            if self.stamp is not None:
                batch, wanted, stamped = self.stamp(batch, wanted, self.generator)
            batch = batch.contiguous(memory_format=self.compute.memory_format)
            self._set_rate(self._rate())
            loss, answers = self.learn(batch, wanted)
            self.done += 1
            yield TrainStep(self.done, self.total, loss, stamped, (answers[:stamped] == wanted[:stamped]).sum())

    def _learner(self) -> Work:
        """What takes a step: recorded on a CUDA card, elsewhere as it comes."""
        return Captured(self._learn) if self.compute.device.type == "cuda" else self._learn

    def _set_rate(self, rate: float) -> None:
        for group in self.optimiser.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def _learn(self, batch: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """One step on normalised images `(n, 3, h, w)` with labels `(n,)`: the loss, and the answers `(n,)` before it."""
        with self.compute.autocast():
            logits = self.model(batch)
        loss = F.cross_entropy(logits.float(), wanted)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach(), logits.detach().argmax(1)


CLEAN = Recipe(lr=0.2, batch=128, epochs=12, schedule="cycle", weight_decay=5e-4, nesterov=True)
