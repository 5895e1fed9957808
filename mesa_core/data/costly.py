"""What would make a picture far more costly to read than its size says: found before, or while, Pillow reads it.

Pillow bounds the pixels of a picture, not its work: a JPEG may pass over all of them ten thousand times, a TIFF may
have a million strips or one tile of gigabytes for one pixel, and every format may be chopped into millions of parts,
each of which is read by a loop in Python. Standard library only.
"""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Iterator
from typing import BinaryIO

from mesa_core.disk.untrusted import Refused

MOST_SCANS = 100  # of a JPEG, as libtiff bounds them; a progressive one has some ten
MOST_VALUES = 1 << 16  # of one entry of a TIFF that is no text or bytes: of its strips or tiles, above all
MOST_ENTRIES = 4096  # of a TIFF
MOST_TILE = 1 << 24  # pixels of one tile of a TIFF
SECONDS = 3.0  # of this thread's work, for one picture
WIDTHS = {3: "H", 4: "I", 16: "Q"}  # of TIFF's whole numbers, as struct names them
TEXT = (1, 2, 6, 7)  # TIFF's kinds of a byte a value
SIDES = (322, 323)  # TIFF's entries for the sides of a tile


def check_picture(data: bytes) -> None:
    """Raise Refused where the header of a picture asks for more work than is done for one."""
    if data[:2] == b"\xff\xd8" and data.count(b"\xff\xda") > MOST_SCANS:  # that pair is a scan's first, nowhere else
        raise Refused(f"has more than {MOST_SCANS} scans; save it as PNG")
    if data[:2] in (b"II", b"MM"):
        side = 0
        for tag, kind, count, value in _entries(data):
            if kind not in TEXT and count > MOST_VALUES:
                raise Refused(f"has more than {MOST_VALUES:,} parts; save it as PNG")
            if tag in SIDES:
                side, other = value, side
                if side * max(1, other) > MOST_TILE:
                    raise Refused(f"has a tile of more than {MOST_TILE:,} pixels; save it as PNG")


def _entries(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(tag, kind, how many values, the first where it is a whole number) of a TIFF's first directory."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        large = struct.unpack_from(f"{order}H", data, 2)[0] == 43
        at = struct.unpack_from(f"{order}{'Q' if large else 'I'}", data, 8 if large else 4)[0]
        number = struct.unpack_from(f"{order}{'Q' if large else 'H'}", data, at)[0]
        if number > MOST_ENTRIES:
            raise Refused(f"has more than {MOST_ENTRIES:,} entries; save it as PNG")
        at += 8 if large else 2
        for _ in range(number):
            tag, kind, count = struct.unpack_from(f"{order}HH{'Q' if large else 'I'}", data, at)
            value = (
                struct.unpack_from(order + WIDTHS[kind], data, at + (12 if large else 8))[0] if kind in WIDTHS else 0
            )
            yield tag, kind, count, value
            at += 20 if large else 12
    except struct.error:  # it is cut; Pillow will say so
        return


class Timed(io.BytesIO):
    """The bytes of a picture, which refuse to be read once the thread has worked on them for SECONDS.

    Every loop over the parts of a picture reads them one by one, so that none goes on for longer.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.end = time.thread_time() + SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self.end:
            raise Refused(f"takes more than {SECONDS:g} seconds to read; save it as PNG")
        return super().read(size)


def timed(file: BinaryIO | bytes) -> Timed:
    """A picture's bytes, checked, on a clock. Raises Refused."""
    data = file if isinstance(file, bytes) else file.read()
    check_picture(data)
    return Timed(data)
