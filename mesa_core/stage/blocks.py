"""One block of bytes for the browser: a JSON header and typed arrays, read there without a copy of text.

Layout: four bytes with the header's length, the header, zeros up to a multiple of eight, the arrays, each begun at a
multiple of eight. `header["arrays"]` names each array's kind, its first byte after the header, and its length.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

KINDS = {"u1": "<u1", "i1": "<i1", "u2": "<u2", "f4": "<f4"}


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The block. Raises ValueError for an array of another kind than KINDS."""
    parts, index, at = [], {}, 0
    for name, array in arrays.items():
        kind = np.dtype(array.dtype).str[1:]
        if kind not in KINDS:
            raise ValueError(f"{name} is {array.dtype}, which a block does not hold.")
        raw = np.ascontiguousarray(array, KINDS[kind]).tobytes()
        index[name] = [kind, at, array.size]
        raw += bytes(-len(raw) % 8)
        parts.append(raw)
        at += len(raw)
    head = json.dumps({**header, "arrays": index}, separators=(",", ":"), allow_nan=False).encode()
    head += b" " * (-(len(head) + 4) % 8)
    return struct.pack("<I", len(head)) + head + b"".join(parts)


def unpack(block: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The inverse of `pack`."""
    (length,) = struct.unpack_from("<I", block)
    header = json.loads(block[4 : 4 + length])
    found = {
        name: np.frombuffer(block, KINDS[kind], count, 4 + length + at)
        for name, (kind, at, count) in header.pop("arrays").items()
    }
    return header, found


# -- how places and shares are written in a block
def placed(places: np.ndarray, bounds: Sequence[float]) -> np.ndarray:
    """Places `(n, 2)` on axes with `bounds` (xmin, xmax, ymin, ymax) as uint16: 0 is half a width below the bounds."""
    low, high = np.array([bounds[0], bounds[2]], np.float64), np.array([bounds[1], bounds[3]], np.float64)
    unit = (np.asarray(places, np.float64).reshape(-1, 2) - low) / np.maximum(high - low, 1e-9)
    unit = np.nan_to_num(unit, nan=0.5, posinf=1.5, neginf=-0.5)
    return np.rint((np.clip(unit, -0.5, 1.5) + 0.5) * 32767.5).astype(np.uint16)


def rates(asr: np.ndarray) -> np.ndarray:
    """Shares as uint8, 255 for 1."""
    return np.rint(np.clip(np.nan_to_num(np.asarray(asr, np.float64)), 0, 1) * 255).astype(np.uint8)


def share_of(place: Sequence[float], bounds: Sequence[float]) -> list[float]:
    """One place as shares of the axes' width and height, as exact as `placed` writes them."""
    x, y = placed(np.array([place]), bounds)[0] / 32767.5 - 0.5
    return [float(x), float(y)]
