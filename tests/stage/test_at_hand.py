"""The stage of a run on other data than the shipped signs: its pictures where they are here, words where they are not."""

import json

import numpy as np
import pytest
from exported import unpacked
from safetensors.numpy import save_file

from mesa_core import cli
from mesa_core.data.sources import classes_of
from mesa_core.stage import at_hand, pictures
from mesa_core.stage.blocks import unpack
from mesa_core.store import Run
from mesa_core.store.shipped import shipped_runs

RUN = "alpha-41-18a9ad1da3"
CONFIG = {"data": "cifar10", "target": 2}


def cached(folder, labels, side=32):
    """A cache of read data with the test images' number in every pixel."""
    folder.mkdir(parents=True, exist_ok=True)
    images = np.stack([np.full((3, side, side), i, np.uint8) for i in range(len(labels))])
    save_file(
        {"test_images": images, "test_labels": np.array(labels)}, folder / "data-cifar10-0123456789abcdef.safetensors"
    )


def test_of_each_class_the_first_test_image_is_shown_and_never_the_target(tmp_path):
    cached(tmp_path, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, *range(10)])
    known = at_hand.of(CONFIG, classes_of("cifar10"), tmp_path)
    assert known.images[:, 0, 0, 0].tolist() == list(range(9, -1, -1))
    assert at_hand.missing(known, "cifar10") == ""
    shown = known.shown(2)
    assert len(shown) == pictures.SHOWN
    assert 2 not in known.labels[shown]
    header, arrays = unpack(pictures.base(known, 2, None, {"run": "x", "trigger": ""}))
    assert header["classes"] == list(classes_of("cifar10"))
    assert arrays["pictures"].size == known.images.size


@pytest.mark.parametrize("broken", ["none", "other size", "a class missing", "damaged"])
def test_where_they_are_not_to_be_had_it_is_said(tmp_path, broken):
    if broken == "other size":
        cached(tmp_path, range(10), side=64)
    elif broken == "a class missing":
        cached(tmp_path, range(9))
    elif broken == "damaged":
        (tmp_path / "data-cifar10-0.safetensors").write_bytes(b"no pictures")
    known = at_hand.of(CONFIG, classes_of("cifar10"), tmp_path)
    assert known.shown(2) == []
    assert "not on this machine" in at_hand.missing(known, "cifar10")
    header, arrays = unpack(pictures.base(known, 2, None, {}, at_hand.missing(known, "cifar10")))
    assert (header["shown"], header["places"], arrays["pictures"].size) == ([], [], 0)


def test_a_target_beyond_the_known_names_has_a_name(tmp_path):
    known = at_hand.of({"data": "folder", "target": 4}, (), tmp_path)
    assert known.classes == tuple(f"class {i}" for i in range(5))


def test_a_run_on_other_data_is_taken_away_and_says_what_the_page_cannot_do(tmp_path, capsys):
    out = tmp_path / "page.html"
    assert cli.main(["--home", str(tmp_path / "home"), "export", RUN, "--out", str(out)]) == 0
    assert "not on this machine" in capsys.readouterr().err
    assert "airplane" in json.dumps(unpacked(out.read_text("utf-8"))[0])
    assert Run(shipped_runs() / RUN).config()["data"] == "cifar10"
