"""Of which size a trigger was planted, told by how far the target leads where the success rate no longer tells.

Parts of a trigger often open a network as surely as the whole: a free shape of nine cells in 5x5 pixels, or a faint 5x5, is
opened by 3x3 triggers on nearly every image. How far the target's logit is ahead grows on until a trigger has the planted size,
and little beyond. So sub-models of one size after the other are trained for the class that was found, at the place where it was,
and the first whose lead is KEEP of the next one's is believed. KEEP was chosen on the half of the zoo that tunes
(`benchmarks/README.md`).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from mesa_core import triggers as codes
from mesa_core.apply import whose
from mesa_core.apply.places import Box
from mesa_core.apply.rule import Apply
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.events import Progress
from mesa_core.measures.bench import Bench, Drawn, Plain
from mesa_core.measures.place_map import leads, staying
from mesa_core.method import brief
from mesa_core.method.surrogate import towards
from mesa_core.pacing import Pace, follow
from mesa_core.victims.victim import Victim

KEEP = 0.85  # of the lead of triggers one pixel larger, from which on a size is believed
FIRST, LAST = 3, 6  # pixels: the sizes that are tried at most
SAMPLES = 64  # triggers of each sub-model
TRIED = 8  # images for each of them, to choose the STRONGEST
STRONGEST = 8
IMAGES = 32  # other images for each of those


@dataclass(frozen=True)
class Led:
    """Triggers of a size, at `box` (None: at random places), and by how much the target `lead`s with the strongest of them."""

    size: int
    box: Box | None
    lead: float


@dataclass
class Sizing:
    """What was tried, from small to large, and what that took: images with their gradient, and without."""

    tried: list[Led]
    looks: int = 0
    passes: int = 0

    @property
    def size(self) -> int:
        """The size that is believed in: the first whose lead is as good as the next one's, else the last that was tried."""
        for one, larger in zip(self.tried, self.tried[1:], strict=False):
            if one.lead > 0 and one.lead >= KEEP * larger.lead:
                return one.size
        return self.tried[-1].size


def of_size(config: ExperimentConfig, size: int) -> ExperimentConfig:
    """The same for triggers of one size."""
    return replace(config, trigger=codes.to_hex(codes.chequer(size)))


def around(box: Box | None, size: int, larger: int, image_size: tuple[int, ...]) -> list[Box | None]:
    """Every place from which a larger trigger covers one of `size` pixels at `box`; None: random places."""
    if box is None:
        return [None]
    whole, by = Box.everywhere(image_size, larger), range(larger - size + 1)
    corners = {(box.top - r, box.left - c) for r, c in product(by, by)}
    return [Box(r, c, r, c) for r, c in sorted(corners) if whole.holds(r, c)]


def inside(box: Box | None, size: int) -> list[Box | None]:
    """Every place of a FIRST×FIRST trigger within one of `size` pixels at `box`; None: random places."""
    if box is None:
        return [None]
    by = range(size - FIRST + 1)
    return [Box(box.top + r, box.left + c, box.top + r, box.left + c) for r, c in product(by, by)]


def cost(config: ExperimentConfig, placed: bool) -> tuple[int, int]:
    """(images with their gradient, images without) that `sizing` takes at most."""
    steps = LAST - FIRST
    groups = steps**2 + 4 * steps if placed else 1 + steps  # within the largest known size, then around one place each
    return brief.cost(config, groups, config.detect_steps), groups * (SAMPLES * TRIED + STRONGEST * IMAGES)


def sizing(
    victim: Victim,
    defender: ImageSet,
    plain: Plain,
    target: int,
    config: ExperimentConfig,
    known: tuple[int, Box | None],
    seed: int,
) -> Generator[Progress, None, Sizing]:
    """Try the sizes from FIRST on. `known` are a size, FIRST at least and below LAST, and the place at which its triggers work (None: anywhere).

    `victim` is frozen, `defender` are the defender's images, `plain` the victim's answers to them.
    """
    size, box = known
    image_size = tuple(defender.images.shape[-2:])
    trial = _Trial(victim, defender, plain, target, replace(config, alpha=0.0), seed)
    boxes = inside(box, size)
    for own in range(FIRST, min(LAST, *image_size) + 1):
        led = yield from trial.led(own, boxes)
        trial.found.tried.append(led)
        if trial.found.size != own:
            break
        boxes = around(led.box, own, own + 1, image_size)
    return trial.found


class _Trial:
    """One class of one network, whose triggers are tried by size; `found` is what came of it so far."""

    def __init__(
        self, victim: Victim, defender: ImageSet, plain: Plain, target: int, config: ExperimentConfig, seed: int
    ) -> None:
        self.victim, self.defender, self.plain, self.target = victim, defender, plain, target
        self.config, self.seed, self.found = config, seed, Sizing([])

    def led(self, size: int, boxes: Sequence[Box | None]) -> Generator[Progress, None, Led]:
        """A sub-model at each of `boxes`, and the one whose strongest triggers lead most."""
        config, generator = of_size(self.config, size), self.victim.compute.generator(self.seed + size)
        surrogate = towards(self.target, self.victim, self.defender, len(boxes), rule=self._rule(boxes, size))
        # A level that no trigger reaches, and no entropy: only the strongest count.
        betas, steps = [1.0] * len(boxes), config.detect_steps
        work = brief.sampled(config, surrogate, betas, steps, SAMPLES, self.seed + size, generator)
        found = yield from work  # (boxes, SAMPLES, k, s, s)
        self.found.looks += brief.cost(config, len(boxes), steps)
        best: Led | None = None
        for box, drawn in zip(boxes, found, strict=True):
            bench = Bench(self.defender, self.target, self.seed, rule=self._rule([box], size), absent=True)
            order = staying(bench, self.plain, TRIED + IMAGES)
            if len(order):
                each = (yield from self._leads(bench, drawn, order[:TRIED], generator)).mean(1)
                strong = drawn[each.topk(min(STRONGEST, len(drawn))).indices]
                lead = float((yield from self._leads(bench, strong, order[-IMAGES:], generator)).mean())
                best = Led(size, box, lead) if best is None or lead > best.lead else best
        return best or Led(size, boxes[0], 0.0)  # of a network that sends all images there by itself

    def _leads(
        self, bench: Bench, triggers: Tensor, order: Tensor, generator: torch.Generator
    ) -> Generator[Progress, None, Tensor]:
        """By how much the target leads, `(triggers, images)`."""
        shape = (len(triggers), len(order))
        image_size = tuple(bench.images.shape[-2:])
        places = bench.rule.places(shape[0] * shape[1], image_size, triggers.shape[-1], generator).to(order.device)
        drawn = Drawn(order[None].expand(shape), places.unflatten(0, shape))
        self.found.passes += shape[0] * shape[1]
        work = bench.stamped(self.victim, triggers, drawn, leads)
        return (yield from follow(Pace("detect", shape[0] * shape[1]), work))[..., 1]

    def _rule(self, boxes: Sequence[Box | None], size: int) -> Apply:
        return whose.sought(of_size(self.config, size), tuple(self.defender.images.shape[-2:]), boxes)
