"""Pictures that do harm or are damaged, in folders and on their own: read, or one short sentence for each."""

from __future__ import annotations

import io
import random
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from mesa_core.data import folder as folders
from mesa_core.data.locate import DataError
from mesa_core.data.pictures import ENDINGS, decode, open_picture
from mesa_core.disk.untrusted import Refused
from tests.attacks.attack import Attack
from tests.attacks.bad_files import EVERY, spoil

sys.path.append(str(Path(__file__).resolve().parents[1]))
import costly_pictures as costly

FORMS = ("PNG", "JPEG", "PPM", "BMP", "GIF", "TIFF", "WEBP", "ICO", "TGA", "PCX", "SGI", "EPS", "PDF", "ICNS")
MODES = ("RGB", "L", "1", "P", "RGBA", "CMYK", "I;16", "F", "LA")


def attacks(rng: random.Random) -> Iterator[Attack]:
    while True:
        seed = rng.randrange(1 << 30)
        yield Attack("a drawn picture, damaged", _damaged(seed))
        yield Attack("a header that asks for much", _huge(seed))
        yield Attack("a small picture that costs much", _costly(seed), limit=30)
        way = rng.choice([way for way in EVERY if way not in ("a socket",)])
        yield Attack(f"{way} in a folder of pictures", _in_folder(way, seed), limit=30)


def _drawn(rng: random.Random) -> bytes:
    out, side = io.BytesIO(), rng.choice((1, 8, 32, 200))
    pixels = np.random.default_rng(rng.randrange(1 << 30)).integers(0, 255, (side, side, 3), np.uint8)
    while not out.getvalue():
        try:
            Image.fromarray(pixels).convert(rng.choice(MODES)).save(out, rng.choice(FORMS))
        except (OSError, ValueError, KeyError, SystemError):  # that format has not this mode
            out = io.BytesIO()
    return out.getvalue()


def _decoded(data: bytes) -> None:
    try:
        said = decode(data).mode
    except Refused as error:
        said = str(error)
    assert said == "RGB" or said.startswith(("is ", "has ", "takes ")), said


def _damaged(seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        for _ in range(10):
            data = bytearray(_drawn(rng))
            for _ in range(rng.choice((0, 1, 4, 40))):
                data[rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 200))] = rng.randrange(256)
            _decoded(bytes(data[: rng.choice((len(data), rng.randrange(len(data) + 1)))]))

    return run


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _huge(seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        sides = (0, 1, 7000, 7072, 16_383, 65_535, 2**31 - 1)
        for _ in range(3):
            wide, high = rng.choice(sides), rng.choice(sides)
            body = zlib.compress(bytes(rng.choice((0, 10**6, 10**8))))
            head = struct.pack(
                ">IIBBBBB", wide, high, rng.choice((1, 8, 16)), rng.choice((0, 2, 3, 6)), 0, 0, rng.choice((0, 1))
            )
            text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8))) if rng.random() < 0.3 else b""
            made = (
                b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + text + chunk(b"IDAT", body) + chunk(b"IEND", b""),
                b"GIF89a" + struct.pack("<HH", wide & 65535, high & 65535) + b"\0\0\0," + bytes(4)
                + struct.pack("<HH", wide & 65535, high & 65535) + b"\0\x08" + rng.randbytes(300),
                b"%s %d %d 255\n" % (rng.choice((b"P3", b"P6", b"P5", b"P4")), wide, high) + b"1 " * rng.choice((10, 10**6)),
                b"BM" + struct.pack("<IIIIiiHHIIiiII", 60, 0, 54, 40, wide & (2**31 - 1), high & (2**31 - 1), 1, 24, rng.choice((0, 1)), 0, 0, 0, 0, 0),
                b"RIFF" + struct.pack("<I", 100) + b"WEBPVP8X" + struct.pack("<II", 10, 2) + struct.pack("<I", wide)[:3]
                + struct.pack("<I", high)[:3] + bytes(80),
                b"%%!PS-Adobe-3.0 EPSF-3.0\n%%%%BoundingBox: 0 0 %d %d\n%%%%EndComments\nshowpage\n" % (wide, high),
            )  # fmt: skip
            _decoded(rng.choice(made))

    return run


def _costly(seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        size = int(10 ** rng.uniform(2, 6.5))  # bytes, roughly
        made = (
            lambda: costly.jpeg(size // 80), lambda: costly.strips(1 + size // 8, rng.choice("<>")), lambda: costly.fractions(size // 8),
            lambda: costly.tile(int((100 * size) ** 0.5)), lambda: costly.parts("PNG", size // 12), lambda: costly.parts("JPEG", size // 4),
            lambda: costly.parts("PPM", size),
        )  # fmt: skip
        _decoded(rng.choice(made)())

    return run


def _in_folder(way: str, seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        good = io.BytesIO()
        Image.new("RGB", (9, 9), (1, 2, 3)).save(good, "PNG")
        for name in ("a", "b"):
            (place / "in" / name).mkdir(parents=True)
            for i in range(120):
                (place / "in" / name / f"{i}.png").write_bytes(good.getvalue())
        bad = place / "in" / "a" / f"bad{rng.choice(ENDINGS)}"
        bad.write_bytes(good.getvalue())
        spoil(bad, way, seed)
        try:
            said = f"{len(folders.load(place / 'in', lambda *_: None).classes)} classes"
        except DataError as error:
            said = str(error)
        assert said == "2 classes" or said.startswith(f"1 of 241 pictures cannot be read: {bad.name} in a "), said
        try:
            said = open_picture(bad).mode
        except Refused as error:
            said = str(error)
        assert said, "a refusal without a word"

    return run
