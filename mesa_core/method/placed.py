"""A search by a plan of places: what a search at random places misses, since the trigger lies in one place always.

    1  a glance at every pair of class and part of the image; most are hopeless and are left early (`glance`). From tiles that
       answer the trigger is cut out (`tiles`)
    2  of a class that answers, its triggers are tried at all places, and the highest lead names the place (`pinpoint`)
    3  MESA at that place alone; its effective ASR goes into the verdict, as that of every class does

Where the search at random places has found a class already, its strongest trigger is mapped instead of a glance: a fixed
place shows there, too. What this takes is known before it starts (`cost`).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mesa_core.apply import plan
from mesa_core.apply.places import Box
from mesa_core.apply.whose import within
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.events import Progress
from mesa_core.measures.bench import Bench, Plain
from mesa_core.measures.verdict import Placed, Searched
from mesa_core.method import brief, pinpoint, tiles
from mesa_core.method.glance import LEFT, Answer, Looked, Pair, glance
from mesa_core.method.glance import cost as cost_of_glance
from mesa_core.method.surrogate import Surrogate
from mesa_core.opacity import SAMPLED
from mesa_core.pacing import Pace, follow
from mesa_core.victims.victim import Victim

ANSWERS = (
    0.35  # mean root of the target's softmax below which a pair is hopeless; clean networks of the signs reach 0.2
)
CLASSES = 3  # at most, that are mapped and searched at a place
MAPS = 2  # of triggers, for each
SAMPLES = 64  # triggers of each class whose ASR is measured
IMAGES = 16  # images for each of them


@dataclass(frozen=True)
class Clue:
    """A trigger `(3, s, s)` that answers, the name of the `part` of the plan by which, and the place, where it is known."""

    part: str
    trigger: Tensor
    place: tuple[int, int] | None = None


Answers = dict[int, list[Clue]]  # by class


@dataclass(frozen=True)
class Named:
    """A class with the place that is to be searched: row and column of the top left pixel, the `part` of the plan by which it is
    named, and the share of images that go there at the median place (`elsewhere`)."""

    target: int
    row: int
    column: int
    part: str
    elsewhere: float

    @property
    def box(self) -> Box:
        """The one place."""
        return Box(self.row, self.column, self.row, self.column)


@dataclass
class Memory:
    """What searches of one network with triggers of several sizes know of each other: the tiles that answered, which need not be
    looked at twice, and the class and place that was `named`, at which the next search looks for it."""

    tiles: list[Answer] | None = None
    named: Named | None = None


@dataclass(frozen=True)
class Located:
    """A class whose triggers work at a place: `told` is what there is to say, `triggers` `(S, 3, s, s)` MESA's samples there,
    `rates` each one's ASR."""

    told: Placed
    triggers: Tensor
    rates: list[float]


@dataclass(frozen=True)
class Answering:
    """For whoever watches a glance: how far the class that answers most at each place does so far, float32 `(rows, columns)` from
    0 to 1; of pairs that were left what they came to. A hint, and no rate."""

    places: np.ndarray


def pairs_of(config: ExperimentConfig, image_size: tuple[int, ...], targets: Sequence[int]) -> list[Pair]:
    """Every class with every part of the configured plan but the part anywhere. Raises ValueError for what is no plan."""
    parts = plan.parts(config.search_places, image_size, config.size)
    return [Pair(target, part) for target in targets for part in parts if part.name != plan.ANYWHERE]


def cost(config: ExperimentConfig, image_size: tuple[int, ...], classes: int) -> tuple[int, int]:
    """(images with their gradient, images without) that the plan takes at most beside the search anywhere."""
    pairs = pairs_of(config, image_size, range(classes))
    tiled = [one for one in pairs if one.part.side]
    looks = cost_of_glance(len(tiled)) + cost_of_glance(len(pairs) - len(tiled))
    more, without = tiles.cost([one.part for one in tiled], config.size)
    mapped = CLASSES * MAPS * pinpoint.cost(image_size, config.size)
    looks += more + brief.cost(config, CLASSES, config.detect_steps)
    return looks, without + mapped + CLASSES * SAMPLES * IMAGES


def again(config: ExperimentConfig, image_size: tuple[int, ...], classes: int) -> int:
    """Images with their gradient that a search with triggers of a second size saves, since tiles are glanced at once."""
    return cost_of_glance(sum(1 for one in pairs_of(config, image_size, range(classes)) if one.part.side))


def search(
    victim: Victim,
    defender: ImageSet,
    plain: Plain,
    targets: Sequence[int],
    known: Mapping[int, Tensor],
    config: ExperimentConfig,
    seed: int,
    memory: Memory | None = None,
) -> Generator[Progress | Answering, None, tuple[Searched, list[Located]]]:
    """Look at `targets` by the configured plan; yields progress and what answers so far, returns what was covered and found where.

    `victim` is frozen, `defender` are the defender's images, `plain` its answers to them. `known` are classes that the search
    at random places has found, each with its strongest triggers `(m, 3, s, s)`; then no other class is looked at. `memory` is
    kept between searches for several sizes; the class that it names is searched at its place, whatever the plan would name.
    """
    memory = Memory() if memory is None else memory
    looking = _Looking(victim, defender, plain, config, seed)
    pairs = [] if known else pairs_of(config, looking.image_size, targets)
    tiled, others = [one for one in pairs if one.part.side], [one for one in pairs if not one.part.side]
    answers: Answers = {
        target: [Clue(plan.ANYWHERE, one) for one in triggers[:MAPS]]
        for target, triggers in list(known.items())[:CLASSES]
    }
    if others:
        yield from looking.at_parts(others, answers)
    if tiled:
        yield from looking.in_tiles(tiled, answers, memory)
    named = [] if memory.named is None else [memory.named]
    for one in named:
        answers.pop(one.target, None)
    named += yield from looking.mapped(answers, known, CLASSES - len(named))
    found: list[Located] = []
    if named:
        found = yield from _at_places(victim, defender, plain, named, config, seed)
        looking.looks += brief.cost(config, len(named), config.detect_steps)
    told = Searched(
        plan=config.search_places,
        parts=len(plan.parts(config.search_places, looking.image_size, config.size)),
        pairs=len(pairs),
        left=min(LEFT, len(pairs)),
        looks=looking.looks,
        passes=looking.passes,
        opacity=1.0 if isinstance(config.search_opacity, str) else config.search_opacity,
        own_opacities=True if config.search_opacity == SAMPLED else None,
        found=[one.told for one in found],
    )
    return told, found


class _Looking:
    """Where something answers, and what looking there took: `looks` images with their gradient, `passes` without."""

    def __init__(self, victim: Victim, defender: ImageSet, plain: Plain, config: ExperimentConfig, seed: int) -> None:
        self.victim, self.defender, self.plain, self.config, self.seed = victim, defender, plain, config, seed
        self.image_size = tuple(defender.images.shape[-2:])
        self.generator = victim.compute.generator(seed + 2)
        self.looks = self.passes = 0

    def _glanced(self, pairs: Sequence[Pair], size: int) -> Generator[Progress | Answering, None, list[Answer]]:
        """A glance with patches of `size` pixels."""
        config, counts = (
            self.config,
            torch.bincount(self.plain.predicted.cpu(), minlength=max(one.target for one in pairs) + 1),
        )
        natural = counts / len(self.plain.predicted)
        work = glance(self.victim, self.defender.images, pairs, size, config.search_opacity, natural, self.generator)
        pace = Pace("detect", cost_of_glance(len(pairs)))
        self.looks += pace.total
        return (yield from _watched(pace, work, pairs, self.image_size, config.size))

    def at_parts(self, pairs: Sequence[Pair], answers: Answers) -> Generator[Progress | Answering, None, None]:
        """Adds to `answers` the triggers that answered in their parts of the image."""
        for one in (yield from self._glanced(pairs, self.config.size)):
            own = answers.setdefault(one.pair.target, [])
            if one.lean >= ANSWERS and len(own) < MAPS:
                own.append(Clue(one.pair.part.name, one.trigger))

    def in_tiles(
        self, pairs: Sequence[Pair], answers: Answers, memory: Memory
    ) -> Generator[Progress | Answering, None, None]:
        """Adds to `answers` the triggers that were cut out of tiles, which are glanced at where `memory` does not know them."""
        config, parts = self.config, {one.part.name: one.part for one in pairs}
        if memory.tiles is None:
            memory.tiles = yield from self._glanced(pairs, pairs[0].part.side)
        work = tiles.cut(self.victim, self.defender, self.plain, memory.tiles, config, self.generator)
        pace = Pace("detect", sum(tiles.cost(list(parts.values()), config.size)))
        cuts, looks, passes = yield from follow(pace, work)
        self.looks, self.passes = self.looks + looks, self.passes + passes
        shares = np.array([one.share for one in cuts], np.float32)
        # whole tiles open clean networks, too, so what was shown while they were glanced at is taken back
        shown = [Pair(one.target, parts[one.part]) for one in cuts]
        yield Answering(_map(shown, shares, self.image_size, config.size))
        for one in cuts:
            own = answers.setdefault(one.target, [])
            if len(own) < MAPS:
                own.append(Clue(one.part, one.trigger, one.place))

    def mapped(
        self, answers: Answers, known: Mapping[int, Tensor], most: int
    ) -> Generator[Progress, None, list[Named]]:
        """The places of at most so many classes: where the target leads most of all places of their triggers."""
        chosen = [(target, own) for target, own in answers.items() if own][: max(most, 0)]
        pace = Pace("detect", sum(len(own) for _, own in chosen) * pinpoint.cost(self.image_size, self.config.size))
        rule = within([Box(0, 0, 0, 0)], self.config.search_opacity)
        named: list[Named] = []
        for target, own in chosen:
            bench = Bench(self.defender, target, self.seed, rule=rule, absent=True)
            points: list[tuple[Clue, pinpoint.Point]] = []
            for clue in own:
                work = pinpoint.pinpoint(bench, self.victim, self.plain, clue.trigger, clue.place)
                point = yield from follow(pace, work)
                self.passes += point.passes
                points.append((clue, point))
            clue, best = max(points, key=lambda one: one[1].lead)
            if not best.nowhere and (target not in known or best.fixed):  # what is known to work anywhere stays so
                named.append(Named(target, *best.place, clue.part, best.median))
        return named


def _watched(
    pace: Pace,
    work: Generator[Looked, None, list[Answer]],
    pairs: Sequence[Pair],
    image_size: tuple[int, ...],
    patch: int,
) -> Generator[Progress | Answering, None, list[Answer]]:
    """A glance's progress, with a map of what answers so far, for triggers of `patch` pixels; returns what the glance does."""
    lean = np.zeros(len(pairs), np.float32)
    while True:
        try:
            step = next(work)
        except StopIteration as done:
            return done.value
        pace.passed += step.images
        if pace.due(min(pace.passed, pace.total - 1)):
            lean[list(step.alive)] = step.lean.float().cpu().numpy()
            yield pace.progress(min(pace.passed, pace.total))
            yield Answering(_map(pairs, lean, image_size, patch))


def _map(pairs: Sequence[Pair], lean: np.ndarray, image_size: tuple[int, ...], patch: int) -> np.ndarray:
    """The highest lean of the pairs whose parts hold each place, no less than 0."""
    found = np.zeros(Box.everywhere(image_size, patch).shape, np.float32)
    for pair, value in zip(pairs, lean.clip(0, 1), strict=True):
        box = pair.part.within(patch)
        own = found[box.top : box.bottom + 1 : box.step, box.left : box.right + 1 : box.step]
        np.maximum(own, value, out=own)
    return found


def _at_places(
    victim: Victim,
    defender: ImageSet,
    plain: Plain,
    named: Sequence[Named],
    config: ExperimentConfig,
    seed: int,
) -> Generator[Progress, None, list[Located]]:
    """MESA for each class at its place alone, and how often what it finds succeeds there."""
    rule = within([one.box for one in named], config.search_opacity)
    targets = torch.tensor([one.target for one in named], device=victim.compute.device)
    surrogate = Surrogate(victim, defender.images, targets, rule=rule)
    betas, generator = [config.detect_beta] * len(named), victim.compute.generator(seed + 3)
    drawn = yield from brief.sampled(config, surrogate, betas, config.detect_steps, SAMPLES, seed + 3, generator)
    found = []
    for one, triggers in zip(named, drawn, strict=True):
        bench = Bench(defender, one.target, seed, rule=within([one.box], config.search_opacity), absent=True)
        pace = Pace("detect", SAMPLES * IMAGES)
        asr, effective, each = yield from follow(pace, bench.of_samples(victim, plain, triggers, IMAGES))
        told = Placed(
            number=one.target,
            row=one.row,
            column=one.column,
            part=one.part,
            asr=asr.rounded(),
            effective_asr=effective.rounded(),
            elsewhere=round(one.elsewhere, 6),
        )
        found.append(Located(told, triggers, list(each)))
    return found
