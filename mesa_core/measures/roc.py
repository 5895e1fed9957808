"""How well a score tells attacked networks from clean ones: the ROC curve and the area under it. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000


def area(attacked: Sequence[float], clean: Sequence[float]) -> float:
    """The area under the curve: how often an attacked network's score exceeds a clean one's, ties counting half.

    >>> area([3, 2], [1, 2])
    0.875
    """
    a, c = np.asarray(attacked, float)[:, None], np.asarray(clean, float)
    return float(((a > c) + 0.5 * (a == c)).mean())


def interval(attacked: Sequence[float], clean: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Its 95 % interval, by a bootstrap over attacked and over clean networks.

    Where every resample is told apart the bootstrap has no width. Then the lower end is what one more network of either sort,
    told wrong by all of the other sort, would have made of it.
    """
    draw = np.random.default_rng(seed)
    a, c = np.asarray(attacked, float), np.asarray(clean, float)
    found = [area(draw.choice(a, len(a)).tolist(), draw.choice(c, len(c)).tolist()) for _ in range(RESAMPLES)]
    low, high = np.quantile(found, [0.025, 0.975])
    if low == high == 1.0:
        fewer = min(len(a), len(c))
        low = fewer / (fewer + 1)
    return float(low), float(high)


def curve(attacked: Sequence[float], clean: Sequence[float]) -> tuple[list[float], list[float]]:
    """(share of clean networks called attacked, share of attacked ones) as the threshold falls, from (0, 0) to (1, 1).

    >>> curve([3, 2], [1, 2])
    ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0])
    """
    a, c = np.asarray(attacked, float), np.asarray(clean, float)
    falling = np.unique(np.concatenate([a, c]))[::-1]
    across = [0.0, *(float((c >= limit).mean()) for limit in falling)]
    return across, [0.0, *(float((a >= limit).mean()) for limit in falling)]
