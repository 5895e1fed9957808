"""A search over sizes, from small to large, as part of the declared plan.

    1  at each listed size every class is searched, by the configured plan of places; all but KEPT classes are left after a
       quarter of the steps. The first size at which a class looks attacked (`verdict.stand_out`), or at which an all-to-all
       backdoor shows, ends it
    2  of that class the neighbouring sizes are tried: larger ones by MESA for the one class, as long as its strongest
       triggers get better by GAIN; then smaller ones, cut out of the strongest triggers, as long as they lose less than GAIN
    3  where that names another size, every class is searched once more with triggers of that size, the one that was found at
       the place that it is known to work at
    4  which size was planted is told by how far the target leads, since parts of a trigger often do as well (`planted`)

What is found is of one size in the end, so that its figures stand beside the network's other classes. `cost` says before it
starts what it takes at most.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median

import numpy as np
import torch
from torch import Tensor

from mesa_core import triggers as codes
from mesa_core.apply import plan, sizes, whose
from mesa_core.apply.places import Box
from mesa_core.apply.rule import Apply
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.events import Progress
from mesa_core.measures.bench import Bench, Plain
from mesa_core.measures.by_size import BySize, SizeNear, SizeTried
from mesa_core.measures.intervals import Measured
from mesa_core.measures.verdict import Detection, Placed, stand_out
from mesa_core.method import brief, detection, placed, planted
from mesa_core.method.detection import Glimpse, News
from mesa_core.method.placed import Memory, Named
from mesa_core.method.planted import of_size
from mesa_core.method.surrogate import towards
from mesa_core.pacing import Pace, follow
from mesa_core.victims.victim import Victim

VERSION = 5  # raised when what it finds changes
KEPT = 3  # classes that are searched to the end at a size
GAIN = 0.05  # of the effective ASR, by which a larger trigger has to do better, and a smaller one may do worse
UP = 3  # sizes upwards at most
STRONGEST = 8  # triggers by which a size is judged
IMAGES = 32  # images for each of them
PARTS = 2  # of the detection's steps one is spent on a neighbouring size


@dataclass(frozen=True)
class _At:
    """A size of one class: its strongest triggers `(m, 3, s, s)`, at `box` (None: at random places), and how often they succeed."""

    size: int
    box: Box | None
    triggers: Tensor
    rate: Measured


def find(
    victim: Victim, defender: ImageSet, classes: tuple[str, ...], config: ExperimentConfig, seed: int
) -> Generator[News, None, Detection]:
    """What `detection.detect` does, over the configured sizes; without such, that.

    Passing glimpses are of the size that is searched just then; the measured one at the end, and the verdict, of the
    `sizes.believed`.
    """
    if not config.search_sizes:
        return (yield from detection.detect(victim, defender, classes, config, seed))
    began, listed = time.monotonic(), sizes.listed(config.search_sizes, config.size)
    tried: list[SizeTried] = []
    near: list[SizeNear] = []
    looks = passes = 0
    memory = Memory()

    def searched(size: int) -> Generator[News, None, tuple[Detection, Glimpse]]:
        nonlocal looks, passes
        work = detection.detect(victim, defender, classes, of_size(config, size), seed, KEPT, memory)
        verdict, glimpse = yield from held(work)  # its measured glimpse is held back
        cost = _spent(verdict, of_size(config, size), defender)
        looks, passes = looks + cost[0], passes + cost[1]
        best = max(verdict.classes, key=lambda one: one.rate.value)
        rest = [one.rate.value for one in verdict.classes if one is not best]
        tried.append(
            SizeTried(
                size=size,
                number=best.number,
                effective_asr=best.rate,
                others=round(median(rest), 6) if rest else 0.0,
                found=_found(verdict),
                looks=cost[0],
                passes=cost[1],
            )
        )
        return verdict, glimpse

    for size in listed:
        verdict, glimpse = yield from searched(size)
        if _found(verdict):
            break
    believed, original = size if _found(verdict) else None, None
    out = stand_out(verdict.classes, verdict.threshold)
    if out:
        around = _Around(victim, defender, config, seed, out[0])
        believed = yield from around.believed(size, verdict, glimpse)
        near, looks, passes = around.near, looks + around.looks, passes + around.passes
        if believed != size:
            memory.named = around.named
            again, shown = yield from searched(believed)
            if out[0] in stand_out(again.classes, again.threshold):
                verdict, glimpse = again, shown
            else:
                believed = size
        if planted.FIRST <= believed < planted.LAST:
            at = _placed(verdict, out[0])
            known = (believed, None if at is None else at.box)
            sizing = yield from planted.sizing(victim, defender, around.plain, out[0], config, known, around.seed)
            # What opens as often only from a size on is no smaller.
            original, looks, passes = max(sizing.size, believed), looks + sizing.looks, passes + sizing.passes
    yield glimpse
    told = BySize(
        listed=list(listed),
        tried=tried,
        near=near,
        believed=believed,
        planted=original,
        looks=looks,
        passes=passes,
        seconds=round(time.monotonic() - began, 1),
    )
    return replace(verdict, sizes=told).judged()


def cost(config: ExperimentConfig, image_size: tuple[int, ...], classes: int, images: int) -> tuple[int, int]:
    """(images with their gradient, images without) that the whole search takes at most, to be said before it starts."""
    looks = passes = 0
    listed = sizes.listed(config.search_sizes, config.size)
    for size in listed:
        more = detection.cost(of_size(config, size), image_size, classes, images, KEPT)
        looks, passes = looks + more[0], passes + more[1]
    if plan.several(config.search_places):  # tiles are glanced at once
        looks -= (len(listed) - 1) * placed.again(of_size(config, listed[0]), image_size, classes)
    return looks, passes


def cost_if_found(config: ExperimentConfig, image_size: tuple[int, ...], classes: int, images: int) -> tuple[int, int]:
    """The same for what is done besides where a class is found: the neighbouring sizes, and the search once more."""
    again = detection.cost(of_size(config, codes.SIZES[0]), image_size, classes, images, KEPT)  # no size costs more
    boxes = 1 if not plan.several(config.search_places) else 4
    side = max(1, config.detect_steps // PARTS) * config.detect_batch * boxes
    least = STRONGEST * IMAGES * (UP + 1) + boxes * detection.SAMPLES * detection.IMAGES * UP
    cut = sum(range(codes.SMALL[-1])) * 4 * STRONGEST * (IMAGES + detection.IMAGES)
    more = planted.cost(config, plan.several(config.search_places))
    return again[0] + UP * side + more[0], again[1] + least + cut + more[1]


def _placed(verdict: Detection, target: int) -> Placed | None:
    """Where a class was found; None for random places."""
    found = [] if verdict.places is None else verdict.places.found
    return next((one for one in found if one.number == target), None)


def _found(verdict: Detection) -> bool:
    return bool(stand_out(verdict.classes, verdict.threshold)) or verdict.astray is not None


def held(
    work: Generator[News, None, Detection],
) -> Generator[News, None, tuple[Detection, Glimpse]]:
    """A search whose measured glimpse is held back and returned beside its verdict; all else goes on."""
    kept: list[Glimpse] = []
    while True:
        try:
            news = next(work)
        except StopIteration as done:
            return done.value, kept[-1]
        if isinstance(news, Glimpse) and news.measured:
            kept.append(news)
        else:
            yield news


def _spent(verdict: Detection, config: ExperimentConfig, defender: ImageSet) -> tuple[int, int]:
    """(images with their gradient, images without) that one size took."""
    bare = replace(config, search_places=plan.ANYWHERE, search_sizes="")
    image_size = tuple(defender.images.shape[-2:])
    looks, passes = detection.cost(bare, image_size, len(verdict.classes), len(defender), KEPT)
    for part in (verdict.places, verdict.all_to_all):
        if part is not None:
            looks, passes = looks + part.looks, passes + part.passes
    return looks, passes


class _Around:
    """The neighbouring sizes of one class that was found; `near` are those that were tried, `looks` and `passes` what it took."""

    def __init__(self, victim: Victim, defender: ImageSet, config: ExperimentConfig, seed: int, target: int) -> None:
        self.victim, self.defender, self.config, self.target = victim, defender, config, target
        self.seed, self.image_size = seed + 10, tuple(defender.images.shape[-2:])
        self.near: list[SizeNear] = []
        self.looks = self.passes = 0
        self.plain = Plain(torch.zeros(0))
        self.named: Named | None = None  # the place of the believed size, where it has one

    def believed(self, size: int, verdict: Detection, glimpse: Glimpse) -> Generator[Progress, None, int]:
        """The smallest size whose strongest triggers do about as well as any."""
        bench = self._bench(None, size)
        self.plain = yield from follow(Pace("detect", len(self.defender)), bench.plain(self.victim))
        flat = codes.unflatten(glimpse.arrays["triggers"][self.target])
        drawn = torch.from_numpy(flat).to(self.defender.images.device).float() / 255
        known = _placed(verdict, self.target)
        box = None if known is None else known.box
        best = yield from self._strongest([(box, drawn)], size)
        for larger in range(size + 1, min(size + UP, codes.SMALL[-1], *self.image_size) + 1):
            one = yield from self._trained(best, larger)
            self.near.append(SizeNear(larger, one.rate))
            if one.rate.value < best.rate.value + GAIN:
                break
            best = one
        floor = best.rate.value - GAIN
        while best.size > 1:
            one = yield from self._cut(best)
            if all(own.size != one.size for own in self.near):
                self.near.append(SizeNear(one.size, one.rate))
            if one.rate.value < floor:
                break
            best = one
        self.near.sort(key=lambda one: one.size)
        if known is not None and best.box is not None:
            self.named = Named(self.target, best.box.top, best.box.left, known.part, known.elsewhere)
        return best.size

    def _trained(self, best: _At, size: int) -> Generator[Progress, None, _At]:
        """MESA for triggers one pixel larger, at each place from which they cover the smaller ones."""
        boxes = planted.around(best.box, best.size, size, self.image_size)
        config, seed = of_size(self.config, size), self.seed + size
        steps, generator = max(1, config.detect_steps // PARTS), self.victim.compute.generator(seed)
        surrogate = towards(self.target, self.victim, self.defender, len(boxes), rule=self._rule(boxes, size))
        betas = [config.detect_beta] * len(boxes)
        drawn = yield from brief.sampled(config, surrogate, betas, steps, detection.SAMPLES, seed, generator)
        self.looks += brief.cost(config, len(boxes), steps)
        return (yield from self._strongest(list(zip(boxes, drawn, strict=True)), size))

    def _cut(self, best: _At) -> Generator[Progress, None, _At]:
        """What is left of the strongest triggers where a row and a column are cut off, on whichever sides that costs least."""
        size, shown = best.size - 1, []
        for row, column in product(range(2), range(2)):
            part = best.triggers[..., row : row + size, column : column + size]
            box = None
            if best.box is not None:
                top, left = best.box.top + row, best.box.left + column
                box = Box(top, left, top, left)
            shown.append((box, part))
        return (yield from self._strongest(shown, size))

    def _strongest(self, shown: Sequence[tuple[Box | None, Tensor]], size: int) -> Generator[Progress, None, _At]:
        """Of triggers by place the STRONGEST of the best place, chosen on some images and measured on others."""
        chosen: list[tuple[float, Box | None, Tensor]] = []
        for box, triggers in shown:
            bench = self._bench(box, size)
            pace = Pace("detect", len(triggers) * detection.IMAGES)
            work = bench.of_samples(self.victim, self.plain, triggers, detection.IMAGES)
            _, _, each = yield from follow(pace, work)
            self.passes += len(triggers) * detection.IMAGES
            order = np.argsort(-each, kind="stable")[:STRONGEST].copy()
            chosen.append((float(each[order].mean()), box, triggers[torch.from_numpy(order).to(triggers.device)]))
        _, box, triggers = max(chosen, key=lambda one: one[0])
        bench = self._bench(box, size, other=True)
        pace = Pace("detect", len(triggers) * IMAGES)
        _, effective, _ = yield from follow(pace, bench.of_samples(self.victim, self.plain, triggers, IMAGES))
        self.passes += len(triggers) * IMAGES
        return _At(size, box, triggers, effective.rounded())

    def _rule(self, boxes: Sequence[Box | None], size: int) -> Apply:
        return whose.sought(of_size(self.config, size), self.image_size, boxes)

    def _bench(self, box: Box | None, size: int, other: bool = False) -> Bench:
        return Bench(self.defender, self.target, self.seed + other, rule=self._rule([box], size), absent=True)
