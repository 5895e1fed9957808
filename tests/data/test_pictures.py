"""Pictures that others bring: named formats only, and one short sentence for each that is not read."""

import io
import struct
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mesa_core.data import DataError, load_data
from mesa_core.data import cifar10 as c10
from mesa_core.data.locate import Found
from mesa_core.data.pictures import ENDINGS, decode, open_picture
from mesa_core.disk.untrusted import Refused

SAVED = {
    "PNG": ".png", "JPEG": ".jpg", "PPM": ".ppm", "BMP": ".bmp", "GIF": ".gif", "TIFF": ".tiff", "WEBP": ".webp",
}  # fmt: skip
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\n(x) print showpage\n%%EOF\n"


def a_picture(form: str = "PNG", side: int = 40, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)).convert(mode).save(out, form)
    return out.getvalue()


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG that says how large it is, whatever it holds."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", SAVED)
@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_the_named_formats_are_read(tmp_path, form, mode):
    (tmp_path / f"a{SAVED[form]}").write_bytes(a_picture(form, mode=mode))
    image = open_picture(tmp_path / f"a{SAVED[form]}")
    assert (image.mode, image.size) == ("RGB", (40, 40))
    assert SAVED[form] in ENDINGS


@pytest.mark.parametrize(
    "form", ["ICNS", "ICO", "PCX", "TGA", "SGI", "EPS", "PDF", "JPEG2000", "DIB", "IM", "SPIDER", "MSP"]
)
def test_no_other_format_is_read_whatever_the_name(tmp_path, form):
    try:
        (tmp_path / "a.png").write_bytes(
            a_picture(form, 32, "1" if form == "MSP" else "F" if form == "SPIDER" else "RGB")
        )
    except (KeyError, OSError):
        pytest.skip("Pillow cannot write it here")
    with pytest.raises(Refused, match="is not a picture in PNG"):
        open_picture(tmp_path / "a.png")


def test_postscript_is_never_handed_to_another_program(tmp_path, monkeypatch):
    from PIL import EpsImagePlugin

    called = []
    monkeypatch.setattr(
        EpsImagePlugin, "Ghostscript", lambda *a, **k: called.append(1) or Image.new("RGB", (32, 32)).im
    )
    with pytest.raises(Refused, match="is not a picture in PNG"):
        decode(POSTSCRIPT)
    with Image.open(io.BytesIO(POSTSCRIPT)) as image:  # as it was opened before
        image.load()
    assert called == [1]


def test_a_small_file_that_unpacks_to_a_huge_picture_is_refused():
    for width, height in ((30_000, 30_000), (2**31 - 1, 2**31 - 1), (10_000, 5_001)):
        with pytest.raises(Refused, match="more than 50,000,000 pixels"):
            decode(png(width, height))
    assert decode(png(2, 1, b"\0" * 7)).size == (2, 1)
    with pytest.raises(Refused, match="written out in digits"):
        decode(b"P3 10 10 255\n" + b"1 " * 3_000_000)


def folder_of(tmp_path, count=60):
    for name in ("go", "stop"):
        (tmp_path / name).mkdir(parents=True)
        for i in range(count):
            (tmp_path / name / f"{i:02d}.png").write_bytes(a_picture(side=8 + i % 3))
    return tmp_path


def test_each_picture_that_is_not_read_is_named(tmp_path):
    folder = folder_of(tmp_path / "in")
    (folder / "go" / "07.png").write_bytes(POSTSCRIPT)
    (folder / "stop" / "08.png").write_bytes(a_picture()[:100])
    (folder / "stop" / "e\x1b[31m.png").write_bytes(png(30_000, 30_000))
    with pytest.raises(DataError) as caught:
        load_data("folder", folder, cache=tmp_path / "cache")
    said = str(caught.value)
    assert said.startswith("3 of 121 pictures cannot be read: 07.png in go is not a picture in PNG")
    assert "08.png in stop is a damaged picture" in said
    assert "e?[31m.png in stop has more than" in said
    assert said.isprintable()
    for i in range(20):
        (folder / "go" / f"{i:02d}.png").write_bytes(b"")
    with pytest.raises(DataError, match="and 17 more"):
        load_data("folder", folder, cache=tmp_path / "cache")


def parquet(folder, pictures, labels, name="train-0.parquet"):
    pq.write_table(
        pa.table({"img": [{"bytes": one, "path": None} for one in pictures], "label": labels}), folder / name
    )


@pytest.mark.parametrize("bad", [POSTSCRIPT, b"", a_picture("TGA", 32), png(30_000, 30_000), a_picture(side=33)])
def test_parquet_holds_named_formats_only(tmp_path, bad):
    parquet(tmp_path, [a_picture(side=32)] * 10 + [bad], [0] * 11)
    parquet(tmp_path, [a_picture(side=32)] * 10, [0] * 10, "test-0.parquet")
    with pytest.raises(DataError, match=r"(Picture 10 of )?train-0.parquet"):
        c10.load(Found("parquet", tmp_path), lambda *_: None, counts={"train": 11, "test": 10})
    parquet(tmp_path, [a_picture(side=32)] * 11, [0] * 11)
    assert len(c10.load(Found("parquet", tmp_path), lambda *_: None, counts={"train": 11, "test": 10}).train) == 11


@pytest.mark.parametrize("told", [b"[" * 100_000, b"{", b"[1]", b'{"info": {"features": {"label": {"names": 3}}}}'])
def test_odd_words_beside_the_pictures_of_a_parquet_file_name_no_classes(tmp_path, told):
    for name in ("train-0.parquet", "test-0.parquet"):
        table = pa.table({"img": [{"bytes": a_picture(side=32), "path": None}] * 10, "label": [0] * 10})
        pq.write_table(table.replace_schema_metadata({b"huggingface": told}), tmp_path / name)
    found = c10.load(Found("parquet", tmp_path), lambda *_: None, counts={"train": 10, "test": 10})
    assert found.classes == c10.CLASSES


def test_parquet_with_more_rows_than_the_data_set_is_not_read(tmp_path):
    parquet(tmp_path, [b""] * 1000, [0] * 1000)
    with pytest.raises(DataError, match="not a whole Parquet file"):
        c10.load(Found("parquet", tmp_path), lambda *_: None, counts={"train": 11, "test": 10})


def test_a_folder_whose_names_are_no_text_is_one_sentence(tmp_path):
    import os

    if os.name == "nt":
        pytest.skip("names are always text there")
    folder = folder_of(tmp_path / "in", 30)
    (folder / "go").rename(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe"))
    with pytest.raises(DataError, match="not plain text"):
        load_data("folder", folder, cache=tmp_path / "cache")


def test_an_archive_that_unpacks_without_end_is_given_up(tmp_path, monkeypatch):
    import tarfile

    monkeypatch.setattr(c10, "MOST_ARCHIVE", 10**6)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("zeros")
        info.size = 10**7
        tar.addfile(info, io.BytesIO(bytes(10**7)))
    with pytest.raises(DataError, match="not a whole archive"):
        c10.load(Found("archive", tmp_path / "a.tar.gz"), lambda *_: None)
