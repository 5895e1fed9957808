"""Triggers as plain numbers: codes, the 51 orbits, panels, colours. Needs numpy, no torch.

A trigger is an array `(3 colours, s rows, s columns)` of floats in [0, 1], in pixel space before normalisation; the
side s is one of `SIZES`, 3 unless another was asked for. Sampled ones may have a fourth number for each cell, its opacity (see
`mesa_core.opacity`). The code of a black-and-white trigger is its pixels, row by
row from the top left, as bits from the highest to the lowest, white = 1: of 3x3 ones 495 is the white ring with a
black centre, 170 the pattern used by the paper's authors.

A cell of an attacker's trigger may be transparent: it leaves the image as it is. It is written as `-`, and its three numbers
are not-a-number; who computes with a trigger takes it apart into pixels (`filled`) and a mask (`opaque`).

16x16 triggers are pictures. Of black-and-white ones only those have a code whose cells are 2x2 blocks: that of the 8x8 one of
which they are twice the size. So codes have 64 bits at most, and the panel of 16x16 is that of 8x8, enlarged.

>>> ring = from_code(495)
>>> ring.shape, code_of(ring), code_of(invert(ring))
((3, 3, 3), 495, 16)
>>> to_hex(from_code(170)).split()[:3]
['#000000', '#ffffff', '#000000']
"""

from __future__ import annotations

import math
import re
import zlib
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from mesa_core import drawings

SIZE = 3  # of the paper, of the painter, of the 51 orbits, and wherever nothing else is said
SMALL = (1, 2, 3, 4, 5, 6, 7, 8)  # pixels on a side of triggers each of whose cells is a bit of a code
LARGE = 16  # of pictures
SIZES = (*SMALL, LARGE)  # pixels on a side that a trigger can have
COLOURS, WITH_OPACITY = 3, 4  # numbers of a cell: its colour; the same and how much of what is beneath it covers
CODES = 2 ** (SIZE * SIZE)
PANEL = CODES  # black-and-white triggers that stand for all of a size
PANEL_SEED = 512
LARGEST = 2**63 - 1  # files and arrays hold no larger whole number
COUNTS = "1, 4, 9, 16, 25, 36, 49, 64 or 256"  # colours of a trigger, in words
TRANSPARENT = "-"
CLEAR = (TRANSPARENT, "transparent")  # words for such a cell
GREY = 0.5  # stands in a transparent cell wherever a number is needed, and beneath one that is seen without an image
_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")


# -- sizes
class Form(NamedTuple):
    """What the numbers of a trigger are: how many each cell has, COLOURS or WITH_OPACITY, and the side in cells."""

    cell: int
    side: int


def form_of(width: int) -> Form:
    """The form of a trigger of `width` numbers. Raises ValueError for another width.

    No width has two forms: 3 s s = 4 t t would make the root of 3 a fraction.
    """
    for cell in (COLOURS, WITH_OPACITY):
        for side in SIZES:
            if width == cell * side * side:
                return Form(cell, side)
    raise ValueError(
        f"A trigger has {' or '.join(str(3 * s * s) for s in SIZES)} numbers, not {width}; with opacities a third more."
    )


def side_of(width: int) -> int:
    """The side of a trigger of `width` numbers, three or four for each pixel. Raises ValueError for another width."""
    return form_of(width).side


def unflatten(flat: np.ndarray) -> np.ndarray:
    """Rows `(..., k*s*s)` as triggers `(..., k, s, s)`, k being 3 or 4; the form follows from the width. Raises ValueError."""
    cell, side = form_of(flat.shape[-1])
    return flat.reshape(*flat.shape[:-1], cell, side, side)


def sized(side: int) -> str:
    """'4×4' for a side of 4."""
    return f"{side}×{side}"


def rescaled(distance: float, width: int) -> float:
    """A distance between triggers of 27 numbers as one between triggers of `width` that differ as much in each."""
    return distance * math.sqrt(width / 27)


# -- codes
def code_side(size: int) -> int:
    """The side of the square that a code's bits fill: the size's own, 8 of 16, where each bit is a block of 2x2 cells."""
    return min(size, SMALL[-1])


def codes_of(size: int) -> int:
    """How many codes there are of a size: 2^(s*s), of 16x16 as many as of 8x8."""
    return 2 ** code_side(size) ** 2


def from_code(code: int, size: int = SIZE) -> np.ndarray:
    """The black-and-white trigger of a code in 0..`codes_of(size)`-1, as float32 `(3, s, s)`. Raises ValueError outside."""
    if isinstance(code, bool) or not 0 <= code < codes_of(size):
        of = "code" if size == SIZE else f"{sized(size)} code"
        raise ValueError(f"A {of} is a whole number from 0 to {codes_of(size) - 1}, not {code!r}.")
    side = code_side(size)
    bits = [(code >> (side * side - 1 - i)) & 1 for i in range(side * side)]
    cells = np.array(bits, np.float32).reshape(side, side).repeat(size // side, 0).repeat(size // side, 1)
    return np.repeat(cells[None], 3, axis=0)  # (3 colours, rows, columns)


def all_codes() -> np.ndarray:
    """All 512 black-and-white 3x3 triggers, float32 `(512, 3, 3, 3)`, in the order of their codes."""
    return panel(SIZE)


def panel_codes(size: int = SIZE) -> np.ndarray:
    """The codes of the 512 black-and-white triggers that stand for all of a size, in rising order, int64 `(512,)`.

    At 3x3 they are all there are. There are too many larger ones to try each (65,536 of 4x4, 33,554,432 of 5x5, 1.8e19 of
    8x8), so of those 512 different ones are drawn, always the same: by numpy's generator with the seed `PANEL_SEED`. Of
    the 2 and 16 smaller ones each is there 256 or 32 times, so that a panel always has 512. The first cell of the 8x8 ones is
    black, since a file holds no whole number of 64 bits. Those of 16x16 are those of 8x8.
    """
    if size <= SIZE:
        return np.sort(np.arange(PANEL) % 2 ** (size * size))
    draw = np.random.default_rng(PANEL_SEED)
    most = min(codes_of(size), LARGEST)
    return np.sort(draw.choice(most, PANEL, replace=False))


def panel(size: int = SIZE) -> np.ndarray:
    """The triggers of `panel_codes`, float32 `(512, 3, s, s)`."""
    return np.stack([from_code(code, size) for code in panel_codes(size).tolist()])


def drawn(size: int) -> bool:
    """Whether a panel of this size is anything but each of all there are, once: no recall is told of it."""
    return size != SIZE


def too_many(size: int) -> str:
    """A sentence for where a panel is shown that is not each of all there are, once."""
    if size < SIZE:
        return (
            f"There are only {2 ** (size * size)} black-and-white {sized(size)} triggers; each is shown "
            f"{PANEL // 2 ** (size * size)} times, on other images, and there is no recall."
        )
    if size == LARGE:
        return (
            f"These {PANEL} are drawn, always the same, from the black-and-white {sized(code_side(size))} triggers, and twice as "
            "large: each cell is a block of 2×2 pixels. They are not pictures; none is marked, and there is no recall."
        )
    return (
        f"These {PANEL} are drawn, always the same, from the {2 ** (size * size):,} black-and-white {sized(size)} triggers. "
        "Samples seldom round to one of them, so none is marked, and there is no recall."
    )


def of_panel(size: int) -> str:
    """'512'; where they are a draw '512 drawn', and where there are fewer how many: '16'."""
    if size < SIZE:
        return f"{2 ** (size * size)}"
    return f"{PANEL} drawn" if drawn(size) else f"{PANEL}"


def chequer(size: int = SIZE) -> np.ndarray:
    """Black and white in turn from a black corner, float32 `(3, s, s)`; at 3x3 code 170."""
    cells = (np.indices((size, size)).sum(0) % 2).astype(np.float32)
    return np.repeat(cells[None], 3, axis=0)


def code_of(trigger: np.ndarray) -> int | None:
    """The code of an exactly black-and-white trigger `(3, s, s)`, else None; of 16x16 only where cells are blocks of 2x2.

    One with opacities has none.
    """
    cells = np.asarray(trigger)
    if len(cells) != COLOURS:
        return None
    if not (np.all(cells == cells[:1]) and np.isin(cells, (0.0, 1.0)).all()):
        return None
    code, side = int(round_to_codes(cells[None])[0]), cells.shape[-1]
    return code if side in SMALL or (from_code(code, side) == cells).all() else None


def round_to_codes(batch: np.ndarray) -> np.ndarray:
    """Codes to which triggers `(n, 3, s, s)` round: white where the mean of the colours, of 16x16 over a block of 2x2 pixels,
    exceeds 0.5. `(n,)`.

    A fourth number, the opacity, does not count: on mid-grey, too, a cell is lighter than that where its colour is.
    """
    cells = np.asarray(batch)[:, :COLOURS].mean(axis=1)
    if cells.shape[-1] == LARGE:
        side = code_side(LARGE)
        cells = cells.reshape(len(cells), side, LARGE // side, side, LARGE // side).mean((2, 4))
    bits = cells.reshape(len(cells), cells.shape[-1] ** 2) > 0.5  # (n, s*s)
    kind = np.int64 if bits.shape[1] < 63 else np.uint64  # 8x8 ones take all 64 bits
    return bits.astype(kind) @ (kind(1) << np.arange(bits.shape[1] - 1, -1, -1, dtype=kind))


# -- colours
def from_hex(text: str) -> np.ndarray:
    """A trigger from s*s hex colours, row by row, separated by spaces or commas, where `-` is a transparent cell; or from
    `picture:NAME`, one of `drawings`.

    Raises ValueError, also where all cells are transparent.
    """
    if not isinstance(text, str):  # from a file that anybody may have written
        raise ValueError(f"A trigger is {COUNTS} hex colours such as #ffffff, row by row.")
    if text.strip().startswith(drawings.PREFIX):
        return drawings.named(text.strip().removeprefix(drawings.PREFIX))
    parts = text.replace(",", " ").split()
    side = next((s for s in SIZES if s * s == len(parts)), None)
    if side is None:
        raise ValueError(f"A trigger is {COUNTS} hex colours such as #ffffff, row by row; {len(parts)} were given.")
    rows = []
    for part in parts:
        if part.lower() in CLEAR:
            rows.append([math.nan] * 3)
            continue
        match = _HEX.fullmatch(part)
        if not match:
            raise ValueError(f"{part!r} is not a hex colour such as #ffffff, nor {TRANSPARENT} for a transparent cell.")
        digits = match[1] if len(match[1]) == 6 else "".join(c * 2 for c in match[1])
        rows.append([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    if np.isnan(rows).all():
        raise ValueError("All cells of this trigger are transparent, so it would change no image; colour one at least.")
    return np.array(rows, np.float32).T.reshape(3, side, side)  # (s*s, 3) -> (3 colours, rows, columns)


def to_hex(trigger: np.ndarray) -> str:
    """Hex colours of a trigger `(3, s, s)`, row by row; the inverse of `from_hex` up to 8 bits a channel.

    Raises ValueError for one with opacities, of which these would say nothing.
    """
    if len(trigger) != COLOURS:
        raise ValueError("Hex colours say nothing of opacities.")
    bytes_ = np.rint(np.clip(filled(trigger), 0, 1) * 255).astype(int).reshape(3, -1).T  # (s*s, 3)
    colours = zip(bytes_, opaque(trigger).flat, strict=True)
    return " ".join("#{:02x}{:02x}{:02x}".format(*pixel) if seen else TRANSPARENT for pixel, seen in colours)


def opaque(trigger: np.ndarray) -> np.ndarray:
    """Which cells of a trigger `(3, s, s)` are not transparent: bool `(s, s)`."""
    return ~np.isnan(trigger).any(0)


def filled(trigger: np.ndarray) -> np.ndarray:
    """A trigger `(3, s, s)` as numbers that can be computed with: what is transparent is grey, all else as it was."""
    return np.where(np.isnan(trigger), np.float32(GREY), trigger)


def pixels_of(text: str) -> np.ndarray:
    """`filled` of a trigger of hex colours, `(3, s, s)`. Raises ValueError."""
    return filled(from_hex(text))


def mask_of(text: str) -> np.ndarray | None:
    """`opaque` of a trigger of hex colours, `(s, s)`; None for a full square. Raises ValueError."""
    mask = opaque(from_hex(text))
    return None if mask.all() else mask


def code_to_hex(code: int, size: int = SIZE) -> str:
    """The hex colours of a code."""
    return to_hex(from_code(code, size))


def size_of(text: str) -> int:
    """The side of a trigger of hex colours. Raises ValueError."""
    return from_hex(text).shape[-1]


def slug(text: str) -> str:
    """A trigger of hex colours in a file's name: '495', 'colour', 'shape', '4x4-1032', '5x5-colour'. Raises ValueError."""
    trigger = from_hex(text)
    code, side = code_of(trigger), trigger.shape[-1]
    word = f"{code}" if code is not None else "colour" if opaque(trigger).all() else "shape"
    return word if side == SIZE else f"{side}x{side}-{word}"


def describe(trigger: np.ndarray) -> str:
    """Words for a trigger: its code where it has one, else its colours; and its size where that is not 3x3.

    A large one has too many colours to be read: it is a picture, named where it is one of `drawings`, else by a checksum.
    """
    code, side = code_of(trigger), np.shape(trigger)[-1]
    if side == LARGE and code is None and len(trigger) == COLOURS and not shape_of(trigger):
        name = drawings.name_of(trigger) or f"{zlib.crc32(to_hex(trigger).encode()):08x}"
        return f"{sized(side)} picture {name}"
    if len(trigger) != COLOURS:
        words = f"{to_hex(trigger[:COLOURS])} with opacities"
    else:
        words = f"code {code}" if code is not None else " ".join([*shape_of(trigger), to_hex(trigger)])
    return words if side == SIZE else f"{sized(side)} {words}"


def brief(trigger: np.ndarray) -> str:
    """The same as `describe`, without colours: 'code 495', 'coloured', '4×4 code 1032', '5×5 shape of 9 cells'."""
    code, side = code_of(trigger), np.shape(trigger)[-1]
    if side == LARGE and len(trigger) == COLOURS and not shape_of(trigger):
        return describe(trigger)
    words = f"code {code}" if code is not None else " ".join(shape_of(trigger)) or "coloured"
    return words if side == SIZE else f"{sized(side)} {words}"


def shape_of(trigger: np.ndarray) -> list[str]:
    """['shape of 4 cells'] for a trigger `(3, s, s)` with transparent cells, else nothing."""
    cells = opaque(trigger)
    return [] if cells.all() else [f"shape of {cells.sum()} cell{'s' if cells.sum() > 1 else ''}"]


# -- moves and orbits
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
    """The 51 orbits of the 512 3x3 codes under rotation, reflection and colour inversion, each sorted.

    The first code of an orbit stands for it; the paper tests one trigger of each (Section 4.3).
    """
    seen: set[int] = set()
    found = []
    for code in range(CODES):
        if code in seen:
            continue
        orbit: set[int] = set()
        for start in (from_code(code), mirror(from_code(code))):
            turned = start
            for _ in range(4):
                turned = rotate(turned)
                orbit |= {own for one in (turned, invert(turned)) if (own := code_of(one)) is not None}
        seen |= orbit
        found.append(tuple(sorted(orbit)))
    return tuple(found)


def orbit_of(code: int) -> int:
    """The index, in `orbits()`, of the orbit that holds this 3x3 code."""
    return next(i for i, orbit in enumerate(orbits()) if code in orbit)
