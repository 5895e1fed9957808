"""Figures and their names in words, the same on the command line, on the page and in a file. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mesa_core import defences

NAMES = {"clean": "clean victim", "before": "before the defence"}


def duration(seconds: float | None) -> str:
    """Seconds in words: '8 s', '2 min 5 s', '1 h 3 min'."""
    if seconds is None:
        return "?"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def named(key: str) -> str:
    """An evaluation's name in words: 'after.mesa' is 'MESA', 'after.point_2' a further seed of the point defence."""
    return NAMES.get(key) or defences.named(key.removeprefix("after."))


def brief(measured: Mapping[str, Any] | None) -> str:
    """A measured share with its interval, for a table: '1.2 % (0.8–1.9)'."""
    if measured is None:
        return "–"
    return f"{100 * measured['value']:.1f} % ({100 * measured['low']:.1f}–{100 * measured['high']:.1f})"


def share(measured: dict[str, Any] | None) -> str:
    """A measured share with its interval and sample size."""
    if measured is None:
        return "–"
    return f"{measured['value']:.1%} [{measured['low']:.1%}, {measured['high']:.1%}], n={measured['n']}"
