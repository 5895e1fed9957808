"""Two sets of triggers side by side: does one lie inside the other, does one find the other's modes? Needs no torch.

"As near as its own" has one meaning throughout: no farther than `NEAR` of a set's points lie from their own nearest
neighbour in that set. A point of the set itself, held out, would pass with that probability.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from mesa_core.measures.intervals import Measured, proportion
from mesa_core.measures.submodel import ModeFound, ModesFound

NEAR = 0.95
SHARE = 0.01  # modes of the reference with less of its mass are not asked for
# Samples are stored in steps of 1/255: of two that lie no farther apart, nobody can say that they differ. A little more
# than that, since the difference of two floats is rounded.
STEP = (1 + 1e-6) / 255
DRAWN = 128  # samples of each set in Appendix B's picture


def reach(points: np.ndarray, least: float = 0.0) -> float:
    """How far a set `(n, d)` reaches: the distance to their nearest neighbour that NEAR of its points keep, or `least`.

    Equal points are each other's neighbours at distance 0. Where nearly all have an equal, the set would reach nothing
    but itself; of samples that were stored, STEP as `least` takes those in that cannot be told from them.
    """
    if len(points) < 2:
        return least
    distance, _ = cKDTree(points).query(points, k=2)
    return max(float(np.quantile(distance[:, 1], NEAR)), least)  # column 0 is the point itself, or an equal one


def inside(inner: np.ndarray, outer: np.ndarray, least: float = 0.0) -> Measured:
    """Nesting: the share of `inner` `(n, d)` that lies as near to `outer` `(m, d)` as those lie to each other.

    In all dimensions, or in two drawn axes: that depends on the points that are given. `least` as in `reach`.
    """
    distance, _ = cKDTree(outer).query(inner, k=1)
    return proportion(int((distance <= reach(outer, least)).sum()), len(inner))


def flattened(sets: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The first DRAWN points of each set `(n, d)` in two axes `(n, 2)`, as Appendix B draws Figure 3.

    Its TruncatedSVD: the two strongest directions of all points together, not centred, so that the first of them says
    mostly how bright a trigger is. Two axes flatter: what is far apart in d dimensions may lie on top of each other.
    """
    taken = [np.asarray(one[:DRAWN], np.float64) for one in sets]
    _, _, directions = np.linalg.svd(np.concatenate(taken), full_matrices=False)
    return [one @ directions[:2].T for one in taken]


def modes_found(samples: np.ndarray, reference: np.ndarray, labels: np.ndarray) -> ModesFound:
    """Which modes of a reference some sample finds: a sample lies as near to a mode as its own members do.

    `labels` `(m,)` are the reference's modes, -1 for none. Only modes with at least SHARE of the mass count.
    """
    told = []
    for mode in range(int(labels.max(initial=-1)) + 1):
        members = reference[labels == mode]
        share = len(members) / len(reference)
        if share < SHARE or len(members) < 2:
            continue
        distance, _ = cKDTree(members).query(samples, k=1)
        told.append(ModeFound(round(share, 4), bool(distance.min() <= reach(members))))
    return ModesFound(sum(one.found for one in told), len(told), modes=tuple(told))
