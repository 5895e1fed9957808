"""Pictures in files of other forms: Parquet with any names, CIFAR-100's pickles, MNIST's files; and what a viewer shows."""

import gzip
import io
import json
import pickle
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mesa_core.data import DataError, load_data
from mesa_core.data.pictures import decode
from mesa_core.disk.untrusted import Refused


def coded(value: int, side: int = 10) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), value, np.uint8)).save(out, "PNG")
    return out.getvalue()


def write(path, labels, names=None, picture="image", label="label", plain=False, **more):
    """A Parquet file in which each picture's shade is its label (or the place of its name)."""
    kinds = sorted(set(labels))
    shades = [coded(kinds.index(one)) for one in labels]
    column = shades if plain else [{"bytes": one, "path": "x.png"} for one in shades]
    table = pa.table({picture: column, label: labels, **more})
    if names:
        told = {"info": {"features": {label: {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({b"huggingface": json.dumps(told).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def read(tmp_path, place, **more):
    return load_data("folder", place, cache=tmp_path / "cache", **more)


def right(dataset):
    return bool((dataset.test.images[:, 0, 5, 5] == dataset.test.labels).all())


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("picture", "label"), [("img", "fine_label"), ("picture", "target"), ("x", "y"), ("image", "class")]
)
def test_parquet_with_any_names_of_columns(tmp_path, picture, label, plain):
    for part, count in (("train", 60), ("test", 40)):
        labels = [i % 3 for i in range(count)]
        write(
            tmp_path / "in" / "data" / f"{part}-00000-of-00001.parquet",
            labels,
            ["a", "b", "c"],
            picture,
            label,
            plain,
            coarse=labels,
        )
    found = read(tmp_path, tmp_path / "in")
    assert found.classes == ("a", "b", "c")
    assert (len(found.train), len(found.test)) == (60, 40)
    assert right(found)
    assert picture in found.seen.layout


def test_parquet_without_parts_names_or_numbers(tmp_path):
    write(tmp_path / "in" / "all.parquet", [("dog", "cat")[i % 2] for i in range(200)])
    found = read(tmp_path, tmp_path / "in" / "all.parquet")
    assert found.classes == ("cat", "dog")
    assert len(found.train) + len(found.test) == 200
    assert right(found)


def test_a_class_list_orders_the_names_of_parquet(tmp_path):
    for part in ("train", "validation"):
        write(tmp_path / "in" / f"{part}.parquet", [i % 2 for i in range(60)], ["cat", "dog"])
    (tmp_path / "list.txt").write_text("dog\ncat\n")
    found = read(tmp_path, tmp_path / "in", classes=str(tmp_path / "list.txt"))
    assert found.classes == ("dog", "cat")
    assert (found.test.images[:, 0, 5, 5] == 1 - found.test.labels).all()


def test_parquet_whose_labels_are_not_told_is_refused_with_its_columns(tmp_path):
    write(tmp_path / "in" / "train.parquet", [i % 2 for i in range(60)], label="first", second=[0] * 60)
    with pytest.raises(DataError, match="labels; it has image, first, second"):
        read(tmp_path, tmp_path / "in")
    (tmp_path / "in" / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"train.parquet is not a whole Parquet file"):
        read(tmp_path, tmp_path / "in")


@pytest.mark.parametrize("labels", [[-1, 0], [0, 5000], [None, 1], [0.5, 1.0]])
def test_odd_labels_of_parquet_are_refused(tmp_path, labels):
    path = tmp_path / "in" / "train.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"image": [coded(1)] * 100, "label": labels * 50}), path)
    with pytest.raises(DataError) as caught:
        read(tmp_path, tmp_path / "in")
    assert "label" in str(caught.value).lower()


# -- CIFAR-100
def cifar100(folder, evil=None):
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    names = [f"thing{i}".encode() for i in range(100)]
    for part, count in (("train", 300), ("test", 200)):
        labels = [i % 100 for i in range(count)]
        pixels = rng.integers(0, 255, (count, 3072), dtype=np.uint8)
        pixels[:, 0] = labels
        held = {
            b"data": pixels,
            b"fine_labels": labels,
            b"coarse_labels": [0] * count,
            b"filenames": [b"x.png"] * count,
        }
        (folder / part).write_bytes(pickle.dumps(evil if evil is not None and part == "train" else held, protocol=2))
    (folder / "meta").write_bytes(
        pickle.dumps({b"fine_label_names": names, b"coarse_label_names": [b"all"]}, protocol=2)
    )


@pytest.mark.parametrize("form", ["folder", "above", "archive"])
def test_cifar100_is_read(tmp_path, form):
    cifar100(tmp_path / "in" / "cifar-100-python")
    place = {"folder": tmp_path / "in" / "cifar-100-python", "above": tmp_path / "in"}.get(form)
    if place is None:
        place = tmp_path / "cifar-100-python.tar.gz"
        with tarfile.open(place, "w:gz") as tar:
            tar.add(tmp_path / "in" / "cifar-100-python", "cifar-100-python")
    found = read(tmp_path, place)
    assert found.classes == tuple(f"thing{i}" for i in range(100))
    assert (len(found.train), len(found.test), found.size) == (300, 200, 32)
    assert (found.test.images[:, 0, 0, 0] == found.test.labels).all()


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit('ran')",))


@pytest.mark.parametrize(
    "evil", [Evil(), {b"data": np.zeros((3, 5), np.uint8), b"fine_labels": [0]}, [1], {b"data": 3}]
)
def test_odd_pickles_are_refused_and_run_nothing(tmp_path, evil):
    cifar100(tmp_path / "in", evil)
    with pytest.raises(DataError, match="train of CIFAR-100"):
        read(tmp_path, tmp_path / "in")


def test_a_pickle_that_asks_for_much_memory_is_refused(tmp_path):
    cifar100(tmp_path / "in")
    (tmp_path / "in" / "train").write_bytes(b"\x80\x02Nr\xff\xff\xff\x7f.")
    with pytest.raises(DataError, match="train of CIFAR-100"):
        read(tmp_path, tmp_path / "in")


# -- MNIST
@pytest.mark.parametrize("packed", [False, True])
def test_grey_digits_are_read_in_three_colours(tmp_path, packed):
    (tmp_path / "in").mkdir()
    for part, count in (("train", 60), ("t10k", 40)):
        labels = np.arange(count, dtype=np.uint8) % 10
        images = np.repeat(labels, 28 * 28).astype(np.uint8)
        heads = {
            "images-idx3": b"\0\0\x08\x03" + np.array([count, 28, 28], ">i4").tobytes(),
            "labels-idx1": b"\0\0\x08\x01" + np.array([count], ">i4").tobytes(),
        }
        for what, body in (("images-idx3", images), ("labels-idx1", labels)):
            data = heads[what] + body.tobytes()
            name = tmp_path / "in" / f"{part}-{what}-ubyte{'.gz' if packed else ''}"
            name.write_bytes(gzip.compress(data) if packed else data)
    found = read(tmp_path, tmp_path / "in", side=28)
    assert (len(found.train), len(found.test), found.size) == (60, 40, 28)
    assert found.test.images.shape[1] == 3
    assert right(found)
    next((tmp_path / "in").glob("train-images*")).write_bytes(b"\0\0\x08\x03")
    with pytest.raises(DataError, match="not a whole file"):
        read(tmp_path, tmp_path / "in", side=28)


# -- as a viewer shows it
def seen(image, form="PNG", **more):
    out = io.BytesIO()
    image.save(out, form, **more)
    found = decode(out.getvalue())
    assert found.mode == "RGB"
    return np.asarray(found)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_of_grey_are_scaled(form):
    deep = Image.fromarray(np.array([[0, 257, 32896, 65535]], np.uint16))
    assert seen(deep, form)[0, :, 1].tolist() == [0, 1, 128, 255]


def test_sixteen_bits_with_white_as_zero_are_turned():
    deep = Image.fromarray(np.array([[0, 65535]], np.uint16))
    assert seen(deep, "TIFF", tiffinfo={262: 0})[0, :, 0].tolist() == [255, 0]


def test_floats_of_grey_are_scaled_and_others_refused():
    assert seen(Image.fromarray(np.array([[0, 0.5, 1]], np.float32)), "TIFF")[0, :, 0].tolist() == [0, 128, 255]
    for values in ([[0, 900.0]], [[float("nan"), 1]]):
        with pytest.raises(Refused, match="floats of grey"):
            seen(Image.fromarray(np.array(values, np.float32)), "TIFF")


@pytest.mark.parametrize("way", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_camera_that_was_turned_shows_the_picture_upright(way, form):
    from PIL import ImageOps

    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:8, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = way
    found = seen(Image.fromarray(pixels), form, exif=exif)
    plain = Image.fromarray(pixels)
    plain.getexif()[0x0112] = way
    wanted = np.asarray(ImageOps.exif_transpose(plain))
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).mean() < 8
    assert way == 1 or not np.array_equal(wanted, pixels)


def test_a_damaged_exif_changes_nothing():
    pixels = Image.fromarray(np.zeros((4, 8, 3), np.uint8))
    assert seen(pixels, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xff" * 40).shape == (4, 8, 3)


def test_what_is_transparent_is_white_and_hides_no_colour():
    hidden = np.zeros((1, 3, 4), np.uint8)
    hidden[0, :, 0] = 200  # red beneath
    hidden[0, :, 3] = (0, 128, 255)
    assert seen(Image.fromarray(hidden))[0].tolist() == [[255, 255, 255], [227, 127, 127], [200, 0, 0]]
    grey = Image.fromarray(np.array([[[9, 0], [9, 255]]], np.uint8))
    assert grey.mode == "LA"
    assert seen(grey)[0, :, 0].tolist() == [255, 9]


def test_a_palette_and_one_bit_are_shown_with_what_is_transparent_in_them():
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    assert seen(palette)[0].tolist() == [[10, 20, 30], [40, 50, 60]]
    assert seen(palette, transparency=0)[0].tolist() == [[255, 255, 255], [40, 50, 60]]
    assert seen(palette, "GIF", transparency=1)[0].tolist() == [[10, 20, 30], [255, 255, 255]]
    bits = Image.fromarray(np.array([[False, True]]))
    assert bits.mode == "1"
    assert seen(bits)[0, :, 0].tolist() == [0, 255]
    assert seen(Image.fromarray(np.array([[7, 8]], np.uint8)), transparency=7)[0, :, 0].tolist() == [255, 8]
