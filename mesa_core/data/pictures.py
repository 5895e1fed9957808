"""Pictures that others bring: a few named formats, up to a stated size, and one short sentence where one is not read.

Pillow knows some forty formats and goes by a file's contents, not by its name; PostScript, for one, it hands to another
program. So the formats are named. Needs no torch.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from mesa_core.disk.untrusted import MIB, Refused, open_file

FORMATS = ("PNG", "JPEG", "PPM", "BMP", "GIF", "TIFF", "WEBP")  # as Pillow names them; PPM stands for PGM and PBM, too
ENDINGS = (".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".pbm", ".bmp", ".gif", ".tif", ".tiff", ".webp")
MOST_BYTES = 64 * MIB  # of one file
MOST_PIXELS = 50_000_000  # of one picture; a small file can unpack to a huge one
MOST_TEXT = 4 * MIB  # of a PPM, PGM or PBM that is written out in digits, which is slow to read


def open_picture(path: Path, most_pixels: int = MOST_PIXELS) -> Image.Image:
    """The picture in a file, in RGB (the first of several). Raises Refused, which says why."""
    try:
        with open_file(path, MOST_BYTES) as file:
            return decode(file, most_pixels)
    except OSError as error:
        raise Refused(f"cannot be opened ({error.strerror or type(error).__name__})") from None


def decode(file: BinaryIO | bytes, most_pixels: int = MOST_PIXELS) -> Image.Image:
    """A picture from its bytes, in RGB. Its size is looked at before it is unpacked. Raises Refused."""
    file = io.BytesIO(file) if isinstance(file, bytes) else file
    try:
        if file.read(2) in (b"P1", b"P2", b"P3") and file.seek(0, io.SEEK_END) > MOST_TEXT:
            raise Refused(f"is written out in digits and larger than {MOST_TEXT // MIB} MiB; save it as PNG")
        file.seek(0)
        with Image.open(file, formats=FORMATS) as image:
            if not 0 < image.width * image.height <= most_pixels:
                raise Refused(f"has more than {most_pixels:,} pixels; scale it down")
            return image.convert("RGB")
    except Refused:
        raise
    except UnidentifiedImageError:
        raise Refused("is not a picture in PNG, JPEG, PPM, PGM, PBM, BMP, GIF, TIFF or WebP") from None
    except Image.DecompressionBombError:
        raise Refused(f"has more than {most_pixels:,} pixels; scale it down") from None
    except Exception:  # Pillow raises many types for damaged files
        raise Refused("is a damaged picture") from None


def name_of(path: Path) -> str:
    """A file and its folder, for people: names may hold bytes that are no text, and signs that steer a terminal."""
    words = f"{path.name} in {path.parent.name}".encode("utf-8", "replace").decode()
    return "".join(sign if sign.isprintable() else "?" for sign in words)
