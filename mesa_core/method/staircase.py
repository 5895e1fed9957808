"""The staircase, Algorithm 1: which levels' sub-models stay, and how those that stay are weighed. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mesa_core.measures.intervals import Measured


@dataclass(frozen=True)
class Mixing:
    """How the sub-models are mixed: which are `kept`, whether all failed so that only the best was, and the weights γ.

    `by_entropy` are Algorithm 1's weights, None where a kept sub-model does not know its entropy.
    """

    kept: list[bool]
    best_only: bool
    gamma: list[float]
    by_entropy: list[float] | None


def mixing(
    betas: Sequence[float],
    asr: Sequence[Measured],
    entropies: Sequence[float | None] | None = None,
    weigh_by_entropy: bool = False,
) -> Mixing:
    """The skip rule and the weights after the measured ASR of every level's sub-model: Algorithm 1, lines 6 to 13.

    γ is 1/N over the kept (Section 3.3), or by their `entropies` (nats) with `weigh_by_entropy`, where all are known.
    """
    kept, best_only = keep(betas, [m.high for m in asr], [m.value for m in asr])
    known = entropies or [None] * len(kept)
    unknown = any(stays and h is None for stays, h in zip(kept, known, strict=True))
    by_entropy = None if unknown else weights(kept, known, betas)
    gamma = by_entropy if weigh_by_entropy and by_entropy is not None else weights(kept)
    return Mixing(kept, best_only, gamma, by_entropy)


def keep(betas: Sequence[float], upper: Sequence[float], values: Sequence[float]) -> tuple[list[bool], bool]:
    """The skipping rule: which sub-models stay, and whether all failed so that only the best was kept.

    A sub-model is skipped when the upper end of its measured ASR's interval lies below its level (the paper skips
    where the measured ASR does; a finite measurement deserves its doubt). Source: Algorithm 1, lines 6 and 10, and the end
    of Section 3.2.

    >>> keep([0.5, 0.8, 0.9], upper=[0.70, 0.81, 0.85], values=[0.60, 0.78, 0.80])
    ([True, True, False], False)
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

    >>> weights([True, True, False])
    [0.5, 0.5, 0.0]
    >>> [round(g, 2) for g in weights([True, True], entropies=[-3.0, -4.0], betas=[0.5, 1.0])]
    [0.73, 0.27]
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
