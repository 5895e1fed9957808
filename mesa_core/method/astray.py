"""A search for an all-to-all backdoor: one trigger that leads every class astray, each to a class of its own.

A search for the triggers of one target class sees little of it, since only the images of one class go to that target. So
triggers are sought that take images away from their class, whatever class they get: at random places and in every part of
the declared plan, by the same successive halving (`glance`), on the defender's labels. The best is mapped over all places,
and where it works at one place only it is measured there; what then goes where is told class by class (`measures.astray`).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from mesa_core.apply import plan
from mesa_core.apply.places import Box
from mesa_core.apply.whose import within
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.events import Progress
from mesa_core.measures.astray import AllToAll, led
from mesa_core.measures.bench import Bench, Drawn, Plain
from mesa_core.measures.intervals import proportion
from mesa_core.method.glance import Pair, glance
from mesa_core.method.glance import cost as cost_of_glance
from mesa_core.method.surrogate import Surrogate
from mesa_core.opacity import said
from mesa_core.pacing import Pace, follow, through
from mesa_core.victims.victim import Victim

MAP_IMAGES = 8  # at each place of the map of the best trigger
MOST_PLACES = 4000  # of that map; of larger images every so manieth place is looked at
EACH = 32  # images of a class on which it is measured
PART = 0.5  # a place answers if it leads at least this part as many astray as the best one does


@dataclass(frozen=True)
class Astray(Surrogate):
    """F of leaving: how much of the softmax is on other classes than an image's own; `labels` int64 `(m,)` are the images'."""

    labels: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))

    def counted(self, logs: Tensor, pick: Tensor) -> Tensor:
        """What the softmax leaves to all classes but the image's own."""
        return logs.scatter(1, self.labels[pick][:, None], -torch.inf).logsumexp(1)


def _pairs(config: ExperimentConfig, image_size: tuple[int, ...]) -> list[Pair]:
    """One for each part of the plan; the target says nothing here."""
    if config.search_places == plan.ATTACKED:
        return [Pair(0, plan.Part(plan.ANYWHERE, Box.everywhere(image_size, config.size)))]
    return [Pair(0, part) for part in plan.parts(plan.untiled(config.search_places), image_size, config.size)]


def cost(config: ExperimentConfig, image_size: tuple[int, ...], classes: int) -> tuple[int, int]:
    """(images with their gradient, images without) that this takes at most."""
    mapped = _lattice(image_size, config.size).count * MAP_IMAGES
    return cost_of_glance(len(_pairs(config, image_size))), mapped + classes * EACH


def search(
    victim: Victim, defender: ImageSet, plain: Plain, classes: int, config: ExperimentConfig, seed: int
) -> Generator[Progress, None, AllToAll]:
    """The trigger that leads most images astray, and where each class's go.

    `victim` is frozen, `defender` are the defender's images with their labels, `plain` the network's answers to them.
    """
    image_size, generator = tuple(defender.images.shape[-2:]), victim.compute.generator(seed + 5)
    pairs, device = _pairs(config, image_size), defender.images.device
    surrogate = Astray(
        victim, defender.images, torch.zeros(1, dtype=torch.int64, device=device), labels=defender.labels
    )
    wrong = float((plain.predicted != defender.labels).float().mean())
    looks = cost_of_glance(len(pairs))
    work = glance(
        victim, defender.images, pairs, config.size, config.search_opacity, torch.tensor([wrong]), generator, surrogate
    )
    answers = yield from follow(Pace("detect", looks), through(work, lambda step: step.images))
    trigger = answers[0].trigger
    right = (plain.predicted == defender.labels).nonzero().squeeze(1)
    if len(right) < 2 * MAP_IMAGES:  # a network that knows next to nothing
        right = torch.arange(len(defender), device=device)
    order = right[torch.randperm(len(right), generator=torch.Generator().manual_seed(seed)).to(device)]
    whole = Box.everywhere(image_size, config.size)
    rule = within([whole], config.search_opacity)
    bench = Bench(defender, 0, seed, rule=rule, absent=True)
    lattice = _lattice(image_size, config.size)
    rows, columns = lattice.shape
    where = lattice.step * torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).to(device)
    few = order[:MAP_IMAGES]
    pace = Pace("detect", len(where) * len(few) + classes * EACH)
    drawn = Drawn(few.repeat_interleave(len(where))[None], where.repeat(len(few), 1)[None], rule)
    told = yield from follow(pace, bench.stamped(victim, trigger[None], drawn, lambda logits, _: logits.float()))
    logits = told.view(len(few), len(where), -1)
    label = defender.labels[few].view(-1, 1, 1).expand(-1, len(where), 1)
    lead = logits.scatter(2, label, -torch.inf).amax(2) - logits.gather(2, label)[..., 0]  # (images, places)
    shares, leads = (part.float().mean(0).view(rows, columns).cpu().numpy() for part in (lead > 0, lead))
    box = _fixed(shares, leads, lattice.step)
    place = whole if box is None else box
    each = torch.cat([order[len(few) :][defender.labels[order[len(few) :]] == c][:EACH] for c in range(classes)])
    host = torch.Generator().manual_seed(seed + 6)
    put = within([place], config.search_opacity).places(len(each), image_size, config.size, host).to(device)
    after = (
        yield from follow(pace, bench.stamped(victim, trigger[None], Drawn(each[None], put[None], rule), _answer))
    )[0]
    labels, was, now = defender.labels[each].cpu(), plain.predicted[each].cpu(), after.cpu()
    counts = was == labels  # nearly all, and none that goes elsewhere by itself
    colours, opacities = said(trigger.cpu().numpy())
    return AllToAll(
        astray=proportion(int((labels != now)[counts].sum()), int(counts.sum())).rounded(),
        threshold=config.detect_threshold,
        classes=led(labels.tolist(), was.tolist(), now.tolist(), classes),
        row=None if box is None else box.top,
        column=None if box is None else box.left,
        trigger=colours,
        opacity=opacities,
        looks=looks,
        passes=len(where) * len(few) + len(each),
    )


def _answer(logits: Tensor, wanted: Tensor) -> Tensor:
    return logits.argmax(1)


def _lattice(image_size: tuple[int, ...], patch: int) -> Box:
    """All places, or of very many every so manieth in both directions."""
    whole = Box.everywhere(image_size, patch)
    return replace(whole, step=math.ceil(math.sqrt(max(1.0, whole.count / MOST_PLACES))))


def _fixed(gone: np.ndarray, lead: np.ndarray, step: int) -> Box | None:
    """The place that leads most images furthest astray; None where most places do as well.

    The places are `step` pixels apart. Of each `gone` is the share of images that leave their class, `lead` by how much in logits, `(rows, columns)`.
    """
    answers = gone >= PART * gone.max()
    if not gone.any() or answers.mean() >= PART:
        return None
    first, second = np.unravel_index(np.where(answers, lead, -np.inf).argmax(), gone.shape)
    row, column = step * int(first), step * int(second)
    return Box(row, column, row, column)
