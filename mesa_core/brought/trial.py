"""Does a network classify the images that it is to be examined on, and in which units? Asked first, before any search.

Without a word on units each candidate is tried on the defender's images, and the one that classifies best is taken and
said. What does no better than guessing is not searched: a verdict on it would mean nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mesa_core.brought.networks import Network
from mesa_core.measures.intervals import Measured, proportion
from mesa_core.victims import units
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim
from mesa_core.victims.weights import WeightsError

FEW, MANY = 128, 768  # images on which all candidates are tried, and then the best three
BEST = 3
LEAST = 0.1  # of the way from guessing to no error, that the lower end of the accuracy's interval has to exceed
POOR = 0.6  # accuracy below which the scan warns
INSIDE = "inside"  # the file's own normalisation
OWN = "images"  # the mean and std of the images at hand
SAID = "said"


@dataclass(frozen=True)
class Tried:
    """One candidate: its name, the normalisation, the share of images that it gets right, the mean cross-entropy."""

    units: str
    normalise: Normalise
    right: Measured
    loss: float


@dataclass(frozen=True)
class Trial:
    """What came of it. `chance` is the share of the commonest class; `order` says for each class of the images which of
    the network's own it is, where another order fits far better (None elsewhere), `ordered` the accuracy then.
    """

    chosen: Tried
    tried: tuple[Tried, ...]
    chance: float
    classes: tuple[float, ...]  # the share of the answers that each class gets
    order: tuple[int, ...] | None = None
    ordered: float = 0.0

    @property
    def least(self) -> float:
        """The accuracy that has to be exceeded."""
        return self.chance + LEAST * (1 - self.chance)

    @property
    def passed(self) -> bool:
        """Whether it classifies these images at all."""
        return self.chosen.right.low > self.least

    def told(self) -> str:
        """In a sentence or two: the units, the accuracy, and a warning where that is poor."""
        one, right = self.chosen, self.chosen.right
        pair = (one.normalise.mean, one.normalise.std)
        name = {INSIDE: "its own normalisation", OWN: "the images' mean and std", SAID: "as said"}.get(one.units, "")
        words = f"{name}, {units.in_words(pair)}" if name else units.in_words(pair)
        text = f"Units: {words}; it classifies {_percent(right.value)} of {right.n} images right"
        others = [t for t in self.tried if t.units != one.units]
        if others:
            second = max(others, key=lambda t: t.right.value)
            text += f" (of the other {len(others)} units tried {second.units} is next, {_percent(second.right.value)})"
        if self.passed and right.value < POOR:
            text += ". That is little: are the classes, their order and the size those that it was trained on?"
        return f"{text.removesuffix('.')}." if not text.endswith("?") else text

    def refusal(self, name: str) -> str:
        """Why it is not examined, in one sentence."""
        right = self.chosen.right
        text = (
            f"{name} classifies {_percent(right.value)} of {right.n} images right at best, where guessing gets {_percent(self.chance)} and "
            f"more than {_percent(self.least)} is needed"
        )
        most = max(range(len(self.classes)), key=self.classes.__getitem__)
        if self.order is not None:
            return f"{text}; with the classes in another order it would be {_percent(self.ordered)}: say the order in which it knows them."
        if self.classes[most] > 0.9:
            return f"{text}; it answers class {most} to {_percent(self.classes[most])} of them."
        return f"{text}; it is untrained, or made for other images, classes or units (give --mean and --std)."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def candidates(network: Network, mean: units.Three, std: units.Three, said: str = units.AUTO) -> dict[str, Normalise]:
    """The units to try, by name: what was said, or else what is inside the file, or all presets and the images' own.

    `mean` and `std` are the images' own. Raises ValueError for units that are no units.
    """
    if said not in ("", units.AUTO, OWN):
        return {said if said in units.PRESETS else SAID: Normalise(*units.parse(said))}
    own = Normalise(mean, std)
    if said == OWN:
        return {OWN: own}
    if network.normalise is not None:
        return {INSIDE: network.normalise}
    return {OWN: own, **{name: Normalise(*pair) for name, pair in units.PRESETS.items()}}


@torch.no_grad()
def judge(
    network: Network, images: Tensor, labels: Tensor, compute: Compute, tries: Mapping[str, Normalise], seed: int = 0
) -> Trial:
    """Try candidates on labelled images uint8 `(n, 3, h, w)`. Raises WeightsError where it gives no numbers, or none for them."""
    name = network.brought.path.name
    victim = Victim(network.module().to(compute.device), Normalise(), compute).freeze()
    pick = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))[:MANY].to(labels.device)
    images, labels = images[pick], labels[pick].to(compute.device)

    def answers(normalise: Normalise, count: int) -> Tensor:
        one = dataclasses.replace(victim, normalise=normalise)
        parts = [one.logits(one.inputs(part.to(compute.device))).float() for part in images[:count].split(64)]
        return torch.cat(parts)

    def tried(word: str, normalise: Normalise, count: int) -> tuple[Tried, Tensor]:
        try:
            logits = answers(normalise, count)
        except (RuntimeError, ValueError, AssertionError) as error:
            size = "x".join(map(str, images.shape[1:]))
            raise WeightsError(
                f"{name} does not take images of {size}: {(str(error).splitlines() or [''])[0][:160]}; name its size with --image-size"
            ) from None
        if logits.ndim != 2 or logits.shape[1] != network.classes:
            raise WeightsError(
                f"{name} answers {tuple(logits.shape)} for {count} images, not a number for each of {network.classes} classes."
            )
        if not torch.isfinite(logits).all():
            raise WeightsError(f"{name} loads, but its answers are not numbers; is it a whole, trained network?")
        right = proportion(int((logits.argmax(1) == labels[:count]).sum()), len(logits))
        return Tried(word, normalise, right, F.cross_entropy(logits, labels[:count]).item()), logits

    first = [tried(word, normalise, FEW)[0] for word, normalise in tries.items()] if len(tries) > 1 else []
    last = sorted(first, key=_rank)[:BEST] or [Tried(word, n, proportion(0, 0), 0.0) for word, n in tries.items()]
    found = [tried(one.units, one.normalise, len(labels)) for one in last]
    chosen, logits = min(found, key=lambda pair: _rank(pair[0]))
    counts = torch.bincount(labels, minlength=network.classes).float()
    shares = torch.bincount(logits.argmax(1), minlength=network.classes).float() / len(logits)
    again = {one.units: one for one, _ in found}
    all_tried = tuple(again.get(one.units, one) for one in first) or (chosen,)
    trial = Trial(chosen, all_tried, float(counts.max() / counts.sum()), tuple(shares.tolist()))
    order, ordered = order_of(logits.argmax(1), labels, network.classes)
    if ordered > max(POOR, 2 * chosen.right.value) and len(labels) >= 10 * network.classes:
        trial = dataclasses.replace(trial, order=order, ordered=ordered)
    return trial


def _rank(one: Tried) -> tuple[float, float]:
    return -one.right.value, one.loss


def order_of(predicted: Tensor, labels: Tensor, classes: int) -> tuple[tuple[int, ...], float]:
    """The order of classes under which most answers are right: for each class of the images the network's; and that share."""
    from scipy.optimize import linear_sum_assignment

    seen = torch.zeros(classes, classes, dtype=torch.int64)
    seen.index_put_((labels.cpu(), predicted.cpu()), torch.ones(len(labels), dtype=torch.int64), accumulate=True)
    rows, columns = linear_sum_assignment(-seen.numpy())
    return tuple(int(c) for c in columns), float(np.asarray(seen)[rows, columns].sum()) / max(1, len(labels))
