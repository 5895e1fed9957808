"""Triggers that are pictures: drawn by code, and read from a file that anybody may have made."""

import argparse

import numpy as np
import pytest
from PIL import Image

from mesa_core import drawings, triggers
from mesa_core.cli import flags
from mesa_core.cli.repeat import command_of
from mesa_core.config import ConfigError, make_config
from mesa_core.data import trigger_files


def saved(place, pixels):
    Image.fromarray(pixels).save(place / "own.png")
    return place / "own.png"


def roughness(trigger):
    """Mean squared difference of cells side by side against that of any two."""
    beside = np.mean((trigger[:, :, 1:] - trigger[:, :, :-1]) ** 2)
    return beside / (2 * trigger.var())


@pytest.mark.parametrize("name", drawings.SCENES)
def test_each_is_a_picture_that_goes_through_hex_colours_and_keeps_its_name(name):
    made = drawings.named(name)
    assert made.shape == (3, 16, 16)
    assert made.min() >= 0
    assert made.max() <= 1
    back = triggers.from_hex(triggers.to_hex(made))
    assert drawings.name_of(back) == name
    assert roughness(made) < 0.5, "it is a picture"
    noise = np.random.default_rng(0).random((3, 16, 16))
    assert roughness(noise) > 0.8, "the negative control: noise is none"
    assert drawings.name_of(noise) == drawings.name_of(made[:, :8, :8]) == ""


def test_a_name_that_there_is_not_is_refused_in_a_sentence():
    with pytest.raises(ConfigError, match="There is no picture 'dog'; choose one of picture:face"):
        make_config(trigger="picture:dog")


def test_a_configuration_holds_the_colours_and_its_command_the_name():
    config = make_config(data="signs", trigger="picture:heart")
    assert config.size == 16
    assert config.trigger == triggers.to_hex(drawings.named("heart"))
    assert config.code is None
    assert "--trigger picture:heart" in command_of(config)
    assert len(command_of(make_config(data="signs", trigger="#123456 " * 256)).split()) > 256


@pytest.mark.parametrize("side", [1, 3, 8, 16])
def test_a_picture_of_a_triggers_size_is_taken_as_it_is(tmp_path, side):
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3)).astype(np.uint8)
    made = trigger_files.read(saved(tmp_path, pixels))
    assert (np.rint(made * 255) == pixels.transpose(2, 0, 1)).all()


def test_a_larger_square_is_scaled_by_means_and_reaches_the_configuration(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    file = saved(tmp_path, pixels)
    wanted = pixels.reshape(16, 3, 16, 3, 3).mean((1, 3)).transpose(2, 0, 1)
    said = flags.given(argparse.Namespace(trigger=[str(file)]))
    assert np.abs(triggers.from_hex(said["trigger"]) * 255 - wanted).max() <= 1, "rows, then columns, each rounded"
    assert make_config(said).size == 16


@pytest.mark.parametrize("shape", [(16, 20), (9, 9), (15, 15), (2, 1)])
def test_other_forms_are_refused_in_a_sentence(tmp_path, shape):
    with pytest.raises(ValueError, match="give a square one of 1 to 8 pixels on a side, or of 16 or more"):
        trigger_files.read(saved(tmp_path, np.zeros((*shape, 3), np.uint8)))


@pytest.mark.parametrize("content", [None, b"", b"no picture at all", b"\x89PNG\r\n\x1a\n damaged"])
def test_a_file_that_is_no_picture_is_refused_in_a_sentence(tmp_path, content):
    file = tmp_path / "own.png"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^The trigger's picture own\.png in .* (is|cannot|has) .*\.$"):
        flags.given(argparse.Namespace(trigger=[str(file)]))


def test_colours_on_the_command_line_are_no_file():
    words = ["#ff0000"] * 9
    assert flags.given(argparse.Namespace(trigger=words))["trigger"] == " ".join(words)
