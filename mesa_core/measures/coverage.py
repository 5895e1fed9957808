"""Recall and precision of samples against the black-and-white triggers, by level. Needs no torch."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from mesa_core.disk.shaped import Count, Level, Shaped, empty, rarely
from mesa_core.measures.intervals import Measured, proportion

LEVELS = (0.5, 0.8, 0.9)


@dataclass(frozen=True)
class Covered(Measured):
    """A recall or a precision: on how many images a sample's ASR was measured, and, for a recall, a code's."""

    _: KW_ONLY
    images: Count | None = rarely()
    code_images: Count | None = rarely()

    @classmethod
    def of_share(cls, share: Measured, images: int, code_images: int | None = None) -> Covered:
        """A share with its images."""
        return cls(share.value, share.n, share.low, share.high, images=images, code_images=code_images)


Levels = dict[Level, Covered | None]
"""By level, as '0.5'; None where no code reaches it, or it was not asked."""


@dataclass(frozen=True)
class Coverage(Shaped):
    """Recall and precision of some samples, by level."""

    _: KW_ONLY
    recall: Levels = empty(later=True)
    precision: Levels = empty(later=True)


def precision(sample_asr: np.ndarray, level: float) -> Measured:
    """Share of samples whose own measured ASR is at least `level`; `sample_asr` `(samples,)`.

    >>> precision(np.array([0.9, 0.7, 0.2, 0.8]), 0.5).value
    0.75
    """
    return proportion(int((sample_asr >= level).sum()), len(sample_asr))


def recall(codes_asr: np.ndarray, sample_codes: np.ndarray, sample_asr: np.ndarray, level: float) -> Measured | None:
    """Of the codes with ASR >= `level`, the share to which a sample rounds that itself reaches `level`.

    `codes_asr` `(512,)`; `sample_codes` int and `sample_asr` `(samples,)`. None where no code reaches the level.
    """
    valid = np.flatnonzero(codes_asr >= level)
    if not len(valid):
        return None
    found = np.unique(sample_codes[sample_asr >= level])
    return proportion(int(np.isin(valid, found).sum()), len(valid))


def by_level(
    codes_asr: np.ndarray | None,
    sample_codes: np.ndarray,
    sample_asr: np.ndarray,
    n_images: int,
    code_images: int,
    levels: tuple[float, ...] = LEVELS,
) -> Coverage:
    """Recall and precision at every one of `levels`.

    Without `codes_asr` (no landscape of all codes was measured) every recall is None.
    """
    found: Levels = {}
    exact: Levels = {}
    for level in levels:
        share = None if codes_asr is None else recall(codes_asr, sample_codes, sample_asr, level)
        found[f"{level:g}"] = None if share is None else Covered.of_share(share, n_images, code_images)
        exact[f"{level:g}"] = Covered.of_share(precision(sample_asr, level), n_images)
    return Coverage(recall=found, precision=exact)
