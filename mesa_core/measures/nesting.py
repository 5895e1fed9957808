"""Two sets of triggers side by side: does one lie inside the other, does one find the other's modes? Needs no torch.

"As near as its own" has one meaning throughout: no farther than `NEAR` of a set's points lie from their own nearest
neighbour in that set. A point of the set itself, held out, would pass with that probability.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from mesa_core.measures.intervals import Measured, proportion

NEAR = 0.95
SHARE = 0.01  # modes of the reference with less of its mass are not asked for


def reach(points: np.ndarray) -> float:
    """How far a set `(n, d)` reaches: the distance to their nearest neighbour that NEAR of its points keep."""
    if len(points) < 2:
        return 0.0
    distance, _ = NearestNeighbors(n_neighbors=2).fit(points).kneighbors(points)
    return float(np.quantile(distance[:, 1], NEAR))  # column 0 is the point itself


def inside(inner: np.ndarray, outer: np.ndarray) -> Measured:
    """Nesting: the share of `inner` `(n, d)` that lies as near to `outer` `(m, d)` as those lie to each other."""
    distance, _ = NearestNeighbors(n_neighbors=1).fit(outer).kneighbors(inner)
    return proportion(int((distance[:, 0] <= reach(outer)).sum()), len(inner))


def modes_found(samples: np.ndarray, reference: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Which modes of a reference some sample finds: a sample lies as near to a mode as its own members do.

    `labels` `(m,)` are the reference's modes, -1 for none. Returns JSON: for each mode with at least SHARE of the
    mass its share and whether it was found, and how many of how many.
    """
    told = []
    for mode in range(int(labels.max(initial=-1)) + 1):
        members = reference[labels == mode]
        share = len(members) / len(reference)
        if share < SHARE or len(members) < 2:
            continue
        distance, _ = NearestNeighbors(n_neighbors=1).fit(members).kneighbors(samples)
        told.append({"share": round(share, 4), "found": bool(distance.min() <= reach(members))})
    return {"found": sum(one["found"] for one in told), "of": len(told), "modes": told}
