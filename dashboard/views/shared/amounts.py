"""Figures in words: volumes and weights, from almost all triggers to one in many billions."""

from __future__ import annotations

import math

from mesa_core.measures.intervals import Z
from mesa_core.measures.submodel import Volume

NAMES = ((9, "billion"), (6, "million"))


def number(value: float, digits: int = 1) -> str:
    """A figure with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def volume(m: Volume) -> str:
    """'−13.9 ± 0.2 nats', with one standard error."""
    return f"{number(m.value)} ± {number(m.error)} nats"


def one_in(m: Volume) -> str:
    """A log-volume in plain words: 'one colour trigger in 1.1 million (95 % interval 0.74 million to 1.6 million)'."""
    value, error = m.value, m.error
    if value > -0.05:
        return "almost every colour trigger"
    low, high = amount(max(0.0, -value - Z * error)), amount(-value + Z * error)
    return f"one colour trigger in {amount(-value)} (95 % interval {low} to {high})"


def amount(log: float) -> str:
    """e to the power `log` with two digits: '1.2', '3,400', '1.1 million', '5.7 · 10²⁴'."""
    ten = log / math.log(10)
    if ten >= 12:
        digits, power = f"{10 ** (ten % 1):.1f}", str(math.floor(ten))
        return f"{digits} · 10" + power.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    value = float(f"{10**ten:.2g}")
    for size, name in NAMES:
        if value >= 10**size:
            return f"{value / 10**size:,.6g} {name}"
    return f"{value:,.6g}"


def share(value: float, like: float | None = None) -> str:
    """A weight with as many digits as tell it, or the weight `like`, from none and from all: '33.3 %', '0.012 %', '99.94 %'."""
    near = value if like is None else like
    rest = 100 * min(near, 1 - near)
    digits = 1 - math.floor(math.log10(rest)) - (near > 0.5) if rest > 0 else 1
    digits = min(6, max(1, digits))
    shown = f"{100 * value:.{digits}f}"
    if float(shown) == 0 and value > 0:
        return f"below {10.0**-digits:.{digits}f} %"
    return f"above {100 - 10.0**-digits:.{digits}f} %" if float(shown) == 100 and value < 1 else f"{shown} %"
