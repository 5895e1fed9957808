"""Arrays in files that somebody else may have written: .npz and safetensors, checked whole before a number is read.

A few kilobytes of either can ask for gigabytes: a compressed member unpacks to a thousand times its size, a header can
name any shape. So names, kinds, shapes and sizes are held against each other, and against a stated size, first. Needs
numpy, no torch.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mesa_core.disk.untrusted import MIB, Refused, open_file, parse_json, size_in_words

MOST_ARRAYS = 64 * MIB  # bytes of all arrays of a .npz once they are unpacked
MOST_MEMBERS = 200
MOST_AXES = 8
DIRECTORY = 100_000  # bytes of a zip's list of members
NUMBERS = "biufU"  # kinds of numpy's that hold data only
DAMAGED = "is not a whole .npz file; it may be damaged"
HEADER = MIB  # bytes of the header of a safetensors file; some ten thousand tensors
WIDTHS: Mapping[str, int] = {  # bytes a number of those of safetensors' kinds that torch knows
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4,
    "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip
NOT_WHOLE = "is not a whole safetensors file"


# -- .npz
def read_npz(path: Path | str, most: int = MOST_ARRAYS) -> dict[str, np.ndarray]:
    """The arrays of a .npz file, all together at most `most` bytes. Never unpickles. Raises Refused and OSError."""
    with open_file(path, most) as file:
        try:
            _check_end(file)
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > most:
                    raise Refused(f"unpacks to more than {size_in_words(most)}")
                return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}
        except Refused:
            raise
        except Exception:  # zip, its packing and numpy's headers raise many types
            raise Refused(DAMAGED) from None


def _check_end(file: BinaryIO) -> None:
    """Hold the list of members to a size before it is read; numpy writes no comment after it."""
    file.seek(0, 2)
    file.seek(max(0, file.tell() - 22))
    end = file.read(22)
    if end[:4] != b"PK\x05\x06" or end[20:] != b"\0\0" or int.from_bytes(end[12:16], "little") > DIRECTORY:
        raise Refused(DAMAGED)


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One array, its shape and kind held against the size of its member before that is unpacked."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused(DAMAGED)
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, kind = read(file, max_header_size=10_000)
        size = math.prod(shape) * kind.itemsize
        if kind.kind not in NUMBERS or kind.hasobject or kind.subdtype or len(shape) > MOST_AXES:
            raise Refused("holds more than numbers and words")
        if size != member.file_size - file.tell() or min(shape, default=0) < 0:
            raise Refused(DAMAGED)
        data = bytearray(file.read(size + 1))
    if len(data) != size:
        raise Refused(DAMAGED)
    flat = np.frombuffer(data, kind) if size else np.zeros(0, kind)
    if kind.kind == "U" and size and not _is_text(data, kind):
        raise Refused(DAMAGED)
    return flat.reshape(shape, order="F" if fortran else "C")


def _is_text(data: bytearray, kind: np.dtype) -> bool:
    """Whether every character is one; numpy would raise where it is looked at."""
    codes = np.frombuffer(data, kind.byteorder.replace("=", "<").replace("|", "<") + "u4")
    return bool(((codes < 0xD800) | ((codes > 0xDFFF) & (codes <= 0x10FFFF))).all())


# -- safetensors
def read_safetensors(path: Path | str, most: int) -> bytes:
    """The bytes of a safetensors file of at most `most`, checked whole; `safetensors` reads them. Raises Refused, OSError."""
    with open_file(path, most) as file:
        data = _checked_head(file, most)
        data += file.read(most + 1 - len(data))
    return data


def check_safetensors_file(path: Path | str, most: int) -> None:
    """Raise Refused or OSError where `path` is not a whole safetensors file of at most `most` bytes."""
    with open_file(path, most) as file:
        _checked_head(file, most)


def _checked_head(file: BinaryIO, most: int) -> bytes:
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
    if not 0 < length <= min(HEADER, size - 8):
        raise Refused(NOT_WHOLE)
    head += file.read(length)
    check_safetensors(head, size, most)
    return head


def check_safetensors(head: bytes, size: int, most: int, least: int = 1) -> None:
    """Hold the header of a safetensors file, from its first byte on, against the `size` of the file.

    All its numbers, counted as at least `least` bytes each, may take `most` bytes. Raises Refused.
    """
    length = struct.unpack("<Q", head[:8])[0] if len(head) >= 8 else HEADER + 1
    if length > min(HEADER, len(head) - 8):
        raise Refused(NOT_WHOLE)
    told = parse_json(head[8 : 8 + length])
    if not isinstance(told, dict):
        raise Refused(NOT_WHOLE)
    end, numbers = 0, 0
    entries = [value for name, value in told.items() if name != "__metadata__"]
    for begin, stop, count, width in sorted(map(_entry, entries)):
        if begin != end or stop - begin != count * width:
            raise Refused(NOT_WHOLE)
        end, numbers = stop, numbers + count * max(least, width)
    if end != size - 8 - length:
        raise Refused(NOT_WHOLE)
    if numbers > most:
        raise Refused(f"asks for more than {size_in_words(most)}")


def _entry(entry: Any) -> tuple[int, int, int, int]:
    """First byte, last byte, how many numbers, bytes of each."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise Refused(NOT_WHOLE)
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(shape, list) or not isinstance(offsets, list) or len(offsets) != 2 or len(shape) > MOST_AXES:
        raise Refused(NOT_WHOLE)
    if any(type(v) is not int or v < 0 for v in (*shape, *offsets)):
        raise Refused(NOT_WHOLE)
    if not isinstance(kind, str) or kind not in WIDTHS:
        raise Refused(f"holds numbers of the kind {str(kind)[:20]!r}, which is not read here")
    return offsets[0], offsets[1], math.prod(shape), WIDTHS[kind]
