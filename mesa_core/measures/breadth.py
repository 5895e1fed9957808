"""How wide the sub-models of a run lie, and how they nest: the measures of alpha and beta. Needs no torch.

Those under KEYS are computed from the samples as they are stored, in steps of 1/255, so that a run that is measured
today and one whose result.json is older have the same figures. Samples that lie at most a step apart count as equal:
such a set is a point of no dimension, and one lies inside the range of the other. The entropy is the one that the
result holds, of the samples before they were stored; where it holds none, no distance counts as less than a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mesa_core.measures import dimensions, nesting
from mesa_core.measures.intervals import Measured
from mesa_core.measures.nesting import STEP
from mesa_core.words import brief

FEWEST = 4  # samples of a level, for an entropy by the third neighbour
KEYS = ("dimensions", "nested_axes", "nested_svd")  # of a sub-model in result.json, since these measures exist
NONE = "–"


def of_levels(stored: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """The measures of every level, the lowest first, as JSON under KEYS.

    `stored` are each level's samples, uint8 `(n, d)`, `drawn` their places on the two axes of the scatter `(n, 2)`.
    `dimensions` is `{"value", "n"}`; `nested_axes` and `nested_svd` are the share of a level's samples inside the next
    lower level, in the scatter's two axes and in Appendix B's; None for the lowest level.
    """
    points = [np.asarray(one, np.float64) / 255 for one in stored]
    flat = nesting.flattened(points)
    told = []
    for i, one in enumerate(points):
        wide = {"value": round(dimensions.effective(one, STEP), 3), "n": len(one)} if len(one) > 1 else None
        told.append(
            {
                "dimensions": wide,
                "nested_axes": _inside(drawn, i),
                "nested_svd": _inside(flat, i),
            }
        )
    return told


def _inside(sets: Sequence[np.ndarray], place: int) -> dict[str, Any] | None:
    return nesting.inside(sets[place], sets[place - 1], STEP).to_json() if place else None


def complete(entries: Sequence[Mapping[str, Any]], samples: Mapping[str, np.ndarray] | None) -> list[dict[str, Any]]:
    """The sub-models of a result with every measure: what an older one lacks is computed from its `samples`.

    `samples` as `store.checks.samples` gives them, or None: then what is missing stays missing, as None.
    """
    told = [{**dict.fromkeys((*KEYS, "entropy", "nested")), **entry} for entry in entries]
    lacks = [one for one in told if one["dimensions"] is None or one["entropy"] is None]
    if samples is None or not lacks:
        return told
    stored = [samples["triggers"][samples["level"] == i] for i in range(len(told))]
    drawn = [samples["pca"][samples["level"] == i] for i in range(len(told))]
    if min(map(len, stored)) < FEWEST:
        return told
    for i, (one, found) in enumerate(zip(told, of_levels(stored, drawn), strict=True)):
        one |= {key: found[key] for key in KEYS if one[key] is None}
        if one["nested"] is None and i:
            one["nested"] = _inside([each / np.float64(255) for each in stored], i)
        if one["entropy"] is None:
            one["entropy"] = _entropy(stored[i])
    return told


def _entropy(stored: np.ndarray) -> dict[str, Any]:
    from mesa_core.measures import (
        entropy,  # scikit-learn takes a second to import, and only results without an entropy need it
    )

    return entropy.entropy_json(stored / np.float64(255), STEP)


def columns(entry: Mapping[str, Any]) -> dict[str, str]:
    """A completed sub-model's measures in words, for a table: entropy, effective dimensions, both coverages, with n."""
    entropy, wide = entry.get("entropy"), entry.get("dimensions")
    n = next((one["n"] for one in (wide, entropy) if one), None)
    return {
        "entropy, nats": f"{entropy['value']:.1f}".replace("-", "−") if entropy else NONE,
        "effective dimensions": f"{wide['value']:.1f}" if wide else NONE,
        "inside the level below, two axes": _share(entry.get("nested_axes")),
        "inside it, all dimensions": _share(entry.get("nested")),
        "samples": f"{n:,}" if n else NONE,
    }


def _share(found: Mapping[str, Any] | Measured | None) -> str:
    return brief(found) if found else NONE


WORDS = (
    "*Entropy*, in nats, by the distance to the third nearest sample: 19 more mean twice as wide in each of 27 "
    "directions. *Effective dimensions*: in how many directions the samples spread ((Σλ)²/Σλ² of their covariance). *Inside "
    "the level below*: the share of the samples as near to one of the next lower β as 95 % of those are to each other, in "
    "the two axes of the PCA picture, and in all dimensions: tight clouds may lie on top of each other in two axes and far "
    "apart in all. Samples are stored in steps of 1/255; those "
    "no more than a step apart count as equal."
)
