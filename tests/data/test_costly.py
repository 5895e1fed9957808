"""A small picture that costs much is refused in one sentence, whichever way it is made."""

from __future__ import annotations

import io

import costly_pictures as costly
import numpy as np
import pytest
from PIL import Image

from mesa_core.data import costly as bounds
from mesa_core.data.pictures import decode
from mesa_core.disk.untrusted import Refused


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: costly.jpeg(1000, 64), "scans"),
        (lambda: costly.strips(70_000), "parts"),
        (lambda: costly.strips(70_000, ">"), "parts"),
        (lambda: costly.fractions(70_000), "parts"),
        (lambda: costly.tile(5000), "a tile"),
    ],
)
def test_more_work_than_a_picture_is_worth_is_refused(made, why):
    with pytest.raises(Refused, match=why) as refused:
        decode(made())
    assert str(refused.value).endswith("; save it as PNG")


@pytest.mark.parametrize(
    ("made", "size"),
    [
        (lambda: costly.jpeg(20, 64), (64, 64)),
        (lambda: costly.strips(300), (5, 300)),
        (lambda: costly.strips(300, ">"), (5, 300)),
        (lambda: costly.fractions(1), (1, 1)),
        (lambda: costly.tile(256), (1, 1)),
        (lambda: costly.parts("PNG", 300), (1, 1)),
        (lambda: costly.parts("JPEG", 300), (8, 8)),
        (lambda: costly.parts("PPM", 300), (1, 1)),
    ],
)
def test_a_little_of_the_same_is_read(made, size):
    assert decode(made()).size == size


@pytest.mark.parametrize("form", ["PNG", "JPEG", "PPM"])
def test_a_picture_in_many_parts_is_given_up_once_it_took_its_time(form, monkeypatch):
    used = iter(range(10**9))
    monkeypatch.setattr(bounds.time, "thread_time", lambda: next(used) / 1000)  # a thousandth for each part
    with pytest.raises(Refused, match="takes more than 3 seconds"):
        decode(costly.parts(form, 10_000))


@pytest.mark.parametrize("packing", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"])
def test_whole_pictures_of_every_packing_of_tiff_are_read(packing):
    out, pixels = io.BytesIO(), np.random.default_rng(0).integers(0, 255, (300, 200, 3), np.uint8)
    Image.fromarray(pixels).save(out, "TIFF", compression=packing)
    found = np.asarray(decode(out.getvalue()))
    assert found.shape == pixels.shape
    assert packing == "jpeg" or (found == pixels).all()


def test_a_large_progressive_jpeg_is_read():
    out, pixels = io.BytesIO(), np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)
    Image.fromarray(pixels).save(out, "JPEG", progressive=True, quality=100)
    assert decode(out.getvalue()).size == (900, 900)
