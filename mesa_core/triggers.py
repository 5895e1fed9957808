"""Triggers as plain numbers: codes, the 51 orbits, colours. Needs numpy, no torch.

A trigger is an array `(3 colours, 3 rows, 3 columns)` of floats in [0, 1], in pixel space before normalisation.
The code of a black-and-white trigger is its nine pixels, row by row from the top left, as bits from the highest
to the lowest, white = 1: 495 is the white ring with a black centre, 170 the pattern used by the paper's authors.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

SIZE = 3
CODES = 2 ** (SIZE * SIZE)
_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")


def from_code(code: int) -> np.ndarray:
    """The black-and-white trigger of a code in 0..511, as float32 `(3, 3, 3)`. Raises ValueError outside."""
    if isinstance(code, bool) or not 0 <= code < CODES:
        raise ValueError(f"A code is a whole number from 0 to {CODES - 1}, not {code!r}.")
    bits = [(code >> (SIZE * SIZE - 1 - i)) & 1 for i in range(SIZE * SIZE)]
    cells = np.array(bits, np.float32).reshape(SIZE, SIZE)
    return np.repeat(cells[None], 3, axis=0)  # (3 colours, rows, columns)


def all_codes() -> np.ndarray:
    """All 512 black-and-white triggers, float32 `(512, 3, 3, 3)`, in the order of their codes."""
    return np.stack([from_code(code) for code in range(CODES)])


def code_of(trigger: np.ndarray) -> int | None:
    """The code of an exactly black-and-white trigger, else None."""
    cells = np.asarray(trigger)
    if not (np.all(cells == cells[:1]) and np.isin(cells, (0.0, 1.0)).all()):
        return None
    return int(round_to_codes(cells[None])[0])


def round_to_codes(batch: np.ndarray) -> np.ndarray:
    """Codes to which triggers `(n, 3, 3, 3)` round: white where the mean of the channels exceeds 0.5. `(n,)`."""
    bits = np.asarray(batch).mean(axis=1).reshape(len(batch), -1) > 0.5  # (n, 9)
    return bits @ (1 << np.arange(SIZE * SIZE - 1, -1, -1))


def from_hex(text: str) -> np.ndarray:
    """A trigger from nine hex colours, row by row, separated by spaces or commas. Raises ValueError."""
    if not isinstance(text, str):  # from a file that anybody may have written
        raise ValueError("A trigger is nine hex colours such as #ffffff, row by row.")
    parts = text.replace(",", " ").split()
    if len(parts) != SIZE * SIZE:
        raise ValueError(f"A trigger is nine hex colours such as #ffffff, row by row; {len(parts)} were given.")
    rows = []
    for part in parts:
        match = _HEX.fullmatch(part)
        if not match:
            raise ValueError(f"{part!r} is not a hex colour such as #ffffff.")
        digits = match[1] if len(match[1]) == 6 else "".join(c * 2 for c in match[1])
        rows.append([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    return np.array(rows, np.float32).T.reshape(3, SIZE, SIZE)  # (9, 3) -> (3 colours, rows, columns)


def to_hex(trigger: np.ndarray) -> str:
    """Nine hex colours, row by row; the inverse of `from_hex` up to 8 bits a channel."""
    bytes_ = np.rint(np.clip(trigger, 0, 1) * 255).astype(int).reshape(3, -1).T  # (9, 3)
    return " ".join("#{:02x}{:02x}{:02x}".format(*pixel) for pixel in bytes_)


def code_to_hex(code: int) -> str:
    """The nine hex colours of a code."""
    return to_hex(from_code(code))


def describe(trigger: np.ndarray) -> str:
    """Words for a trigger: its code where it has one, else its colours."""
    code = code_of(trigger)
    return f"code {code}" if code is not None else to_hex(trigger)


def invert(trigger: np.ndarray) -> np.ndarray:
    """The colour inverse."""
    return (1 - np.asarray(trigger)).astype(np.float32)


def rotate(trigger: np.ndarray) -> np.ndarray:
    """A quarter turn, anticlockwise."""
    return np.rot90(trigger, axes=(-2, -1)).copy()


def mirror(trigger: np.ndarray) -> np.ndarray:
    """Left and right exchanged."""
    return np.flip(trigger, axis=-1).copy()


@lru_cache(maxsize=1)
def orbits() -> tuple[tuple[int, ...], ...]:
    """The 51 orbits of the 512 codes under rotation, reflection and colour inversion, each sorted.

    The first code of an orbit stands for it; the paper tests one trigger of each (Section 4.3).
    """
    seen: set[int] = set()
    found = []
    for code in range(CODES):
        if code in seen:
            continue
        orbit = set()
        for start in (from_code(code), mirror(from_code(code))):
            turned = start
            for _ in range(4):
                turned = rotate(turned)
                orbit |= {code_of(turned), code_of(invert(turned))}
        seen |= orbit
        found.append(tuple(sorted(orbit)))
    return tuple(found)


def orbit_of(code: int) -> int:
    """The index, in `orbits()`, of the orbit that holds this code."""
    return next(i for i, orbit in enumerate(orbits()) if code in orbit)
