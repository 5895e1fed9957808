"""Orders in which the 512 black-and-white triggers can be laid out, so that a map of them has a shape. Needs no torch."""

from __future__ import annotations

import numpy as np

from mesa_core import triggers

ARRANGEMENTS = ("orbit", "white", "asr")
Group = tuple[str, list[int]]


def arranged(kind: str, asr: np.ndarray) -> list[Group]:
    """The 512 codes in named groups, each group and the groups themselves from high to low `asr` `(512,)`.

    `orbit`: the 51 families under rotation, mirroring and colour inversion. `white`: by the number of white cells,
    from none to nine. `asr`: one group. Raises ValueError for another kind.
    """
    if kind == "asr":
        return [("", _falling(range(triggers.CODES), asr))]
    if kind == "white":
        found: list[list[int]] = [[] for _ in range(triggers.SIZE**2 + 1)]
        for code in range(triggers.CODES):
            found[code.bit_count()].append(code)
        return [(f"{count} white", _falling(codes, asr)) for count, codes in enumerate(found)]
    if kind == "orbit":
        families = sorted(triggers.orbits(), key=lambda codes: (-float(asr[list(codes)].mean()), codes[0]))
        return [(f"family of {codes[0]}", _falling(codes, asr)) for codes in families]
    raise ValueError(f"The 512 cannot be arranged by {kind!r}; choose one of {', '.join(ARRANGEMENTS)}.")


def _falling(codes: object, asr: np.ndarray) -> list[int]:
    return sorted(codes, key=lambda code: (-float(asr[code]), code))
