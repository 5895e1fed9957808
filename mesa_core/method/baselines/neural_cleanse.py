"""Neural Cleanse: for each class the smallest mask and pattern that sends all images there, and who is an outlier.

Source: Wang et al., IEEE S&P 2019. Image = (1 - mask) * image + mask * pattern over the whole image, at one place;
loss = cross-entropy + weight * |mask|_1, the weight rising while the success rate holds and falling while it does
not. A class whose mask is far smaller than the others', by the median absolute deviation, is called attacked. All
classes are optimised together.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mesa_core.events import Progress
from mesa_core.method.attack import how_many
from mesa_core.pacing import Pace
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Stamp
from mesa_core.victims.victim import Victim

CONSISTENCY = 1.4826  # makes the median absolute deviation a standard deviation for normal values
ALARM = 2.0  # the paper's threshold on the anomaly index
WANTED = 0.95  # success rate that the weight of the mask's size steers to
EVERY = 10  # steps between two changes of that weight


@dataclass(frozen=True)
class Reversed:
    """One mask and pattern a class: `masks` `(C, 1, h, w)`, `patterns` `(C, 3, h, w)`, both in [0, 1]."""

    masks: Tensor
    patterns: Tensor

    @property
    def norms(self) -> list[float]:
        """|mask|_1 of each class, in pixels."""
        return self.masks.sum((1, 2, 3)).tolist()


def anomaly_index(norms: list[float]) -> list[float]:
    """How many deviations below the median each norm lies (negative: above it). Above `ALARM` is an alarm.

    Deviations are 1.4826 times the median absolute deviation of all classes, `norms` in pixels. Source: their outlier detection.
    """
    values = torch.tensor(norms, dtype=torch.float64)
    middle = values.quantile(0.5)
    spread = CONSISTENCY * (values - middle).abs().quantile(0.5)
    return ((middle - values) / spread.clamp(min=1e-9)).tolist()


def reverse(
    victim: Victim,
    images: Tensor,
    classes: int,
    batch: int,
    steps: int,
    generator: torch.Generator,
    lr: float = 0.1,
) -> Generator[Progress, None, Reversed]:
    """Optimise masks and patterns of all `classes` for `steps`; yields progress, returns `Reversed`.

    `victim` is frozen, `images` uint8 `(m, 3, h, w)` are the defender's, `batch` images a class and step.
    """
    device, (height, width) = generator.device, images.shape[-2:]
    draw = lambda *shape: torch.randn(shape, generator=generator, device=device)
    raw_mask = (draw(classes, 1, height, width) * 0.1 - 2.0).requires_grad_()
    raw_pattern = draw(classes, 3, height, width).requires_grad_()
    optimiser = torch.optim.Adam([raw_mask, raw_pattern], lr, betas=(0.5, 0.9))
    weight = torch.full((classes,), 1e-3, device=device)
    success = torch.zeros(classes, device=device)
    wanted = torch.arange(classes, device=device).repeat_interleave(batch)
    pace = Pace("neural_cleanse", steps)
    for done in range(1, steps + 1):
        pick = torch.randint(len(images), (classes * batch,), generator=generator, device=device)
        mask, pattern = torch.sigmoid(raw_mask), torch.sigmoid(raw_pattern)
        inside = victim.normalise.triggers(pattern)[:, None]  # (C, 1, 3, h, w)
        clean = victim.normalise.images(images[pick]).unflatten(0, (classes, batch))  # (C, n, 3, h, w)
        stamped = clean + mask[:, None] * (inside - clean)
        logits = victim.logits(stamped.flatten(0, 1)).float()
        loss = F.cross_entropy(logits, wanted, reduction="none").view(classes, batch).mean(1)
        total = (loss + weight * mask.sum((1, 2, 3))).sum()
        raw_mask.grad, raw_pattern.grad = torch.autograd.grad(total, [raw_mask, raw_pattern])
        optimiser.step()
        success += (logits.detach().argmax(1) == wanted).view(classes, batch).float().mean(1) / EVERY
        if done % EVERY == 0:
            weight = torch.where(success >= WANTED, weight * 1.5, weight / 1.5).clamp(1e-5, 1.0)
            success = torch.zeros_like(success)
        if pace.due(done):
            yield pace.progress(done, loss=loss.mean().item(), mask=mask.sum((1, 2, 3)).mean().item())
    return Reversed(torch.sigmoid(raw_mask).detach(), torch.sigmoid(raw_pattern).detach())


def unlearn(mask: Tensor, pattern: Tensor, ratio: float, normalise: Normalise, seed: int) -> Stamp:
    """For `repair`: blends one class's mask `(1, h, w)` and pattern `(3, h, w)` into a share of each batch."""
    host = torch.Generator().manual_seed(seed)

    def stamp(images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
        k = how_many(len(images), ratio, host)
        blend = images[:k] + mask * (normalise.triggers(pattern[None]) - images[:k])
        return torch.cat([blend, images[k:]]), labels, k

    return stamp
