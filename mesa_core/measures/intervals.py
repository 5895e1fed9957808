"""95 % intervals: Wilson's for one share, a bootstrap over images and triggers for a set of triggers. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Self

import numpy as np

from mesa_core.disk.shaped import Count, Shaped, Within

Z = 1.959964  # the normal law's 97.5 % point
RESAMPLES = 400


@dataclass(frozen=True)
class Measured(Shaped):
    """A figure with the number of observations behind it and its 95 % interval: a share, or a change of one."""

    value: Annotated[float, Within(-1, 1)]
    n: Count
    low: Annotated[float, Within(-1, 1)]
    high: Annotated[float, Within(-1, 1)]

    def rounded(self) -> Self:
        """The same with six digits, as it is written."""
        return replace(self, value=round(self.value, 6), low=round(self.low, 6), high=round(self.high, 6))

    def to_json(self) -> dict[str, Any]:
        """`{"value", "n", "low", "high"}`, and what a kind of its own adds."""
        told = super().to_json()
        return told | {name: round(told[name], 6) for name in ("value", "low", "high")}


def proportion(hits: int, n: int) -> Measured:
    """A share of `n` independent trials, with Wilson's interval (JASA 1927). With n = 0 nothing is known: [0, 1].

    >>> few = proportion(9, 10)
    >>> few.value, few.n, round(few.low, 2), round(few.high, 2)
    (0.9, 10, 0.6, 0.98)
    """
    if n == 0:
        return Measured(0.0, 0, 0.0, 1.0)
    p, z2 = hits / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * (p * (1 - p) / n + z2 / (4 * n * n)) ** 0.5
    return Measured(p, n, min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half)))


def of_drawn(hits: np.ndarray, images: np.ndarray, counts: np.ndarray | None = None, seed: int = 0) -> Measured:
    """Mean ASR of a set of triggers, with a bootstrap over triggers and over images at once.

    `hits` bool `(triggers, images each)`; `images` int of the same shape says which image each trial used, so that
    an image that was drawn for many triggers is resampled as one; `counts` bool leaves trials out (for the
    effective ASR). Both triggers and images are reweighted by multinomial counts (the "pigeonhole" bootstrap of
    Owen, 2007), which errs on the wide side. Where every trial agrees a bootstrap has no width, and Wilson's
    interval for the number of distinct images is given instead.
    """
    hits = np.asarray(hits, bool)
    counts = np.ones_like(hits) if counts is None else np.asarray(counts, bool)
    n = int(counts.sum())
    if n == 0:
        return proportion(0, 0)
    value = float(hits[counts].mean())
    names, which = np.unique(images, return_inverse=True)
    which = which.reshape(hits.shape)
    if value in (0.0, 1.0):
        few = proportion(int(value * len(names)), len(names))
        return Measured(value, n, few.low, few.high)
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES):
        of_image = generator.multinomial(len(names), np.full(len(names), 1 / len(names)))
        of_trigger = generator.multinomial(len(hits), np.full(len(hits), 1 / len(hits)))
        weight = of_image[which] * of_trigger[:, None] * counts
        total = weight.sum()
        if total:
            drawn.append((weight * hits).sum() / total)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Measured(value, n, min(value, float(low)), max(value, float(high)))


def of_rates(rates: np.ndarray, images: int) -> Measured:
    """Mean of triggers' ASR, each measured on `images` images; the interval is over triggers, which are the draws.

    The spread of measured rates holds that of the triggers and the noise of the measurement both. Where all rates
    agree Wilson's interval for as many images as one trigger had is given.
    """
    n, value = len(rates) * images, float(np.mean(rates))
    spread = float(np.std(rates, ddof=1)) if len(rates) > 1 else 0.0
    if spread == 0.0:
        one = proportion(round(value * images), images)
        return Measured(value, n, min(value, one.low), max(value, one.high))
    from scipy.stats import t as student  # takes a second to import, and only this needs it

    half = float(student.ppf(0.975, len(rates) - 1)) * spread / len(rates) ** 0.5
    return Measured(value, n, max(0.0, value - half), min(1.0, value + half))


def paired_difference(before: np.ndarray, after: np.ndarray) -> Measured:
    """Change of a share measured twice on the same trials, in [-1, 1]; normal interval of the paired difference.

    `before` and `after` bool `(n,)`. The variance counts only the trials that changed; half a change is added to
    each side, so that no change at all still has a width.
    """
    change = np.asarray(after, float) - np.asarray(before, float)
    n = len(change)
    if n == 0:
        return Measured(0.0, 0, -1.0, 1.0)
    up, down = int((change > 0).sum()) + 0.5, int((change < 0).sum()) + 0.5
    value = float(change.mean())
    half = Z * (up + down - (up - down) ** 2 / n) ** 0.5 / n
    return Measured(value, n, max(-1.0, value - half), min(1.0, value + half))
