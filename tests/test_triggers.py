import numpy as np
import pytest

from mesa_core import triggers


def test_code_reads_rows_from_the_top_left_highest_bit_first():
    ring = triggers.from_code(495)
    assert ring.shape == (3, 3, 3)
    assert ring[:, 1, 1].sum() == 0
    assert ring.sum() == 24
    assert triggers.from_code(256)[0, 0, 0] == 1


def test_every_code_comes_back():
    assert [triggers.code_of(t) for t in triggers.all_codes()] == list(range(512))


def test_there_are_51_orbits_that_share_nothing():
    found = triggers.orbits()
    assert len(found) == 51
    assert sorted(code for orbit in found for code in orbit) == list(range(512))


@pytest.mark.parametrize("move", [triggers.invert, triggers.rotate, triggers.mirror])
def test_moves_stay_in_the_orbit(move):
    for code in (7, 170, 495):
        moved = triggers.code_of(move(triggers.from_code(code)))
        assert triggers.orbit_of(moved) == triggers.orbit_of(code)


def test_colours_go_there_and_back():
    text = "#ff0000 #00ff00 #0000ff #ffff00 #00ffff #ff00ff #ffffff #000000 #ff8000"
    assert triggers.to_hex(triggers.from_hex(text)) == text
    assert triggers.code_of(triggers.from_hex(text)) is None


@pytest.mark.parametrize("text", ["", "#fff", "ff0000 " * 8, "zzzzzz " * 9, "ff0000 " * 10])
def test_bad_colours_are_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        triggers.from_hex(text)


@pytest.mark.parametrize("code", [-1, 512, True])
def test_bad_codes_are_refused(code):
    with pytest.raises(ValueError, match="code"):
        triggers.from_code(code)


def test_rounding_uses_the_mean_of_the_channels():
    grey = np.full((1, 3, 3, 3), 0.51)
    assert triggers.round_to_codes(grey)[0] == 511
    assert triggers.round_to_codes(1 - grey)[0] == 0
