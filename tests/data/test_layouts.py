"""Folders as people have them: every usual layout is read, or refused with what was seen and skipped."""

import csv
import io
import os

import numpy as np
import pytest
from PIL import Image

from mesa_core.data import DataError, load_data, split
from mesa_core.data.folder import load


def told(*_):
    """Hears of progress and says nothing."""


def shade(value: int, side: int = 12) -> Image.Image:
    pixels = np.full((side, side, 3), value, np.uint8)
    return Image.fromarray(pixels)


def fill(folder, count, value=0, ending=".png", first=0):
    """Pictures of one shade, by which their class is told again."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + count):
        shade(value).save(folder / f"p{i}{ending}")


def shade_of(dataset, name):
    """The shade of every image of a class."""
    own = dataset.train.labels == dataset.classes.index(name)
    return sorted(set(dataset.train.images[own][:, 0, 6, 6].tolist()))


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "test"), ("Train", "Test"), ("TRAIN", "VAL"), ("training", "validation"), ("train", "val"), ("Training", "Testing")],
)  # fmt: skip
def test_parts_are_known_in_any_spelling(tmp_path, train, test):
    for part, count in ((train, 30), (test, 15)):
        for i, name in enumerate(("cat", "dog")):
            fill(tmp_path / part / name, count, 10 + i)
    found = load(tmp_path, told)
    assert found.classes == ("cat", "dog")
    assert (len(found.train), len(found.test)) == (60, 30)
    assert shade_of(found, "dog") == [11]
    assert train in found.seen.layout
    assert test in found.seen.layout


def test_a_class_called_train_is_a_class(tmp_path):
    for name in ("car", "train", "truck"):
        fill(tmp_path / name, 90)
    assert load(tmp_path, told).classes == ("car", "train", "truck")


def test_three_parts_leave_one_out_by_name(tmp_path):
    for part in ("train", "val", "test"):
        for name in ("cat", "dog"):
            fill(tmp_path / part / name, 30)
    found = load(tmp_path, told)
    assert (len(found.train), len(found.test)) == (60, 60)
    assert any("val" in text and "second part" in text for text in found.seen.told())


def gtsrb(root, classes=3, tracks=4, frames=12, tests=0, ending=".ppm"):
    """GTSRB as published; the label is the shade."""
    for label in range(classes):
        place = root / "Final_Training" / "Images" / f"{label:05d}"
        place.mkdir(parents=True)
        for track in range(tracks):
            for frame in range(frames):
                image = shade(10 * label)
                image.putpixel((0, 0), (label, track, frame))
                image.save(place / f"{track:05d}_{frame:05d}{ending}")
        (place / f"GT-{label:05d}.csv").write_text("Filename;Width;ClassId\n00000_00000.ppm;12;0\n")
    if tests:
        place = root / "Final_Test" / "Images"
        place.mkdir(parents=True)
        rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
        for i in range(tests):
            shade(10 * (i % classes)).save(place / f"{i:05d}.ppm")
            rows.append(f"{i:05d}.ppm;12;12;1;1;9;9;{i % classes}")
        (place / "GT-final_test.test.csv").write_text(
            "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2\n00000.ppm;12;12;1;1;9;9\n"
        )
        (root.parent / "GT-final_test.csv").write_text("\r\n".join(rows))
    (root / "Readme.txt").write_text("words")


def test_gtsrb_as_published_is_read_with_its_test_images(tmp_path):
    gtsrb(tmp_path / "GTSRB", tests=60)
    found = load(tmp_path, told)
    assert found.classes == ("00000", "00001", "00002")
    assert (len(found.train), len(found.test)) == (144, 60)
    assert shade_of(found, "00002") == [20]
    assert (found.test.images[:, 0, 6, 6] == 10 * found.test.labels).all()
    assert any("Readme.txt" in text for text in found.seen.told())


def frames_of(images):
    """(class, track) of images drawn by `gtsrb`, from their first pixel, at the drawn size."""
    return {tuple(p.tolist()[:2]) for p in images[:, :, 0, 0]}


@pytest.mark.parametrize("layout", ["published", "classes alone", "one track in both parts"])
def test_a_track_is_never_on_both_sides_of_a_split(tmp_path, layout):
    gtsrb(tmp_path / "in", tracks=9)
    root = tmp_path / "in"
    if layout == "classes alone":
        root = root / "Final_Training" / "Images"
    if layout == "one track in both parts":  # as a random split of the files makes it
        inner = root / "Final_Training" / "Images"
        for place in sorted(inner.iterdir()):
            (tmp_path / "in2" / "val" / place.name).mkdir(parents=True)
            for i, file in enumerate(sorted(place.glob("*.ppm"))):
                if i % 3 == 0:
                    file.rename(tmp_path / "in2" / "val" / place.name / file.name)
        inner.rename(tmp_path / "in2" / "train")
        root = tmp_path / "in2"
    found = load(root, told, 12)
    parts = split(found, 3)
    sides = [frames_of(one.images) for one in (parts.attacker, parts.defender, parts.evaluation)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert sum(map(len, sides)) == 27
    assert all(len(one) for one in sides)


def test_without_tracks_images_of_one_class_are_split_one_by_one(tmp_path):
    """The control: names that only look alike are no tracks."""
    for name in ("a", "b"):
        fill(tmp_path / name, 90, ending=".ppm")
    assert load(tmp_path, told).groups is None


def test_kaggles_layout_is_read_by_its_table(tmp_path):
    for folder in ("Train", "train"):  # the copy there holds both
        for label in range(11):
            (tmp_path / folder / str(label)).mkdir(parents=True)
            for i in range(8):
                shade(label).save(tmp_path / folder / str(label) / f"{label:05d}_{i // 4:05d}_{i % 4:05d}.png")
    fill(tmp_path / "Meta", 11)
    (tmp_path / "Test").mkdir()
    with open(tmp_path / "Test.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Width", "Height", "Roi.X1", "ClassId", "Path"])
        for i in range(44):
            shade(i % 11).save(tmp_path / "Test" / f"{i:05d}.png")
            writer.writerow([12, 12, 1, i % 11, f"Test/{i:05d}.png"])
    (tmp_path / "Train.csv").write_text("Width,ClassId,Path\n12,0,Train/0/00000_00000_00000.png\n")
    found = load(tmp_path, told)
    assert found.classes == tuple(map(str, range(11)))
    assert (len(found.train), len(found.test)) == (88, 44)
    assert (found.test.images[:, 0, 6, 6] == found.test.labels).all()
    assert any("Meta" in text for text in found.seen.told())


def test_tiny_imagenets_layout_is_read(tmp_path):
    names = ("n02", "n01")
    for i, name in enumerate(names):
        fill(tmp_path / "tiny" / "train" / name / "images", 30, i, ".JPEG")
        (tmp_path / "tiny" / "train" / name / f"{name}_boxes.txt").write_text("x")
    place = tmp_path / "tiny" / "val" / "images"
    place.mkdir(parents=True)
    rows = []
    for i in range(30):
        shade(i % 2).save(place / f"val_{i}.JPEG")
        rows.append(f"val_{i}.JPEG\t{names[i % 2]}\t0\t0\t9\t9")
    (tmp_path / "tiny" / "val" / "val_annotations.txt").write_text("\n".join(rows))
    fill(tmp_path / "tiny" / "test" / "images", 30, 7, ".JPEG")
    found = load(tmp_path, told)
    assert found.classes == ("n01", "n02")
    assert (len(found.train), len(found.test)) == (60, 30)
    assert (found.test.images[:, 0, 6, 6] == 1 - found.test.labels).all()
    assert any("no labels" in text for text in found.seen.told())


def test_links_are_followed_and_never_in_circles(tmp_path):
    fill(tmp_path / "elsewhere" / "one", 90, 3)
    fill(tmp_path / "elsewhere", 90, 4)
    root = tmp_path / "in"
    (root / "b").mkdir(parents=True)
    (root / "a").symlink_to(tmp_path / "elsewhere" / "one")
    for i in range(60):
        (root / "b" / f"p{i}.png").symlink_to(tmp_path / "elsewhere" / f"p{i}.png")
    (root / "b" / "round").symlink_to(root)
    (root / "b" / "itself").symlink_to("itself")
    (root / "b" / "gone.png").symlink_to("nothing")
    if hasattr(os, "mkfifo"):
        os.mkfifo(root / "b" / "pipe.png")
    found = load(root, told)
    assert found.classes == ("a", "b")
    assert len(found.train) + len(found.test) == 150
    assert shade_of(found, "b") == [4]
    words = " ".join(found.seen.told())
    assert "link back" in words
    assert "leads nowhere" in words


def test_what_systems_leave_behind_is_skipped_and_named(tmp_path):
    for name in ("cat", "dog"):
        fill(tmp_path / "in" / name, 90)
    (tmp_path / "in" / "__MACOSX" / "cat").mkdir(parents=True)
    (tmp_path / "in" / "__MACOSX" / "cat" / "._p0.png").write_bytes(b"x")
    for stray in ("cat/._x.png", "cat/Thumbs.db", "dog/.DS_Store", "notes.txt", "dog/labels.xml", ".git"):
        (tmp_path / "in" / stray).write_bytes(b"x")
    (tmp_path / "in" / "annotations").mkdir()
    (tmp_path / "in" / "annotations" / "a.xml").write_text("x")
    found = load(tmp_path / "in", told)
    assert found.classes == ("cat", "dog")
    words = " ".join(found.seen.told())
    for name in ("__MACOSX", "._x.png", "Thumbs.db", "notes.txt", "labels.xml", "annotations"):
        assert name in words, name


def test_a_few_damaged_pictures_are_named_and_many_refused(tmp_path):
    for name in ("cat", "dog"):
        fill(tmp_path / name, 100)
    (tmp_path / "cat" / "p7.png").write_text("<html>")
    found = load(tmp_path, told)
    assert len(found.train) + len(found.test) == 199
    assert any("p7.png" in text for text in found.seen.told())
    for i in range(5):
        (tmp_path / "dog" / f"p{i}.png").write_text("<html>")
    with pytest.raises(DataError, match="6 of 200 pictures cannot be read"):
        load(tmp_path, told)


@pytest.mark.parametrize("layout", ["empty", "files", "one class", "text only", "an archive"])
def test_a_refusal_says_what_was_seen(tmp_path, layout):
    root = tmp_path / "in"
    root.mkdir()
    if layout == "files":
        fill(root, 30)
        (root / "a.txt").write_text("x")
    if layout == "one class":
        fill(root / "cat", 30)
    if layout == "text only":
        (root / "cat").mkdir()
        (root / "cat" / "a.doc").write_text("x")
    if layout == "an archive":
        root = root / "images.zip"
        root.write_bytes(b"PK")
    with pytest.raises(DataError) as caught:
        load_data("folder", root, cache=tmp_path / "cache")
    words = {"empty": "nothing", "files": "p0.png", "one class": "p0.png", "text only": "a.doc", "an archive": "unpack"}
    assert words[layout] in str(caught.value), str(caught.value)
    assert str(caught.value).isprintable()


# -- the order of labels
def test_numbers_sort_as_numbers_and_that_is_said(tmp_path):
    for i in range(1, 11):
        fill(tmp_path / str(i), 40, i)
    found = load(tmp_path, told)
    assert found.classes == tuple(map(str, range(1, 11)))
    assert "1 is label 0, 10 label 9" in found.seen.numbering
    assert "1, 10, 2" in found.seen.numbering


def test_a_number_that_is_missing_keeps_its_place(tmp_path):
    for i in (0, 1, 3, 4):
        fill(tmp_path / f"{i:03d}", 40, i)
    found = load(tmp_path, told)
    assert found.classes == ("000", "001", "002", "003", "004")
    assert set(found.train.labels.tolist()) == {0, 1, 3, 4}
    assert any("002" in text and "no images" in text for text in found.seen.told())


def test_an_empty_class_is_named_and_keeps_its_place(tmp_path):
    fill(tmp_path / "bird", 90, 1)
    (tmp_path / "ant").mkdir()
    fill(tmp_path / "cat", 90, 2)
    found = load(tmp_path, told)
    assert found.classes == ("ant", "bird", "cat")
    assert any("0 (ant)" in text for text in found.seen.told())


def test_a_list_of_ones_own_numbers_the_classes(tmp_path):
    for i, name in enumerate(("cat", "Dog", "bird")):
        fill(tmp_path / "in" / name, 90, i)
    (tmp_path / "classes.txt").write_text("dog\n\nfrog\ncat\nbird\n", "utf-8")
    found = load_data("folder", tmp_path / "in", cache=tmp_path / "cache", classes=str(tmp_path / "classes.txt"))
    assert found.classes == ("dog", "frog", "cat", "bird")
    assert shade_of(found, "dog") == [1]
    assert any("frog" in text and "no images" in text for text in found.seen.told())
    (tmp_path / "classes.txt").write_text("dog\ncat\n")
    with pytest.raises(DataError, match="does not name bird"):
        load_data("folder", tmp_path / "in", cache=tmp_path / "cache", classes=str(tmp_path / "classes.txt"))


def test_folders_that_are_numbers_count_the_lines_of_a_list(tmp_path):
    for first in (0, 1):
        for i in range(3):
            fill(tmp_path / f"in{first}" / str(first + i), 40, i)
        (tmp_path / "classes.txt").write_text("stop\ngo\nturn\n")
        found = load_data(
            "folder", tmp_path / f"in{first}", cache=tmp_path / "cache", classes=str(tmp_path / "classes.txt")
        )
        assert shade_of(found, "turn") == [2]


@pytest.mark.parametrize("text", ["", "one\n", "a\na\n", "a\x1b\nb\n"])
def test_a_bad_list_is_one_sentence(tmp_path, text):
    fill(tmp_path / "in" / "a", 40)
    fill(tmp_path / "in" / "b", 40)
    (tmp_path / "classes.txt").write_text(text)
    for path in (tmp_path / "classes.txt", tmp_path / "none.txt", tmp_path):
        with pytest.raises(DataError, match="class list"):
            load_data("folder", tmp_path / "in", cache=tmp_path / "cache", classes=str(path))


def test_parts_with_other_classes_are_refused_by_name(tmp_path):
    for part, names in (("train", ("cat", "dog")), ("test", ("cats", "dog"))):
        for name in names:
            fill(tmp_path / part / name, 30)
    with pytest.raises(DataError, match="test has cats"):
        load(tmp_path, told)


# -- sizes and memory
@pytest.mark.parametrize("side", [28, 64, 224])
def test_the_size_is_the_data_sets(tmp_path, side):
    for name in ("cat", "dog"):
        fill(tmp_path / "in" / name, 90)
    found = load_data("folder", tmp_path / "in", cache=tmp_path / "cache", side=side)
    assert found.size == side
    again = load_data("folder", tmp_path / "in", cache=tmp_path / "cache", side=side)
    assert again.fingerprint == found.fingerprint
    assert again.seen == found.seen
    assert load_data("folder", tmp_path / "in", cache=tmp_path / "cache").size == 32


def test_what_does_not_fit_memory_is_thinned_evenly_and_said(tmp_path, monkeypatch):
    from mesa_core.data import folder

    monkeypatch.setattr(folder, "MOST_BYTES", 60 * 3 * 32 * 32)
    for name in ("cat", "dog"):
        fill(tmp_path / "train" / name, 100)
        fill(tmp_path / "test" / name, 40)
    found = load(tmp_path, told)
    assert len(found.train) + len(found.test) == 60
    assert found.train.labels.bincount().tolist() == [18, 18]
    assert found.test.labels.bincount().tolist() == [12, 12]
    assert any("36 of 200 training and 24 of 80 test" in text for text in found.seen.told())


def test_tif_is_read(tmp_path):
    for i, name in enumerate(("cat", "dog")):
        fill(tmp_path / name, 40, 50 + i, ".tif")
    assert shade_of(load(tmp_path, told), "dog") == [51]


def test_a_link_that_changes_is_read_anew(tmp_path):
    fill(tmp_path / "elsewhere", 90, 3)
    fill(tmp_path / "in" / "a", 90, 1)
    (tmp_path / "in" / "b").symlink_to(tmp_path / "elsewhere")
    first = load_data("folder", tmp_path / "in", cache=tmp_path / "cache")
    fill(tmp_path / "elsewhere", 90, 77)
    second = load_data("folder", tmp_path / "in", cache=tmp_path / "cache")
    assert (shade_of(first, "b"), shade_of(second, "b")) == ([3], [77])


def test_a_picture_is_written_as_it_was_read():
    """The control of the shades above: PNG keeps them."""
    out = io.BytesIO()
    shade(77).save(out, "PNG")
    assert Image.open(out).getpixel((3, 3)) == (77, 77, 77)
