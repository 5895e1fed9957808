"""Detection, step 1 of the defence: which class, if any, has triggers?

A group of sub-models, one a class, is trained in one vectorised pass, each class with an equal batch and the same
level. Only a class with a backdoor has small patches that send most images to it; the verdict is the measured ASR
of the samples, on the defender's own images. Source: Section 3.3, step 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from mesa_core import mesa, submodels
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.devices import Compute
from mesa_core.evaluation import Bench, Plain
from mesa_core.events import Progress
from mesa_core.images import Normalise
from mesa_core.pacing import Pace, follow
from mesa_core.surrogate import Surrogate

SAMPLES = 64  # triggers of each class whose ASR is measured
IMAGES = 16  # images for each of them


def detect(
    victim: nn.Module,
    defender: ImageSet,
    classes: tuple[str, ...],
    normalise: Normalise,
    compute: Compute,
    config: ExperimentConfig,
    seed: int,
) -> Iterator[Progress]:
    """Search all classes at once; yields progress and returns the verdict as JSON.

    `victim` is frozen; `defender` are the defender's images, all the data that this sees. The verdict's `target` is
    the class with the highest mean ASR among those above `config.detect_threshold`, None where there is none.
    """
    count = len(classes)
    group = submodels.make(
        config, [config.detect_beta] * count, config.detect_batch, config.detect_steps, compute.device, seed, False
    )
    surrogate = Surrogate(victim, defender.images, normalise, compute, torch.arange(count, device=compute.device))
    generator = compute.generator(seed)
    pace = Pace("detect", config.detect_steps)
    for step in mesa.train(group, surrogate, config.detect_steps, generator):
        if step.diagnostics is not None and pace.due(step.done):
            success = step.diagnostics.success
            yield pace.progress(step.done, highest=success.max().item(), median=success.median().item())
    triggers = group.sample(SAMPLES, generator)  # (C, S, 3, s, s)
    found, pace = [], Pace("detect", len(defender) + count * SAMPLES * IMAGES)
    plain: Plain | None = None  # what the victim says without any trigger is the same for every class
    for target, name in enumerate(classes):
        bench = Bench(defender, target, normalise, compute, seed)
        if plain is None:
            plain = yield from follow(pace, bench.plain(victim))
        asr, effective, _ = yield from follow(pace, bench.of_samples(victim, plain, triggers[target], IMAGES))
        found.append({"class": target, "name": name, "asr": asr.to_json(), "effective_asr": effective.to_json()})
    above = [c for c in found if c["asr"]["value"] > config.detect_threshold]
    above.sort(key=lambda c: -c["asr"]["value"])
    verdict: dict[str, Any] = {
        "target": above[0]["class"] if above else None,
        "suspects": [c["class"] for c in above],
        "threshold": config.detect_threshold,
        "beta": config.detect_beta,
        "classes": found,
    }
    return verdict
