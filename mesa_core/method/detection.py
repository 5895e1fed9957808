"""Detection, step 1 of the defence: which class, if any, has triggers?

A group of sub-models, one a class, is trained in one vectorised pass, each class with an equal batch and the same
level. Only a class with a backdoor has small patches that send most images to it; the verdict is the measured effective
ASR of the samples, on the defender's own images. Source: Section 3.3, step 1.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
import torch

from mesa_core.apply import plan, whose
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.events import Progress
from mesa_core.measures.astray import AllToAll
from mesa_core.measures.bench import Bench, Plain
from mesa_core.measures.verdict import ClassFound, Detection, Searched, limit
from mesa_core.method import astray, mesa, placed, submodels
from mesa_core.method.surrogate import Surrogate
from mesa_core.pacing import Pace, follow
from mesa_core.victims.victim import Victim

SAMPLES = 64  # triggers of each class whose ASR is measured
IMAGES = 16  # images for each of them
GLANCE = 16  # triggers of each class in a look at the search while it runs
WHOLE = 16  # classes at most that are all searched to the end
KEPT = 10  # of more classes, how many are
FIRST = 4  # the others are left after one of so many parts of the steps
FEW = 4  # images for each trigger of those
LAST = 5  # steps whose success decides
EACH = 1  # raised when what a plan does for all-to-all backdoors changes


@dataclass(frozen=True)
class Glimpse:
    """Arrays for whoever watches: `triggers` uint8 (C, n, d), `class` (C,); once `measured`, also `asr` (C, n)
    of each trigger, `hits` (C,) and `images` (C,), how many trials of a class went to it and how many there were."""

    arrays: dict[str, np.ndarray]
    measured: bool


News = Progress | Glimpse | placed.Answering  # what a search tells while it runs


def detect(
    victim: Victim,
    defender: ImageSet,
    classes: tuple[str, ...],
    config: ExperimentConfig,
    seed: int,
    kept: int = 0,
    memory: placed.Memory | None = None,
) -> Generator[News, None, Detection]:
    """Search all classes at once; yields progress, glimpses of the samples, and of a plan where something answers; returns the verdict.

    `victim` is frozen; `defender` are the defender's images, all the data that this sees. The verdict's `target` is
    the class with the highest effective ASR among those above the limit (`verdict.limit`), None where there is none. All but
    `kept` classes are left after a quarter of the steps, as KEPT are of more than WHOLE (0: all are searched whole). `memory`
    is kept between searches of one network for several sizes.
    """
    asked, side = config, min(defender.images.shape[-2:])
    level, beta = (limit(one, config.size, side) for one in (config.detect_threshold, config.detect_beta))
    # What sub-models find hardly exceeds what they are asked for, so larger ones are asked for more, too.
    config = replace(config, detect_threshold=level, detect_beta=beta)
    count, rule = len(classes), whose.defenders(config, tuple(defender.images.shape[-2:]))
    plain: Plain | None = None  # what the victim says without any trigger is the same for every class
    kept = _kept(count, kept)
    if kept:
        bench = Bench(defender, 0, seed, rule=rule, absent=True)
        plain = yield from follow(Pace("detect", len(defender)), bench.plain(victim))
    search = _Search(victim, defender, config, seed)
    triggers, chosen = yield from search.triggers(count, plain, kept)  # (C, S, 3, s, s)
    rates: list[np.ndarray] = []
    found: list[ClassFound] = []
    each_of = [IMAGES if target in chosen else FEW for target in range(count)]
    pace = Pace("detect", len(defender) + SAMPLES * sum(each_of))
    for target, name in enumerate(classes):
        bench = Bench(defender, target, seed, rule=rule, absent=True)
        if plain is None:
            plain = yield from follow(pace, bench.plain(victim))
        asr, effective, each = yield from follow(
            pace, bench.of_samples(victim, plain, triggers[target], each_of[target])
        )
        rates.append(each)
        found.append(ClassFound(number=target, name=name, asr=asr.rounded(), effective_asr=effective.rounded()))
    searched: Searched | None = None
    if plan.several(config.search_places):
        searched, found, triggers, rates = yield from _placed(
            victim, defender, plain, config, seed, found, triggers, rates, memory
        )
    each_class: AllToAll | None = None
    if config.plans and max((c.rate.value for c in found), default=0) <= level:
        assert plain is not None, "it was asked for at the first class"
        each_class = yield from astray.search(victim, defender, plain, count, asked, seed)
    trials = np.array([c.asr.n for c in found])
    hits = np.rint(np.array([c.asr.value for c in found]) * trials)
    yield Glimpse(
        {
            "triggers": _bytes(triggers),
            "class": np.arange(count),
            "asr": np.stack(rates).astype(np.float32),
            "hits": hits.astype(np.int32),
            "images": trials.astype(np.int32),
        },
        True,
    )
    told = Detection(suspects=[], threshold=level, beta=config.detect_beta, classes=found)
    return replace(told, places=searched, all_to_all=each_class).judged()


def cost(
    config: ExperimentConfig, image_size: tuple[int, ...], count: int, images: int, kept: int = 0
) -> tuple[int, int]:
    """(images with their gradient, images without) that `detect` takes at most for `count` classes and so many defender's images."""
    kept, whole = _kept(count, kept), config.detect_steps
    steps = count * max(1, whole // FIRST) + kept * whole if kept else count * whole
    looks, passes = steps * config.detect_batch, images + SAMPLES * count * IMAGES
    if plan.several(config.search_places):
        more = placed.cost(config, image_size, count)
        looks, passes = looks + more[0], passes + more[1]
    if config.plans:
        more = astray.cost(config, image_size, count)
        looks, passes = looks + more[0], passes + more[1]
    return looks, passes


def _kept(count: int, asked: int) -> int:
    """How many of `count` classes are searched to the end; 0 where all are."""
    return asked if 0 < asked < count else KEPT if count > WHOLE else 0


def _placed(
    victim: Victim,
    defender: ImageSet,
    plain: Plain | None,
    config: ExperimentConfig,
    seed: int,
    found: list[ClassFound],
    triggers: torch.Tensor,
    rates: list[np.ndarray],
    memory: placed.Memory | None,
) -> Generator[News, None, tuple[Searched, list[ClassFound], torch.Tensor, list[np.ndarray]]]:
    """The rest of a plan of places; a class that does better at one place is judged by that, its samples are those."""
    assert plain is not None, "it was asked for at the first class"
    above = sorted((c for c in found if c.rate.value > config.detect_threshold), key=lambda c: -c.rate.value)
    best = {c.number: triggers[c.number][rates[c.number].argsort()[::-1].copy()] for c in above}
    searched, located = yield from placed.search(victim, defender, plain, range(len(found)), best, config, seed, memory)
    found, rates, triggers = list(found), list(rates), triggers.clone()
    for one in located:
        number, told = one.told.number, one.told
        if told.effective_asr.value > found[number].rate.value:
            found[number] = replace(found[number], asr=told.asr, effective_asr=told.effective_asr)
            rates[number], triggers[number] = np.array(one.rates), one.triggers
    kept = [one for one in searched.found if one.effective_asr == found[one.number].effective_asr]
    return replace(searched, found=kept), found, triggers, rates


class _Search:
    """The training of the sub-models, in one round for few classes, in two for many."""

    def __init__(self, victim: Victim, defender: ImageSet, config: ExperimentConfig, seed: int) -> None:
        self.victim, self.defender, self.config, self.seed = victim, defender, config, seed
        self.rule = whose.defenders(config, tuple(defender.images.shape[-2:]))

    def triggers(
        self, count: int, plain: Plain | None, kept: int
    ) -> Generator[Progress | Glimpse, None, tuple[torch.Tensor, list[int]]]:
        """Samples `(C, S, 3, s, s)` of every class, and the classes that were searched to the end.

        Where some are `kept`, all are searched for a quarter of the steps; those whose triggers then succeed most,
        beyond what goes there by itself (`plain`), are searched anew with all of them. Most classes have no trigger at
        all, and that shows early.
        """
        chosen, pool = list(range(count)), torch.empty(0)
        whole = self.config.detect_steps
        rounds = [max(1, whole // FIRST), whole] if kept else [whole]
        pace = Pace("detect", sum(rounds))
        for number, steps in enumerate(rounds):
            done = sum(rounds[:number])
            drawn, success = yield from self._round(chosen, steps, done, pace, pool)
            pool = drawn if number == 0 else pool.index_copy(0, torch.tensor(chosen, device=pool.device), drawn)
            if number + 1 < len(rounds):
                assert plain is not None, "it is asked for before a first round of many"
                chosen = self._best(success, plain, kept)
        return pool, chosen

    def _round(
        self, chosen: list[int], steps: int, before: int, pace: Pace, pool: torch.Tensor
    ) -> Generator[Progress | Glimpse, None, tuple[torch.Tensor, torch.Tensor]]:
        """Train a sub-model for each of the `chosen` classes; returns its samples `(c, S, 3, s, s)` and last success `(c,)`."""
        config, compute, seed = self.config, self.victim.compute, self.seed
        group = submodels.make(
            config, [config.detect_beta] * len(chosen), config.detect_batch, steps, compute.device, seed, False
        )
        targets = torch.tensor(chosen, device=compute.device)
        surrogate = Surrogate(self.victim, self.defender.images, targets, rule=self.rule)
        surrogate = surrogate.expecting(len(chosen) * config.detect_batch * steps, config.size)
        generator = compute.generator(seed)

        def watched() -> np.ndarray:  # with noise of its own, so that who watches changes nothing, and always the same
            glance = group.sample(GLANCE, compute.generator(seed + 1))
            return _bytes(glance if not len(pool) else pool[:, :GLANCE].index_copy(0, targets, glance))

        recent: list[torch.Tensor] = []
        for step in mesa.train(group, surrogate, steps, generator):
            if step.diagnostics is None:
                continue
            success = step.diagnostics.success
            recent = [*recent[-(LAST - 1) :], success]
            if pace.due(before + step.done):
                each = {f"class_asr_{i}": value for i, value in zip(chosen, success.tolist(), strict=True)}
                yield pace.progress(
                    before + step.done, highest=success.max().item(), median=success.median().item(), **each
                )
                shown = watched()
                yield Glimpse({"triggers": shown, "class": np.arange(len(shown))}, False)
        return group.sample(SAMPLES, generator), torch.stack(recent).mean(0)

    def _best(self, success: torch.Tensor, plain: Plain, kept: int) -> list[int]:
        """The `kept` classes that succeed most beyond what goes there unstamped, in their order."""
        count = len(success)
        labels, answers = self.defender.labels.cpu(), plain.predicted.cpu()
        wrong = torch.bincount(answers[answers != labels], minlength=count)[:count]
        others = (len(labels) - torch.bincount(labels, minlength=count)[:count]).clamp(min=1)
        return sorted((success.cpu() - wrong / others).topk(kept).indices.tolist())


def _bytes(triggers: torch.Tensor) -> np.ndarray:
    """`(C, n, k, s, s)` in [0, 1] as uint8 `(C, n, k*s*s)`."""
    flat = triggers.flatten(2).float().cpu().numpy()
    return np.rint(flat * 255).astype(np.uint8)
