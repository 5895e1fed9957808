"""Modes: clusters of sampled triggers on their values, 27 of a 3x3 trigger, or 36 with opacities. Needs no torch.

Method: scikit-learn's HDBSCAN (Campello et al., 2013) with fixed parameters; clusters that touch (their nearest
members lie within JOIN) are one mode. HDBSCAN's own option for this fails on some inputs. All that after a tiny fixed jitter without which
samples that are equal to the last digit would have infinite density. A set that HDBSCAN leaves in one piece or calls
noise throughout is one mode where its spread is small, else none.

Triggers with opacities are told apart by what they do (`opacity.effect`), so that the colour of a cell which is not there does
not count; of opaque ones that is their values.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from sklearn.cluster import HDBSCAN

from mesa_core import triggers as codes
from mesa_core.measures.intervals import of_rates
from mesa_core.measures.submodel import Mode
from mesa_core.opacity import effect, said

SMALLEST = 0.04  # share of the samples that a mode must have
SAMPLES = 5
JOIN = 0.6  # clusters nearer than this (Euclidean, 27 values in [0, 1]; see `triggers.rescaled`) are one mode
JITTER = 0.01
MOST = 8  # modes that are listed
WIDE = 0.22  # before joining, a cluster of a larger mean standard deviation is spread like noise (0.29), not a mode
LONE = 0.2  # largest mean standard deviation of a set that is one mode


def find_modes(samples: np.ndarray) -> np.ndarray:
    """A mode for each of `samples` `(n, d)` in [0, 1]: int16 `(n,)`, the largest mode first, -1 for none."""
    samples = effect(samples)
    n = len(samples)
    labels = np.zeros(n, np.int16)
    if n < 10:
        return labels
    smallest = max(5, round(SMALLEST * n))
    shaken = samples + np.random.default_rng(0).normal(0, JITTER, samples.shape)
    found = HDBSCAN(
        min_cluster_size=smallest,
        min_samples=min(SAMPLES, smallest),
        allow_single_cluster=False,
        copy=True,
    ).fit_predict(shaken)
    for name in np.unique(found[found >= 0]):
        if samples[found == name].std(0).mean() >= WIDE:
            found[found == name] = -1
    found = _joined(shaken, found)
    names, sizes = np.unique(found[found >= 0], return_counts=True)
    if not len(names):
        labels[:] = 0 if samples.std(0).mean() < LONE else -1
        return labels
    labels[:] = -1
    for rank, index in enumerate(np.argsort(-sizes, kind="stable")):
        labels[found == names[index]] = rank
    return labels


def _joined(samples: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """`labels` with clusters joined whose nearest members lie within JOIN of each other."""
    names = np.unique(labels[labels >= 0])
    if len(names) < 2:
        return labels
    near, join = np.eye(len(names), dtype=bool), codes.rescaled(JOIN, samples.shape[1])
    for i, a in enumerate(names):
        for j in range(i):
            near[i, j] = near[j, i] = cdist(samples[labels == a], samples[labels == names[j]]).min() < join
    _, group = connected_components(near)
    joined = labels.copy()
    for name, to in zip(names, group, strict=True):
        joined[labels == name] = to
    return joined


def summarise(samples: np.ndarray, asr: np.ndarray, labels: np.ndarray, images: int = 1) -> list[Mode]:
    """Each mode's share, mean ASR and medoid trigger, the largest first, at most `MOST`.

    `asr` `(n,)` was measured on `images` images a sample.
    """
    found = []
    for mode in range(min(MOST, int(labels.max(initial=-1)) + 1)):
        inside = labels == mode
        own = samples[inside]
        done = effect(own)
        medoid = own[np.square(done - np.median(done, 0)).sum(1).argmin()]  # the sample nearest to the median
        colours, opacity = said(codes.unflatten(medoid))
        share = round(float(inside.mean()), 4)
        found.append(Mode(share, of_rates(asr[inside], images).rounded(), colours, opacity=opacity))
    return found
