"""One block of bytes for the browser: a JSON header and typed arrays, read there without a copy of text.

Layout: four bytes with the header's length, the header, zeros up to a multiple of eight, the arrays, each begun at a
multiple of eight. `header["arrays"]` names each array's kind, its first byte after the header, and its length.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
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
