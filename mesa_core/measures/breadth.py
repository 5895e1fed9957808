"""How wide the sub-models of a run lie, and how they nest: the measures of alpha and beta. Needs no torch.

`Breadth` is computed from the samples as they are stored, in steps of 1/255, so that a run that is measured
today and one whose result.json is older have the same figures. Samples that lie at most a step apart count as equal:
such a set is a point of no dimension, and one lies inside the range of the other. The entropy is the one that the
result holds, of the samples before they were stored; where it holds none, no distance counts as less than a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mesa_core.measures import dimensions, nesting
from mesa_core.measures.intervals import Measured
from mesa_core.measures.nesting import STEP
from mesa_core.measures.submodel import Spread, Submodel
from mesa_core.words import brief

FEWEST = 4  # samples of a level, for an entropy by the third neighbour
NONE = "–"


@dataclass(frozen=True)
class Breadth:
    """Of one level: its effective `dimensions`, and the share of it inside the next lower level, None for the lowest.

    In the two axes of the scatter, and in those of Appendix B.
    """

    dimensions: Spread | None
    nested_axes: Measured | None
    nested_svd: Measured | None


def of_levels(stored: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> list[Breadth]:
    """The measures of every level, the lowest first.

    `stored` are each level's samples, uint8 `(n, d)`, `drawn` their places on the two axes of the scatter `(n, 2)`.
    """
    points = [np.asarray(one, np.float64) / 255 for one in stored]
    flat = nesting.flattened(points)
    told = []
    for i, one in enumerate(points):
        wide = Spread(round(dimensions.effective(one, STEP), 3), n=len(one)) if len(one) > 1 else None
        told.append(Breadth(wide, _inside(drawn, i), _inside(flat, i)))
    return told


def _inside(sets: Sequence[np.ndarray], place: int) -> Measured | None:
    return nesting.inside(sets[place], sets[place - 1], STEP).rounded() if place else None


def complete(entries: Iterable[Submodel], samples: Mapping[str, np.ndarray] | None) -> list[Submodel]:
    """The sub-models of a result with every measure: what an older one lacks is computed from its `samples`.

    `samples` as `store.checks.samples` gives them, or None: then what is missing stays missing, as None.
    """
    told = list(entries)
    if samples is None or all(one.dimensions is not None and one.entropy is not None for one in told):
        return told
    stored = [samples["triggers"][samples["level"] == i] for i in range(len(told))]
    drawn = [samples["pca"][samples["level"] == i] for i in range(len(told))]
    if min(map(len, stored)) < FEWEST:
        return told
    whole = []
    for i, (one, found) in enumerate(zip(told, of_levels(stored, drawn), strict=True)):
        nested = one.nested
        if nested is None and i:
            nested = _inside([each / np.float64(255) for each in stored], i)
        whole.append(
            replace(
                one,
                dimensions=found.dimensions if one.dimensions is None else one.dimensions,
                nested_axes=found.nested_axes if one.nested_axes is None else one.nested_axes,
                nested_svd=found.nested_svd if one.nested_svd is None else one.nested_svd,
                nested=nested,
                entropy=_entropy(stored[i]) if one.entropy is None else one.entropy,
            )
        )
    return whole


def _entropy(stored: np.ndarray) -> Spread:
    from mesa_core.measures import (
        entropy,  # scikit-learn takes a second to import, and only results without an entropy need it
    )

    return entropy.entropy_of(stored / np.float64(255), STEP)


COLUMNS = (
    "entropy, nats",
    "effective dimensions",
    "inside the level below, two axes",
    "inside it, all dimensions",
    "samples",
)


def columns(entry: Submodel | Mapping[str, Any]) -> dict[str, str]:
    """A completed sub-model's measures in words, for a table: COLUMNS. Raises Damaged for JSON of another shape."""
    entry = Submodel.read(entry)
    wide = entry.dimensions
    n = next((one.n for one in (wide, entry.entropy) if one), None)
    told = (
        f"{entry.entropy.value:.1f}".replace("-", "−") if entry.entropy else NONE,
        f"{wide.value:.1f}" if wide else NONE,
        brief(entry.nested_axes),
        brief(entry.nested),
        f"{n:,}" if n else NONE,
    )
    return dict(zip(COLUMNS, told, strict=True))


WORDS = (
    "*Entropy*, in nats, by the distance to the third nearest sample: 19 more mean twice as wide in each of 27 "
    "directions. *Effective dimensions*: in how many directions the samples spread ((Σλ)²/Σλ² of their covariance). *Inside "
    "the level below*: the share of the samples as near to one of the next lower β as 95 % of those are to each other, in "
    "the two axes of the PCA picture, and in all dimensions: tight clouds may lie on top of each other in two axes and far "
    "apart in all. Samples are stored in steps of 1/255; those "
    "no more than a step apart count as equal."
)
