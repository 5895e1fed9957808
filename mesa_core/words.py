"""Figures and their names in words, the same on the command line, on the page and in a file. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

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


def counted_bytes(count: int) -> str:
    """A number of bytes in words: '812 kB', '45.3 MB'."""
    return f"{count / 1e6:.1f} MB" if count >= 10**6 else f"{count / 1e3:.0f} kB"


def series(words: Sequence[str]) -> str:
    """Words in a row.

    >>> series(["3×3"]), series(["3×3", "5×5", "8×8"])
    ('3×3', '3×3, 5×5 and 8×8')
    """
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def named(key: str) -> str:
    """An evaluation's name in words: 'after.mesa' is 'MESA', 'after.point_2' a further seed of the point defence."""
    return NAMES.get(key) or defences.named(key.removeprefix("after."))


class Share(Protocol):
    """What a `Measured` says, from wherever it comes."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def n(self) -> int: ...


def _parts(measured: Share | Mapping[str, Any]) -> tuple[float, float, float, int]:
    """Value, both ends of its interval, and n."""
    if isinstance(measured, Mapping):
        return measured["value"], measured["low"], measured["high"], measured["n"]
    return measured.value, measured.low, measured.high, measured.n


def brief(measured: Share | Mapping[str, Any] | None) -> str:
    """A measured share with its interval, for a table: '1.2 % (0.8–1.9)'."""
    if measured is None:
        return "–"
    value, low, high, n = _parts(measured)
    if n == 0:  # nothing was there to measure on
        return "–"
    return f"{100 * value:.1f} % ({100 * low:.1f}–{100 * high:.1f})"


def counted(measured: Share | None) -> str:
    """The same with the number of observations: '1.2 % (0.8–1.9), n = 1096'."""
    return "–" if measured is None else f"{brief(measured)}, n = {measured.n}"


def share(measured: Share | Mapping[str, Any] | None) -> str:
    """A measured share with its interval and sample size."""
    if measured is None:
        return "–"
    value, low, high, n = _parts(measured)
    if n == 0:
        return "– (n=0)"
    return f"{value:.1%} [{low:.1%}, {high:.1%}], n={n}"
