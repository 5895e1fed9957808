"""The staircase, Algorithm 1: which levels' sub-models stay, and how those that stay are weighed. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np


def keep(betas: Sequence[float], upper: Sequence[float], values: Sequence[float]) -> tuple[list[bool], bool]:
    """The skipping rule: which sub-models stay, and whether all failed so that only the best was kept.

    A sub-model is skipped when the upper end of its measured ASR's interval lies below its level (the paper skips
    where the measured ASR does; a finite measurement deserves its doubt). Source: Section 3.2, Algorithm 1 line 7.
    """
    kept = [high >= beta for beta, high in zip(betas, upper, strict=True)]
    if any(kept):
        return kept, False
    best = max(range(len(values)), key=values.__getitem__)
    return [i == best for i in range(len(values))], True


def weights(
    kept: Sequence[bool], entropies: Sequence[float | None] | None = None, betas: Sequence[float] | None = None
) -> list[float]:
    """γ of the mixture: 1/N over the kept, or (β_i - β_{i-1}) e^{h_i} where every kept one states its entropy h.

    Algorithm 1, lines 8 to 13, with g the identity (so g' = 1), has its levels at even steps; where `betas` are given,
    each kept level counts with its step from the kept one below it, and without them all steps are equal. Where all
    come out as nothing (the level 0 alone), all kept count alike.
    Raises ValueError where entropies are asked for and a kept sub-model has none.
    """
    if entropies is None:
        return [float(k) / sum(kept) for k in kept]
    known = [h for k, h in zip(kept, entropies, strict=True) if k and h is not None]
    if len(known) < sum(kept):
        raise ValueError("These sub-models do not know their entropy; choose gamma = uniform.")
    steps, below = [1.0] * len(kept), 0.0
    for i, beta in enumerate(betas or []):
        if kept[i]:
            steps[i], below = beta - below, beta
    top = max(known)  # differences of entropies matter, not sizes
    raw = [
        step * math.exp(h - top) if stays and h is not None else 0.0
        for stays, h, step in zip(kept, entropies, steps, strict=True)
    ]
    return [value / sum(raw) for value in raw] if sum(raw) > 0 else weights(kept)


def between(
    betas: Sequence[float], volumes: Sequence[Mapping[str, float]], draws: int = 2000
) -> list[tuple[float, float]]:
    """The 95 % interval of each of Algorithm 1's weights where all levels stay.

    `volumes` are log-volumes `{"value", "error"}` of one nested sampling, where each is the one below it plus what came
    in between: so the steps in between are drawn anew, and what two levels share cancels.
    """
    draw, every = np.random.default_rng(0), [True] * len(betas)
    error = np.square([v["error"] for v in volumes])
    between_levels = np.sqrt(np.maximum(np.diff(error, prepend=0.0), 0.0))
    drawn = draw.normal(0, between_levels, (draws, len(betas))).cumsum(1) + [v["value"] for v in volumes]
    found = np.array([weights(every, one, betas) for one in drawn.tolist()])
    return [(float(low), float(high)) for low, high in np.quantile(found, (0.025, 0.975), axis=0).T]
