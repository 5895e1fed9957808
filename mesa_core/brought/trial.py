"""In which units does a network see pixels? Asked first, on the images that it is to be examined on.

Without a word on units each candidate is tried on the defender's images, and the one that classifies best is taken and
said. Whether it classifies them at all is asked afterwards (`mesa_core.measures.premise`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

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

FEW, MANY = 64, 512  # images on which all candidates are tried, and then the best two
BEST = 2
CLOSE, LOSS = 0.01, 0.05  # by which units may be worse than the best and still count as the same
INSIDE = "inside"  # the file's own normalisation
OWN = "images"  # the mean and std of the images at hand
SAID = "said"


@dataclass(frozen=True)
class Tried:
    """One candidate: its name, the normalisation, the share of images that it gets right, the mean cross-entropy.

    `matched` is the share that it would get right with its classes in the order that suits best: in which units a
    network sees is told by that, whatever the order of the labels.
    """

    units: str
    normalise: Normalise
    right: Measured
    loss: float
    matched: float = 0.0


@dataclass(frozen=True)
class Trial:
    """What came of it: the units that are taken, and all that were tried."""

    chosen: Tried
    tried: tuple[Tried, ...]

    def told(self) -> str:
        """In a sentence: the units, the accuracy, and what came next."""
        one, right = self.chosen, self.chosen.right
        pair = (one.normalise.mean, one.normalise.std)
        name = {INSIDE: "its own normalisation", OWN: "the images' mean and std", SAID: "as said"}.get(one.units, "")
        words = f"{name}, {units.in_words(pair)}" if name else units.in_words(pair)
        text = f"Units: {words}; it classifies {_percent(right.value)} of {right.n} images right"
        others = [t for t in self.tried if t.units != one.units]
        if others:
            second = max(others, key=lambda t: t.right.value)
            text += f" (of the other {len(others)} units tried {second.units} is next, {_percent(second.right.value)})"
        return f"{text.removesuffix('.')}."


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

    def tried(word: str, normalise: Normalise, count: int) -> Tried:
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
        loss, matched = F.cross_entropy(logits, labels[:count]).item(), _matched(logits, labels[:count])
        return Tried(word, normalise, right, loss, matched)

    first = [tried(word, normalise, FEW) for word, normalise in tries.items()] if len(tries) > 1 else []
    last = [one for place, one in enumerate(sorted(first, key=_rank)) if place < BEST or one.units == OWN]
    last = last or [Tried(word, n, proportion(0, 0), 0.0) for word, n in tries.items()]
    found = [tried(one.units, one.normalise, len(labels)) for one in last]
    chosen = min(found, key=_rank)
    usual = next((one for one in found if one.units == OWN), chosen)
    if usual.matched >= chosen.matched - CLOSE and usual.loss <= chosen.loss * (1 + LOSS):
        chosen = usual  # a preset that is all but the same would only change the network's identity
    again = {one.units: one for one in found}
    return Trial(chosen, tuple(again.get(one.units, one) for one in first) or (chosen,))


def _rank(one: Tried) -> tuple[float, float]:
    return -one.matched, one.loss


def _matched(logits: Tensor, labels: Tensor) -> float:
    """The share of images `(n,)` that is right if each class of the images is the one of the network that suits best."""
    from scipy.optimize import linear_sum_assignment  # slow to import

    classes = logits.shape[1]
    cells = (labels * classes + logits.argmax(1)).bincount(minlength=classes * classes)
    seen = cells.view(classes, classes).cpu().numpy()  # (C * C,) -> (C, C)
    rows, columns = linear_sum_assignment(-seen)
    return float(seen[rows, columns].sum()) / max(1, len(labels))
