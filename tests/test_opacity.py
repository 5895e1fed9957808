"""Triggers with an opacity for each cell as plain numbers: their form, how they look, what they do, as text."""

import numpy as np
import pytest

from mesa_core import opacity, triggers
from mesa_core.measures import modes


def some(count=5, side=3, seed=0):
    return np.random.default_rng(seed).random((count, 4, side, side)).astype(np.float32)


def test_no_width_has_two_forms():
    widths = [cell * side * side for cell in (3, 4) for side in range(1, 200)]
    assert len(set(widths)) == len(widths)
    for cell in (3, 4):
        for side in triggers.SIZES:
            assert triggers.form_of(cell * side * side) == (cell, side)
            assert triggers.unflatten(np.zeros((2, cell * side * side))).shape == (2, cell, side, side)
    for odd in (0, 5, 26, 28, 35, 37, 100 * 100):
        with pytest.raises(ValueError, match="numbers, not"):
            triggers.form_of(odd)


def test_a_trigger_is_seen_as_it_would_look_on_one_grey():
    clear = some()
    for beneath in (0.0, 0.5, 1.0):
        share = clear[:, 3:]
        assert opacity.seen(clear, beneath) == pytest.approx(share * clear[:, :3] + (1 - share) * beneath, abs=1e-6)
    flat = clear.reshape(5, -1)
    assert opacity.seen_flat(flat) == pytest.approx(opacity.seen(clear).reshape(5, -1))
    stored = np.rint(flat * 255).astype(np.uint8)
    assert np.abs(opacity.seen_bytes(stored) / 255 - opacity.seen_flat(flat)).max() < 1.5 / 255


def test_opaque_triggers_stay_what_they_are_to_the_last_bit():
    plain = some()[:, :3]
    flat = plain.reshape(5, -1)
    assert opacity.seen(plain) is plain
    assert opacity.seen_flat(flat) is flat
    assert opacity.effect(flat) is flat
    stored = np.rint(flat * 255).astype(np.uint8)
    assert opacity.seen_bytes(stored) is stored
    drawn = opacity.on_chequer(plain[0], 4)
    assert (drawn[::4, ::4] == np.rint(plain[0] * 255).transpose(1, 2, 0)).all()


def test_equal_effects_are_equal_on_every_image_and_a_cell_that_is_not_there_has_no_colour():
    one, two = some(2)
    one[3, 0, 0] = two[3, 0, 0] = 0
    two[:, :, 1:], two[:, 1:] = one[:, :, 1:], one[:, 1:]
    assert (one[:3, 0, 0] != two[:3, 0, 0]).any()
    assert opacity.effect(one.reshape(1, -1)) == pytest.approx(opacity.effect(two.reshape(1, -1)))
    for beneath in np.linspace(0, 1, 5):
        assert opacity.seen(one, beneath) == pytest.approx(opacity.seen(two, beneath))
    two[3, 0, 0] = 0.5
    assert not np.allclose(opacity.effect(one.reshape(1, -1)), opacity.effect(two.reshape(1, -1)))


def test_as_text_a_trigger_comes_back_and_hex_colours_alone_are_refused():
    for side in (1, 3, 4):
        for clear in some(3, side):
            colours, share = opacity.said(clear)
            again = opacity.heard(colours, share)
            assert again.shape == clear.shape
            assert np.abs(again[:3] - clear[:3]).max() <= 0.5 / 255 + 1e-6
            assert np.abs(again[3] - clear[3]).max() <= 1e-4
            with pytest.raises(ValueError, match="nothing of opacities"):
                triggers.to_hex(clear)
            assert triggers.code_of(clear) is None
            assert triggers.describe(clear).endswith("with opacities")
    assert opacity.said(triggers.from_code(495))[1] is None
    for wrong in ([0.5] * 8, [1.5] * 9, [float("nan")] * 9):
        with pytest.raises(ValueError, match=r"opacit"):
            opacity.heard(triggers.code_to_hex(495), wrong)


def test_a_code_is_that_of_the_colours():
    clear = np.concatenate([triggers.all_codes(), np.full((512, 1, 3, 3), 0.02, np.float32)], 1)
    assert (triggers.round_to_codes(clear) == np.arange(512)).all()


def test_a_chequer_shows_through_as_far_as_a_cell_lets_it():
    white = np.ones((4, 1, 1), np.float32)
    seen = {}
    for share in (0.0, 0.5, 1.0):
        white[3] = share
        seen[share] = opacity.on_chequer(white, 4)[..., 0]
    assert set(np.unique(seen[1.0])) == {255}
    assert len(np.unique(seen[0.0])) == len(np.unique(seen[0.5])) == 2
    assert np.ptp(seen[0.5].astype(int)) == pytest.approx(np.ptp(seen[0.0].astype(int)) / 2, abs=1)


def test_modes_are_told_apart_by_what_they_do():
    draw = np.random.default_rng(0)
    near = draw.random((400, 4, 3, 3)) * 0.05
    near[:200, 3], near[200:, 3] = 0.95, 0.9
    near[200:, :3] = 0.95
    gone = draw.random((400, 4, 3, 3))
    gone[:, 3] = 0.0
    labels = modes.find_modes(near.reshape(400, -1))
    assert labels.max() == 1
    assert len(set(labels[:200])) == len(set(labels[200:])) == 1
    assert set(modes.find_modes(gone.reshape(400, -1))) == {0}, (
        "cells that are not there do nothing, whatever their colour"
    )
    gone[:, 3] = draw.uniform(0.5, 1, (400, 3, 3))
    assert set(modes.find_modes(gone.reshape(400, -1))) == {-1}, "the negative control: the same colours, seen"
    (first, second) = modes.summarise(near.reshape(400, -1), np.ones(400), labels)
    assert {round(float(one.pixels[:3].mean())) for one in (first, second)} == {0, 1}
    assert first.pixels.shape == (4, 3, 3)
    assert type(first).from_json(first.to_json()).pixels == pytest.approx(first.pixels)
