"""Pictures that are small and cost much: what the tests and the attacks of them are made of."""

from __future__ import annotations

import struct
import zlib

WIDE = 7064  # pixels of a side that is just allowed


def jpeg(scans: int, side: int = WIDE) -> bytes:
    """A progressive JPEG that passes over all its pixels `scans` times, in some 80 bytes each."""

    def segment(mark: int, body: bytes) -> bytes:
        return b"\xff" + bytes([mark]) + struct.pack(">H", len(body) + 2) + body

    blocks = ((side + 7) // 8) ** 2
    bits = ("0" + "1" * 14) * ((blocks + 32766) // 32767)  # runs of 32,767 blocks that change nothing
    bits += "1" * (-len(bits) % 8)
    runs = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    head = (
        segment(0xDB, b"\0" + bytes([1] * 64)) + segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\0")
        + segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0") + segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0")
    )  # fmt: skip
    first = segment(0xDA, b"\x01\x01\0\0\0\0") + bytes((blocks + 7) // 8)
    return b"\xff\xd8" + head + first + (segment(0xDA, b"\x01\x01\0\x01\x3f\x01") + runs) * scans + b"\xff\xd9"


def tiff(entries: dict[int, tuple[int, int, int | None]], data: bytes, order: str = "<") -> bytes:
    """A TIFF of (kind, count, value) by tag, where None stands for the place of `data`."""
    whole = {256: (4, 1, 1), 257: (4, 1, 1), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1), 277: (3, 1, 1), **entries}
    at = 14 + 12 * len(whole)

    def entry(tag: int, kind: int, count: int, value: int | None) -> bytes:
        value = at if value is None else value
        told = struct.pack(f"{order}HH", value, 0) if kind == 3 and count == 1 else struct.pack(f"{order}I", value)
        return struct.pack(f"{order}HHI", tag, kind, count) + told

    body = b"".join(entry(tag, *told) for tag, told in sorted(whole.items()))
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IH", 8, len(whole)) + body + bytes(4) + data


def strips(count: int, order: str = "<") -> bytes:
    """A TIFF whose every row is a strip of its own."""
    one = (4, count, None)
    return tiff({256: (4, 1, 5), 257: (4, 1, count), 273: one, 278: (4, 1, 1), 279: one}, struct.pack(f"{order}I", 8) * count, order)  # fmt: skip


def tile(side: int) -> bytes:
    """A TIFF of one pixel in one packed tile."""
    data = zlib.compress(bytes(side * side), 1)
    told = {259: (3, 1, 8), 322: (4, 1, side), 323: (4, 1, side), 324: (4, 1, None), 325: (4, 1, len(data))}
    return tiff(told, data)


def fractions(count: int) -> bytes:
    """A TIFF whose resolution is so many fractions."""
    return tiff({273: (4, 1, 8), 278: (4, 1, 1), 279: (4, 1, 1), 282: (5, count, None)}, b"\1\2\0\0" * (2 * count))


def parts(form: str, count: int) -> bytes:
    """A picture of one pixel with so many parts that say nothing."""

    def chunk(name: bytes, body: bytes = b"") -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    if form == "PNG":
        head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
        return head + chunk(b"prVt") * count + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND")
    if form == "JPEG":
        made = jpeg(0, 8)
        return made[:2] + b"\xff\xfe\0\2" * count + made[2:]
    return b"P6\n#" + b"a" * count + b"\n1 1 255\n\0\0\0"
