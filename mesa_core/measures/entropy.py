"""Differential entropy of samples by nearest neighbours (Kozachenko and Leonenko, 1987). Needs no torch.

Biased by several nats in 27 dimensions, so it is compared only with the same estimate on as many other samples.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln
from sklearn.neighbors import NearestNeighbors

from mesa_core.measures.submodel import Spread

FLOOR = 1e-6  # least distance; equal samples would have entropy minus infinity


def nearest_neighbour(samples: np.ndarray, k: int = 3, floor: float = FLOOR) -> float:
    """Entropy in nats of the law that `samples` `(n, d)` were drawn from, by the distance to the k-th neighbour.

    Distances below `floor` count as that: of samples that were stored in steps, take a step, since what lies nearer
    cannot be told from equal. Raises ValueError for fewer than k + 1 samples.
    """
    n, d = samples.shape
    ball = d / 2 * np.log(np.pi) - gammaln(d / 2 + 1)  # log volume of the unit ball
    return float(digamma(n) - digamma(k) + ball + d * _log_distances(samples, k, floor).mean())


def standard_error(samples: np.ndarray, k: int = 3, floor: float = FLOOR) -> float:
    """How far `nearest_neighbour` would scatter from one draw of the samples to another; neighbours count as independent.

    It says nothing of the bias, which is larger.
    """
    n, d = samples.shape
    return float(d * _log_distances(samples, k, floor).std() / np.sqrt(n))


def _log_distances(samples: np.ndarray, k: int, floor: float) -> np.ndarray:
    """Log distance of each of `samples` `(n, d)` to its k-th neighbour, `(n,)`."""
    if len(samples) <= k:
        raise ValueError(f"{k + 1} samples or more are needed, not {len(samples)}.")
    found = NearestNeighbors(n_neighbors=k + 1).fit(samples)
    return np.log(np.maximum(found.kneighbors(samples)[0][:, k], floor))  # column 0 is the sample itself


def entropy_of(samples: np.ndarray, floor: float = FLOOR) -> Spread:
    """The same with its method and the number of `samples` `(n, d)`; `floor` as in `nearest_neighbour`."""
    value = nearest_neighbour(np.asarray(samples, np.float64), floor=floor)
    return Spread(round(value, 3), n=len(samples), method="nearest neighbours (Kozachenko-Leonenko, k = 3)")
