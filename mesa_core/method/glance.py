"""A glance at many parts of the image for many classes at once: which of them answer to anything at all?

For each pair of class and part a few triggers are improved in pixel space, all pairs in one pass. After each round the half
of the pairs that answers less is left, and the others are asked on twice as many images, so that a round costs what the one
before did (successive halving; Karnin, Koren and Somekh 2013). How much a pair answers is the mean root of the target's
softmax beyond the share of images that go there by themselves; of an early success it tells what an ASR on few images
does not show.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mesa_core.apply.plan import Part
from mesa_core.apply.whose import within
from mesa_core.method.surrogate import Surrogate
from mesa_core.opacity import Opacity, cells
from mesa_core.victims.victim import Victim

EACH = 2  # triggers of each pair
LOOKS = 4000  # images with their gradient in one round, as far as STEPS allow
STEPS = (5, 16)  # of one round, at least and at most
MOST = 16  # images for each trigger
RATE = 0.6  # of a step, in the logit of a colour
MOMENTUM = 0.7
LEFT = 6  # pairs that are left at the end
SHARP = 24  # steps by which what was cut out of a tile is improved
LAST = 3  # steps whose answers decide
FADES = 0.8  # of the running mean that is shown, a step


@dataclass(frozen=True)
class Pair:
    """A class and a part of the image."""

    target: int
    part: Part


@dataclass(frozen=True)
class Answer:
    """What a pair's better trigger `(3, s, s)` in [0, 1], `(4, s, s)` with opacities, reached: the mean root of the target's softmax, 1 at most, with 0 for
    what goes there unstamped."""

    pair: Pair
    trigger: Tensor
    lean: float


@dataclass(frozen=True)
class Looked:
    """A step of a glance: the `images` it passed, and how far each of the pairs answered that are left, by their numbers.

    `lean` `(pairs,)` is like `Answer.lean`, but a running mean over steps and triggers, since one step sees few images; it lies
    on the device, so that nobody waits unless it is read.
    """

    images: int
    alive: Sequence[int]
    lean: Tensor


def rounds_of(count: int) -> list[tuple[int, int, int]]:
    """The rounds for so many pairs: how many are in each, images for each trigger, and steps."""
    found, images = [], 1
    while True:
        steps = min(max(LOOKS // (count * EACH * images), STEPS[0]), STEPS[1])
        found.append((count, images, steps))
        if count <= LEFT:
            return found
        count, images = max(-(-count // 2), LEFT), min(2 * images, MOST)


def cost(count: int) -> int:
    """Images with their gradient that a glance at so many pairs takes, to be said before it starts."""
    return sum(pairs * EACH * images * steps for pairs, images, steps in rounds_of(count)) if count else 0


def cost_of_sharpening(count: int) -> int:
    """Images with their gradient that `sharpen` takes for so many pairs."""
    return count * MOST * SHARP


def sharpen(
    victim: Victim,
    images: Tensor,
    pairs: Sequence[Pair],
    triggers: Tensor,
    opacity: Opacity,
    generator: torch.Generator,
) -> Generator[int, None, Tensor]:
    """Improve `triggers` `(pairs, 3, s, s)` in [0, 1], each for its pair's class in its part, from what they are; returns them.

    Yields how many images it has just passed. Arguments are as in `glance`.
    """
    device = images.device
    raw = torch.logit(triggers[:, None].to(device), 0.05)  # (pairs, 1, 3, s, s); not so firm that no step moves a pixel
    motion = torch.zeros_like(raw)
    asked = Surrogate(
        victim,
        images,
        torch.tensor([one.target for one in pairs], device=device),
        per_trigger=MOST,
        rule=within([one.part.box for one in pairs], opacity),
    ).expecting(cost_of_sharpening(len(pairs)), triggers.shape[-1])
    for _ in range(SHARP):
        raw, motion, _ = _stepped(asked, raw, motion, generator)
        yield len(pairs) * MOST
    return raw.sigmoid()[:, 0]


def _stepped(
    asked: Surrogate, raw: Tensor, motion: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of ascent by the sign of a running slope: triggers and motion after it, and the log chances `(pairs, n, K)` before."""
    raw = raw.detach().requires_grad_()
    chance = asked.log_chance(raw.sigmoid(), generator)
    (slope,) = torch.autograd.grad(chance.mean(2).sum(), raw)
    with torch.no_grad():
        motion = MOMENTUM * motion + (1 - MOMENTUM) * slope / slope.abs().amax((2, 3, 4), True).clamp(min=1e-12)
        return (raw + RATE * motion.sign()).clamp(-6, 6).detach(), motion, chance.detach()


def glance(
    victim: Victim,
    images: Tensor,
    pairs: Sequence[Pair],
    size: int,
    opacity: Opacity,
    natural: Tensor,
    generator: torch.Generator,
    start: Surrogate | None = None,
) -> Generator[Looked, None, list[Answer]]:
    """Look at all pairs; yields each step, returns the pairs that were left, the best first.

    `victim` is frozen, `images` uint8 `(m, 3, h, w)` are the defender's, of any class; triggers are of `size` pixels and cover
    `opacity` of what is beneath them, or what each of their cells says; `natural` float `(classes,)` is the share of these images that go to each class unstamped. `start` is
    another F than the target's softmax.
    """
    device, alive = generator.device, list(range(len(pairs)))
    raw = torch.randn(len(pairs), EACH, cells(opacity), size, size, generator=generator, device=device)
    motion = torch.zeros_like(raw)
    if start is None:
        start = Surrogate(victim, images, torch.zeros(1, dtype=torch.int64, device=device))
    local = start.expecting(cost(len(pairs)), size).local
    lean, shown = torch.zeros(0), torch.zeros(len(pairs), device=device)
    for count, each, steps in rounds_of(len(pairs)):
        if count < len(alive):
            stay = lean.amax(1).topk(count).indices.sort().values
            alive, raw, motion, shown = [alive[i] for i in stay.tolist()], raw[stay], motion[stay], shown[stay]
        asked = replace(
            start,
            targets=torch.tensor([pairs[i].target for i in alive], device=device),
            per_trigger=each,
            local=local,
            rule=within([pairs[i].part.box for i in alive], opacity),
        )
        recent: list[Tensor] = []
        usual = natural.to(device)[asked.targets, None].clamp(max=0.99)  # (pairs, 1)
        for _ in range(steps):
            raw, motion, chance = _stepped(asked, raw, motion, generator)
            recent = [*recent[-(LAST - 1) :], (chance / 2).exp().mean(2)]
            shown = FADES * shown + (1 - FADES) * ((recent[-1] - usual) / (1 - usual)).mean(1)
            yield Looked(count * EACH * each, alive, shown)
        lean = (torch.stack(recent).mean(0) - usual) / (1 - usual)  # (pairs, EACH)
    best = lean.argmax(1)
    found = [
        Answer(pairs[i], raw[row, best[row]].sigmoid().detach(), float(lean[row, best[row]]))
        for row, i in enumerate(alive)
    ]
    return sorted(found, key=lambda one: -one.lean)
