"""Detection, step 1 of the defence: which class, if any, has triggers?

A group of sub-models, one a class, is trained in one vectorised pass, each class with an equal batch and the same
level. Only a class with a backdoor has small patches that send most images to it; the verdict is the measured effective
ASR of the samples, on the defender's own images. Source: Section 3.3, step 1.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch

from mesa_core.apply import rule_of
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.events import Progress
from mesa_core.measures.bench import Bench, Plain
from mesa_core.measures.verdict import ClassFound, Detection
from mesa_core.method import mesa, submodels
from mesa_core.method.surrogate import Surrogate
from mesa_core.pacing import Pace, follow
from mesa_core.victims.victim import Victim

SAMPLES = 64  # triggers of each class whose ASR is measured
IMAGES = 16  # images for each of them
GLANCE = 16  # triggers of each class in a look at the search while it runs


@dataclass(frozen=True)
class Glimpse:
    """Arrays for whoever watches: `triggers` uint8 (C, n, d), `class` (C,); once `measured`, also `asr` (C, n)
    of each trigger, `hits` (C,) and `images` (C,), how many trials of a class went to it and how many there were."""

    arrays: dict[str, np.ndarray]
    measured: bool


def detect(
    victim: Victim,
    defender: ImageSet,
    classes: tuple[str, ...],
    config: ExperimentConfig,
    seed: int,
) -> Generator[Progress | Glimpse, None, Detection]:
    """Search all classes at once; yields progress and glimpses of the samples, returns the verdict.

    `victim` is frozen; `defender` are the defender's images, all the data that this sees. The verdict's `target` is
    the class with the highest effective ASR among those above `config.detect_threshold`, None where there is none.
    """
    count, compute = len(classes), victim.compute
    group = submodels.make(
        config, [config.detect_beta] * count, config.detect_batch, config.detect_steps, compute.device, seed, False
    )
    rule = rule_of(config.apply)
    surrogate = Surrogate(victim, defender.images, torch.arange(count, device=compute.device), rule=rule)
    surrogate = surrogate.expecting(count * config.detect_batch * config.detect_steps, config.size)
    generator = compute.generator(seed)

    def watching() -> torch.Generator:  # of its own, so that who watches changes nothing, and always the same noise
        return compute.generator(seed + 1)

    pace = Pace("detect", config.detect_steps)
    for step in mesa.train(group, surrogate, config.detect_steps, generator):
        if step.diagnostics is not None and pace.due(step.done):
            success = step.diagnostics.success
            each = {f"class_asr_{i}": value for i, value in enumerate(success.tolist())}
            yield pace.progress(step.done, highest=success.max().item(), median=success.median().item(), **each)
            yield Glimpse({"triggers": _bytes(group.sample(GLANCE, watching())), "class": np.arange(count)}, False)
    triggers = group.sample(SAMPLES, generator)  # (C, S, 3, s, s)
    rates: list[np.ndarray] = []
    found: list[ClassFound] = []
    pace = Pace("detect", len(defender) + count * SAMPLES * IMAGES)
    plain: Plain | None = None  # what the victim says without any trigger is the same for every class
    for target, name in enumerate(classes):
        bench = Bench(defender, target, seed, rule=rule, absent=True)
        if plain is None:
            plain = yield from follow(pace, bench.plain(victim))
        asr, effective, each = yield from follow(pace, bench.of_samples(victim, plain, triggers[target], IMAGES))
        rates.append(each)
        found.append(ClassFound(number=target, name=name, asr=asr.rounded(), effective_asr=effective.rounded()))
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
    told = Detection(suspects=[], threshold=config.detect_threshold, beta=config.detect_beta, classes=found)
    return told.judged()


def _bytes(triggers: torch.Tensor) -> np.ndarray:
    """`(C, n, 3, s, s)` in [0, 1] as uint8 `(C, n, 3*s*s)`."""
    flat = triggers.flatten(2).float().cpu().numpy()
    return np.rint(flat * 255).astype(np.uint8)
