"""Orders in which the 512 black-and-white triggers can be laid out, so that a map of them has a shape. Needs no torch.

They are known by their places in the panel of their size (see `triggers.panel_codes`); of 3x3 ones that is the code.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mesa_core import triggers

ARRANGEMENTS = ("orbit", "white", "asr")
Group = tuple[str, list[int]]


def arrangements(size: int) -> tuple[str, ...]:
    """The kinds that triggers of a size can be arranged by, the usual one first. A draw has no whole families."""
    return ("asr", "white") if triggers.drawn(size) else ARRANGEMENTS


def usual(asr: np.ndarray, size: int = triggers.SIZE) -> list[Group]:
    """The 512 in their usual arrangement."""
    return arranged(arrangements(size)[0], asr, size)


def arranged(kind: str, asr: np.ndarray, size: int = triggers.SIZE) -> list[Group]:
    """The 512 in named groups of places, each group and the groups themselves from high to low `asr` `(512,)`.

    `orbit`: the 51 families under rotation, mirroring and colour inversion, of 3x3 triggers only. `white`: by the
    number of white cells, from none to all. `asr`: one group. Raises ValueError for another kind.
    """
    if kind == "asr":
        return [("", _falling(range(triggers.PANEL), asr))]
    if kind == "white":
        found: list[list[int]] = [[] for _ in range(triggers.code_side(size) ** 2 + 1)]
        for place, code in enumerate(triggers.panel_codes(size).tolist()):
            found[code.bit_count()].append(place)
        each = (size // triggers.code_side(size)) ** 2  # pixels of a cell
        named = [(f"{each * count} white", _falling(places, asr)) for count, places in enumerate(found)]
        return [group for group in named if group[1]]  # a draw has none that is all black
    if kind == "orbit" and size == triggers.SIZE:
        families = sorted(triggers.orbits(), key=lambda codes: (-float(asr[list(codes)].mean()), codes[0]))
        return [(f"family of {codes[0]}", _falling(codes, asr)) for codes in families]
    raise ValueError(f"The 512 cannot be arranged by {kind!r}; choose one of {', '.join(ARRANGEMENTS)}.")


def _falling(places: Iterable[int], asr: np.ndarray) -> list[int]:
    return sorted(places, key=lambda place: (-float(asr[place]), place))
