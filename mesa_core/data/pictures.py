"""Pictures that others bring: a few named formats, up to a stated size, and one short sentence where one is not read.

They look as a picture viewer shows them: turned as their EXIF says, 16 bits of grey scaled to 8, and what is transparent
on white.

Pillow knows some forty formats and goes by a file's contents, not by its name; PostScript, for one, it hands to another
program. So the formats are named. Needs no torch.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from mesa_core.data.costly import timed
from mesa_core.disk.untrusted import MIB, Refused, open_file

FORMATS = ("PNG", "JPEG", "PPM", "BMP", "GIF", "TIFF", "WEBP")  # as Pillow names them; PPM stands for PGM and PBM, too
ENDINGS = (".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".pbm", ".bmp", ".gif", ".tif", ".tiff", ".webp")
MOST_BYTES = 64 * MIB  # of one file
MOST_PIXELS = 50_000_000  # of one picture; a small file can unpack to a huge one
MOST_TEXT = 4 * MIB  # of a PPM, PGM or PBM that is written out in digits, which is slow to read

DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")  # Pillow's modes of grey with more than 8 bits
ORIENTATION, PHOTOMETRIC = 0x0112, 262  # tags of EXIF and of TIFF
TURNS = {  # what undoes each way that EXIF says a camera was held
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def open_picture(path: Path, most_pixels: int = MOST_PIXELS) -> Image.Image:
    """The picture in a file, in RGB (the first of several). Raises Refused, which says why."""
    try:
        with open_file(path, MOST_BYTES) as file:
            return decode(file, most_pixels)
    except OSError as error:
        raise Refused(f"cannot be opened ({error.strerror or type(error).__name__})") from None


def decode(file: BinaryIO | bytes, most_pixels: int = MOST_PIXELS) -> Image.Image:
    """A picture from its bytes, in RGB. Its size is looked at before it is unpacked. Raises Refused."""
    file = timed(file)
    try:
        if file.read(2) in (b"P1", b"P2", b"P3") and file.seek(0, io.SEEK_END) > MOST_TEXT:
            raise Refused(f"is written out in digits and larger than {MOST_TEXT // MIB} MiB; save it as PNG")
        file.seek(0)
        with Image.open(file, formats=FORMATS) as image:
            if not 0 < image.width * image.height <= most_pixels:
                raise Refused(f"has more than {most_pixels:,} pixels; scale it down")
            return _shown(image)
    except Refused:
        raise
    except UnidentifiedImageError:
        raise Refused("is not a picture in PNG, JPEG, PPM, PGM, PBM, BMP, GIF, TIFF or WebP") from None
    except Image.DecompressionBombError:
        raise Refused(f"has more than {most_pixels:,} pixels; scale it down") from None
    except Exception:  # Pillow raises many types for damaged files
        raise Refused("is a damaged picture") from None


def _shown(image: Image.Image) -> Image.Image:
    """A picture as a viewer shows it, in RGB."""
    image.load()
    white = _is_white_zero(image)
    turned = _turned(image)
    if image.mode in DEEP:
        turned = _eight_bits(turned, image.info.get("transparency"), white)
    if turned.has_transparency_data:
        over = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", over.size, (255, 255, 255, 255)), over)
    try:
        return turned.convert("RGB")
    except ValueError:  # LAB, say
        raise Refused(f"has colours of a kind that is not read ({image.mode}); save it as PNG") from None


def _turned(image: Image.Image) -> Image.Image:
    try:
        way = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # EXIF is often damaged, and Pillow raises many types; viewers show the picture as it lies
        return image
    return image if way is None else image.transpose(way)


def _is_white_zero(image: Image.Image) -> bool:
    """Whether 0 is white, which Pillow heeds for 8 bits only."""
    tags = getattr(image, "tag_v2", None)
    return image.format == "TIFF" and tags is not None and tags.get(PHOTOMETRIC) == 0


def _eight_bits(image: Image.Image, clear: object, white_zero: bool) -> Image.Image:
    """Grey of 16 bits, or of floats from 0 to 1, in 8 bits; the value `clear` is transparent. Raises Refused for other ranges."""
    values = np.asarray(image)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    most = 1.0 if image.mode == "F" else 65535.0
    if not (low >= 0 and high <= most):  # also where a value is no number
        kind = "floats" if image.mode == "F" else "numbers"
        raise Refused(
            f"has {kind} of grey from {low:.4g} to {high:.4g}, not from 0 to {most:g}; save it with 8 or 16 bits"
        )
    share = values.astype(np.float32) / most
    grey = np.rint((1 - share if white_zero else share) * 255).astype(np.uint8)
    if isinstance(clear, int) and image.mode != "F":
        grey = np.where(values == clear, np.uint8(255), grey)
    return Image.fromarray(grey, "L")


def name_of(path: Path) -> str:
    """A file and its folder, for people: names may hold bytes that are no text, and signs that steer a terminal."""
    words = f"{path.name} in {path.parent.name}".encode("utf-8", "replace").decode()
    return "".join(sign if sign.isprintable() else "?" for sign in words)
