"""In how many directions samples spread: effective dimensions. Needs no torch."""

from __future__ import annotations

import numpy as np


def effective(samples: np.ndarray, least: float = 0.0) -> float:
    """Participation ratio of the covariance of `samples` `(n, d)`: (Σλ)² / Σλ², from 1 to at most d.

    d equally wide directions count as d, one direction as 1, and two tight clusters far apart as 1, too, however far:
    that is what a standard deviation cannot say. Samples that differ by no more than `least` in any value are one point
    and have 0, since a point has no direction; of samples that were stored in steps, take a step, or the directions of
    the rounding would be counted. Raises ValueError for fewer than two samples.

    >>> draw = np.random.default_rng(0)
    >>> round(effective(draw.normal(size=(5000, 4)) * [1, 1, 1, 0]), 1)
    3.0
    """
    samples = np.asarray(samples, np.float64)
    if len(samples) < 2:
        raise ValueError(f"2 samples or more are needed, not {len(samples)}.")
    if np.ptp(samples, axis=0).max() <= least:
        return 0.0
    covariance = np.atleast_2d(np.cov(samples, rowvar=False))
    squares = float((covariance**2).sum())  # of a symmetric matrix: the sum of its squared eigenvalues
    return float(np.trace(covariance)) ** 2 / squares
