"""Recall and precision of samples against the black-and-white triggers, by level. Needs no torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from mesa_core.measures.intervals import Measured, proportion

LEVELS = (0.5, 0.8, 0.9)


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
) -> dict[str, Any]:
    """`{"recall": {"0.5": M or None, ...}, "precision": {...}}` as JSON; each M also says on how many images
    a sample's ASR was measured, and for recall a code's too.

    Without `codes_asr` (no landscape of all codes was measured) every recall is None.
    """
    found: dict[str, Any] = {"recall": {}, "precision": {}}
    for level in levels:
        share = None if codes_asr is None else recall(codes_asr, sample_codes, sample_asr, level)
        told = share and {**share.to_json(), "images": n_images, "code_images": code_images}
        found["recall"][f"{level:g}"] = told
        found["precision"][f"{level:g}"] = {**precision(sample_asr, level).to_json(), "images": n_images}
    return found
