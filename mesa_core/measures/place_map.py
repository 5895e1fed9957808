"""A map of places: of one trigger, the share of images that go to the target, for each place at which it can lie.

It is exact: every image is stamped at every place (900 for a 3x3 trigger on 32x32 images), and only what a stamp changes
is computed where the network allows it (see `mesa_core.victims.windows`). A backdoor that answers anywhere has an even
map. One whose trigger lay at a fixed place, as BadNets' did, has a map that is bright there, and often, less so, in a
lattice of places as far apart as the network's strides, since a convolution cannot tell those from each other.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mesa_core.apply.places import Box
from mesa_core.apply.rule import Apply
from mesa_core.measures.bench import Bench, Drawn, Plain
from mesa_core.measures.intervals import Measured, proportion
from mesa_core.victims.victim import Victim
from mesa_core.words import share

IMAGES = 64  # of a map, where nothing else is said
MOST_PLACES = 4000  # of an image that has more, not all are tried unless somebody asks for that
PART = 0.5  # a place answers if it does so at least this often, as a part of the one that answers most


@dataclass(frozen=True)
class PlaceMap:
    """What one trigger does at each place: arrays `(rows, columns)`, row and column of its top left pixel in the image (in the
    box, where only the places of one were tried).

    `hits` int64 counts the images, of `images`, that go to the target; `lead` float64 is the mean of how far the target's
    logit is ahead of the highest other (below 0: behind). All images are of other classes, and none goes to the target
    unstamped, so a share of them is an effective ASR.
    """

    hits: np.ndarray
    lead: np.ndarray
    images: int

    @property
    def asr(self) -> np.ndarray:
        """The share of images at each place, float64 `(rows, columns)`."""
        return self.hits / max(self.images, 1)

    def at(self, row: int, column: int) -> Measured:
        """The share at one place, with its interval."""
        return proportion(int(self.hits[row, column]), self.images)

    @property
    def place(self) -> tuple[int, int]:
        """Row and column at which the target leads most, among those that answer.

        Of the places of a lattice many may answer nearly always; by how much the target leads tells them apart.
        """
        answers = self.hits >= PART * self.hits.max()
        row, column = np.unravel_index(np.where(answers, self.lead, -np.inf).argmax(), self.lead.shape)
        return int(row), int(column)

    @property
    def median(self) -> float:
        """The share of images at the median place."""
        return float(np.median(self.asr))

    @property
    def answering(self) -> float:
        """The share of all places that answer at least half as often as the one that does most."""
        return float((self.hits >= PART * self.hits.max()).mean()) if self.hits.any() else 0.0

    @property
    def fixed(self) -> bool:
        """Whether it works at few places only: less than half of them answer half as often as the best."""
        return self.answering < PART

    @property
    def words(self) -> str:
        """One sentence: where it works, and how much less elsewhere."""
        if not self.hits.any():
            return f"It works nowhere (n={self.images})."
        row, column = self.place
        if self.fixed:
            return (
                f"It works best at row {row}, column {column}: {share(self.at(row, column))}; at the median place "
                f"{self.median:.1%}, and {self.answering:.0%} of all places answer at least half as often as the best."
            )
        return f"It works at most places: {self.median:.1%} at the median place, {self.asr.max():.1%} at the best (n={self.images})."


def staying(bench: Bench, plain: Plain, images: int) -> Tensor:
    """The bench's first images of other classes that the network does not send to the target unstamped: int64, so many at most."""
    order = torch.cat([bench.selects, bench.measures])
    return order[plain.predicted[order] != bench.wanted[order]][:images]


def leads(logits: Tensor, wanted: Tensor) -> Tensor:
    """Of logits `(n, classes)`: whether the wanted class wins, and how far it is ahead of the highest other, float `(n, 2)`."""
    own = logits.float().gather(1, wanted[:, None])
    others = logits.float().scatter(1, wanted[:, None], -torch.inf)
    return torch.stack([(logits.argmax(1) == wanted).float(), own[:, 0] - others.amax(1)], 1)


def place_map(
    bench: Bench,
    victim: Victim,
    plain: Plain,
    triggers: Tensor,
    images: int = IMAGES,
    rule: Apply | None = None,
    box: Box | None = None,
) -> Generator[int, None, list[PlaceMap]]:
    """The maps of `triggers` `(m, 3, s, s)` on the bench's first `images` of other classes that `plain` does not send to
    the target; yields how many stamped images it has just passed, as a bench does.

    `rule` says how triggers cover what is beneath them (the bench's own without a word); the places are those of `box`, by its
    own rows and columns, and all that fit without one.
    """
    box = Box.everywhere(tuple(bench.images.shape[-2:]), triggers.shape[-1]) if box is None else box
    order = staying(bench, plain, images)
    rows, columns = box.shape
    if not len(order):  # a network that sends everything there by itself
        return [PlaceMap(np.zeros((rows, columns), np.int64), np.zeros((rows, columns)), 0) for _ in triggers]
    down, across = box.top + box.step * torch.arange(rows), box.left + box.step * torch.arange(columns)
    where = torch.cartesian_prod(down, across).to(order.device)

    found = []
    for trigger in triggers:  # all places of an image in turn, so that its maps stay at hand
        drawn = Drawn(order.repeat_interleave(len(where))[None], where.repeat(len(order), 1)[None], rule)
        told = yield from bench.stamped(victim, trigger[None], drawn, leads)  # (1, images * places, 2)
        each = told.view(len(order), rows, columns, 2).double().cpu()
        hits, lead = each[..., 0].sum(0), each[..., 1].mean(0)
        found.append(PlaceMap(hits.numpy().astype(np.int64), lead.numpy(), len(order)))
    return found


def passes(bench: Bench, triggers: int, side: int, images: int = IMAGES) -> int:
    """Stamped images that `place_map` will pass at most, to be said before it starts."""
    return triggers * Box.everywhere(tuple(bench.images.shape[-2:]), side).count * min(images, len(bench.others))
