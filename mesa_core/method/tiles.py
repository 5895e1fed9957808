"""From a tile that answers to the trigger in it: what opens the network there is cut out, then made strong at its place.

A glance improves whole tiles, some eight pixels square, for every class. A network that was attacked at a fixed place answers to the
tile that holds the place within a few steps, whatever its architecture; so do, to some classes, networks that nobody attacked,
as a tile has room for a small picture of a class. Those do not survive the cut:

    1  every window of the trigger's size in the tile is stamped at its own place, alone; by how much the target leads tells which.
       A tile of a large image is first narrowed down, by windows of five eighths of its side
    2  the best window of each tile is improved at its place, and measured again
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil

import torch
from torch import Tensor

from mesa_core.apply.places import Box
from mesa_core.apply.plan import Part
from mesa_core.apply.whose import within
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.measures.bench import Bench, Drawn, Plain, Work
from mesa_core.measures.place_map import leads, staying
from mesa_core.method.glance import LEFT, Answer, Pair, cost_of_sharpening, sharpen
from mesa_core.opacity import Opacity
from mesa_core.victims.victim import Victim

IMAGES = 16  # for each window
SPAN = 8  # windows across and down, at most; tiles with more are narrowed down first
WORKS = 0.5  # of the images a window has to turn once it is improved, or nothing there is of the trigger's size


@dataclass(frozen=True)
class Cut:
    """A class and a trigger `(3, s, s)` that was cut out of a tile: it turns `share` of the images at `place`, by `lead` in the logit."""

    target: int
    place: tuple[int, int]
    part: str
    trigger: Tensor
    share: float
    lead: float


def rounds(side: int, size: int) -> list[tuple[int, list[tuple[int, int]]]]:
    """How a tile of `side` pixels is cut down to `size`: in each round the windows' side, and their rows and columns.

    >>> [(inside, len(windows)) for inside, windows in rounds(47, 3)]
    [(30, 9), (19, 9), (12, 9), (10, 9), (3, 64)]
    """
    found = []
    while side - size + 1 > SPAN:
        inside = max(size + SPAN - 1, ceil(5 * side / 8))
        starts = [round(i * (side - inside) / 2) for i in range(3)]
        found.append((inside, list(product(starts, starts))))
        side = inside
    return [*found, (size, list(product(range(side - size + 1), range(side - size + 1))))]


def cost(parts: Sequence[Part], size: int) -> tuple[int, int]:
    """(images with their gradient, images without) that it takes at most to cut and improve."""
    if not parts:
        return 0, 0
    most = max(sum(len(own) for _, own in rounds(part.side, size)) for part in parts)
    return cost_of_sharpening(LEFT), LEFT * (most + 1) * IMAGES


def cut(
    victim: Victim,
    defender: ImageSet,
    plain: Plain,
    seen: Sequence[Answer],
    config: ExperimentConfig,
    generator: torch.Generator,
) -> Generator[int, None, tuple[list[Cut], int, int]]:
    """(what works of the tiles `seen`, the strongest first; images with their gradient; images without).

    Yields how many images it has just passed. `victim` is frozen.
    """
    size, opacity = config.size, config.search_opacity
    looks = passes = 0
    chosen: list[tuple[Answer, tuple[int, int], Tensor]] = []
    for one in seen:
        patch, (top, left) = one.trigger, (one.pair.part.box.top, one.pair.part.box.left)
        for side, corners in rounds(patch.shape[-1], size):
            pieces = torch.stack([patch[:, r : r + side, c : c + side] for r, c in corners])  # (W, 3, side, side)
            places = [(top + r, left + c) for r, c in corners]
            read = yield from _tried(victim, defender, plain, one.pair.target, pieces, places, opacity)
            passes += read[..., 0].numel()
            if not read.numel():  # the network sends all images there by itself
                break
            best = int(read[..., 1].mean(1).argmax())
            patch, (top, left) = pieces[best], places[best]
        else:
            chosen.append((one, (top, left), patch))
    if not chosen:
        return [], looks, passes
    pairs = [Pair(one.pair.target, Part(one.pair.part.name, Box(*place, *place))) for one, place, _ in chosen]
    drawn = torch.stack([piece for _, _, piece in chosen])
    strong = yield from sharpen(victim, defender.images, pairs, drawn, opacity, generator)
    looks += cost_of_sharpening(len(pairs))
    found = []
    for pair, (_, place, _), trigger in zip(pairs, chosen, strong, strict=True):
        read = yield from _tried(victim, defender, plain, pair.target, trigger[None], [place], opacity)
        passes += read[..., 0].numel()
        share, lead = (float(value) for value in read.mean((0, 1)))
        found.append(Cut(pair.target, place, pair.part.name, trigger, share, lead))
    working = [one for one in found if one.share >= WORKS]
    return sorted(working, key=lambda one: -one.lead), looks, passes


def _tried(
    victim: Victim,
    defender: ImageSet,
    plain: Plain,
    target: int,
    triggers: Tensor,
    places: Sequence[tuple[int, int]],
    opacity: Opacity,
) -> Work:
    """Of each trigger, at its place: whether an image goes to the target, and by how much that leads, `(triggers, images, 2)`."""
    bench = Bench(defender, target, 0, rule=within([Box(0, 0, 0, 0)], opacity), absent=True)
    order = staying(bench, plain, IMAGES)
    image = order[None].expand(len(triggers), -1)
    where = torch.tensor(list(places), device=order.device)[:, None].expand(-1, len(order), -1)
    return (yield from bench.stamped(victim, triggers, Drawn(image, where), leads))
