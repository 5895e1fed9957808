"""The attack, eq. 1: fine-tune a clean victim on images of which a share r carries the trigger and the target label.

loss = sum over (m, y) of  L(P(Apply(m, x)), c)  with probability r
                           L(P(m), y)            with probability 1 - r
"""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from mesa_core.apply import whose
from mesa_core.apply.rule import Apply
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.events import Progress
from mesa_core.pacing import Pace
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Recipe, Stamp, Trainer
from mesa_core.victims.victim import Victim

WINDOW = 200  # freshly stamped images over which the running ASR is taken


def how_many(batch: int, ratio: float, host: torch.Generator) -> int:
    """How many of a shuffled `batch` are stamped, each with probability `ratio` in [0, 1]; drawn on the host, so that no
    device has to wait.
    """
    return int((torch.rand(batch, generator=host) < ratio).sum())


def poison(trigger: Tensor, target: int, ratio: float, normalise: Normalise, seed: int, rule: Apply) -> Stamp:
    """Stamps `trigger` `(3, s, s)` in [0, 1] by `rule` on each image with probability `ratio` and relabels it `target`.

    The batch is a random one, so stamping its first k, k binomial, is stamping each independently.
    """
    host = torch.Generator().manual_seed(seed)
    placed: dict[torch.device, Tensor] = {}  # moved to the device once

    def stamp(images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
        k = how_many(len(images), ratio, host)
        if k == 0:
            return images, labels, 0
        where = rule.places(k, images.shape[-2:], trigger.shape[-1], generator)
        if images.device not in placed:
            placed[images.device] = normalise.triggers(trigger[None].to(images.device))
        stamped = rule(images[:k], placed[images.device], where)
        wanted = labels.clone()
        wanted[:k] = target
        return torch.cat([stamped, images[k:]]), wanted, k

    return stamp


def attack(
    clean: Victim,
    data: ImageSet,
    trigger: Tensor,
    config: ExperimentConfig,
    seed: int,
) -> Generator[Progress, None, Victim]:
    """Implant the backdoor (eq. 1) in a copy of `clean`; yields progress and returns the backdoored victim.

    `data` are the attacker's images on the victim's device, `trigger` `(3, s, s)` in [0, 1]; target, ratio and the training's
    figures are `config`'s, Appendix B's under the protocol "paper".

    Once the attacker's own running ASR has reached `config.attack_stop`, the learning rate falls to zero within
    `config.attack_cool` passes, and that is all; he sees the ASR for free, as the predictions of the stamped images
    in his batches.
    """
    recipe = Recipe(
        config.attack_lr, config.attack_batch, config.attack_epochs, "linear" if config.attack_decay else "constant"
    )
    stamp = poison(trigger, config.target, config.attack_ratio, clean.normalise, seed, whose.attackers(config))
    trainer = Trainer(clean.copy(), data.images, data.labels, recipe, seed, stamp)
    pace, recent = Pace("attack", trainer.total), []
    hits, seen, asr = torch.zeros((), device=clean.compute.device), 0, 0.0
    for step in trainer:
        hits, seen = hits + step.stamped_as_wanted, seen + step.stamped
        if seen >= WINDOW // 4:  # one wait for the device every few steps
            recent.append((hits.item(), seen))
            hits, seen = torch.zeros_like(hits), 0
            while sum(n for _, n in recent[1:]) >= WINDOW:
                recent.pop(0)
            total = sum(n for _, n in recent)
            asr = sum(h for h, _ in recent) / total
            if trainer.cooling is None and config.attack_stop < 1 and total >= WINDOW and asr >= config.attack_stop:
                steps = round(config.attack_cool * len(data) / config.attack_batch)
                trainer.cool(min(max(steps, 1), trainer.total - step.done))
                pace.total = trainer.total
        if pace.due(step.done):
            yield pace.progress(step.done, loss=step.loss.item(), asr=asr)
    return trainer.trained()
