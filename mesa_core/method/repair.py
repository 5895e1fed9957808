"""Repair, step 2 of the defence, eq. 5: retrain on clean images of which a share r carries triggers, labels kept.

    loss = sum over (m, y) of  L(P(Apply(m, x)), y)  with probability r, x drawn from the pool
                               L(P(m), y)            with probability 1 - r

Every defence that is compared differs in its pool of triggers alone: MESA's samples, one reversed trigger, random
ones, the original (an oracle), or none at all (the control).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import torch
from torch import Tensor

from mesa_core.apply import whose
from mesa_core.apply.rule import Apply
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.events import Progress
from mesa_core.method.attack import how_many
from mesa_core.pacing import Pace
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Recipe, Stamp, Trainer
from mesa_core.victims.victim import Victim


def unlearn(pool: Tensor, ratio: float, normalise: Normalise, seed: int, rule: Apply) -> Stamp:
    """Stamps each image with probability `ratio` with a trigger of `pool` `(m, 3, s, s)`; labels stay as they are."""
    host = torch.Generator().manual_seed(seed)
    # Of its own, so that the images and their crops are the same for every defence, whatever each draws here.
    generator = torch.Generator(pool.device).manual_seed(seed + 1)

    def stamp(images: Tensor, labels: Tensor, _: torch.Generator) -> tuple[Tensor, Tensor, int]:
        k = how_many(len(images), ratio, host)
        if k == 0:
            return images, labels, 0
        pick = torch.randint(len(pool), (k,), generator=generator, device=generator.device)
        where = rule.places(k, images.shape[-2:], pool.shape[-1], generator)
        stamped = rule(images[:k], normalise.triggers(pool[pick]), where)
        return torch.cat([stamped, images[k:]]), labels, k

    return stamp


def recipe_of(config: ExperimentConfig, count: int) -> Recipe:
    """How a repair on `count` images trains: as many passes as the configuration says, but its least steps."""
    schedule = "linear" if config.repair_decay else "constant"
    recipe = Recipe(config.repair_lr, config.repair_batch, config.repair_epochs, schedule)
    if 0 < recipe.steps(count) < config.repair_steps:
        return replace(recipe, epochs=config.repair_steps * config.repair_batch / count)
    return recipe


def repair(
    victim: Victim,
    data: ImageSet,
    pool: Tensor | Stamp | None,
    config: ExperimentConfig,
    seed: int,
    stage: str = "repair",
    rule: Apply | None = None,
) -> Generator[Progress, None, Victim]:
    """Retrain a copy of `victim` on the defender's images `data` (eq. 5); yields progress and returns the repaired copy.

    `pool` is a set of triggers `(m, 3, s, s)` in [0, 1], or a stamp of another form (Neural Cleanse's mask); with None
    nothing is stamped, the control. `rule` is how triggers are put on images, without a word as the defender assumes. The same seed shows every defence the same images in the same order.
    """
    recipe = recipe_of(config, len(data))
    if isinstance(pool, Tensor):
        own, size = pool.to(victim.compute.device), tuple(data.images.shape[-2:])
        rule = whose.defenders(config, size) if rule is None else rule
        stamp: Stamp | None = unlearn(own, config.repair_ratio, victim.normalise, seed, rule)
    else:
        stamp = pool
    trainer = Trainer(victim.copy(), data.images, data.labels, recipe, seed, stamp)
    pace = Pace(stage, trainer.total)
    for step in trainer:
        if pace.due(step.done):
            yield pace.progress(step.done, loss=step.loss.item())
    return trainer.trained()
