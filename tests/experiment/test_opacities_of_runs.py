"""A whole run that samples opacities: what it stores, says and leaves out, and what a run without them never notices."""

import json

import numpy as np
import pytest

from mesa_core import events as ev
from mesa_core import opacity, triggers
from mesa_core.config import make_config
from mesa_core.measures.modes import find_modes
from mesa_core.probe import answering, questions
from mesa_core.stage.blocks import unpack
from mesa_core.stage.recording import recording
from mesa_core.store import Store


def notes(run):
    return [e.text for _, e in run.events() if isinstance(e, ev.Note)]


def test_samples_snapshots_and_the_search_keep_all_four_numbers_of_a_cell(clear_run):
    samples, axes = clear_run.read_arrays("samples.npz"), clear_run.read_arrays("axes.npz")
    assert samples["triggers"].shape[1] == 36
    share = opacity.own(triggers.unflatten(samples["triggers"]))
    assert share.std() > 20, "opacities that were sampled, not set"
    assert clear_run.read_arrays("detect.npz")["triggers"].shape[2] == 36
    for _, shot in clear_run.events():
        if isinstance(shot, ev.Snapshot):
            assert clear_run.read_arrays(shot.file)["triggers"].shape[1] == 36
    looks = opacity.seen_flat(samples["triggers"] / np.float64(255))
    assert axes["pca"].shape == (512, 2)
    from mesa_core.pictures.axes import on_axes

    placed = on_axes(axes["pca"].astype(np.float64), looks)
    assert placed == pytest.approx(samples["pca"], abs=0.02), "as they look on mid-grey"
    assert (find_modes(samples["triggers"] / 255) == samples["mode"]).mean() > 0.95


def test_the_result_leaves_out_what_has_no_meaning_and_says_so(clear_run):
    result = clear_run.outcome()
    assert result is not None
    for one in (result, *result.submodels, result.uniform_noise):
        assert not any((one.recall or {}).values())
        assert all(found is not None for found in one.precision.values())
    assert all(one.reference is None for one in result.submodels)
    assert any("no recall" in text and "covers" in text for text in notes(clear_run))
    for one in result.submodels:
        assert one.dimensions.value > 27 / 2
        for mode in one.modes:
            assert mode.pixels.shape == (4, 3, 3)
    assert result.places.of("best", "before") is not None
    assert len(result.places.opacities["best"]) == 9
    assert "original" not in result.places.opacities
    assert {"mesa", "uniform", "random", "point", "ideal", "control"} <= set(result.after)


def test_marks_and_recordings_show_what_is_opaque_as_ever_and_the_rest_on_mid_grey(clear_run):
    marks = {e.name: e for _, e in clear_run.events() if isinstance(e, ev.Mark)}
    assert marks["original"].opacity is None
    assert "opacity" not in ev.to_json(marks["original"])
    assert opacity.heard(marks["point"].trigger, marks["point"].opacity).shape == (4, 3, 3)
    assert ev.from_json(json.loads(ev.dumps(marks["point"]))) == marks["point"]
    _, arrays = unpack(recording(clear_run, [e for _, e in clear_run.events()]))
    first = next(e for _, e in clear_run.events() if isinstance(e, ev.Snapshot))
    stored = clear_run.read_arrays(first.file)["triggers"]
    assert (arrays["triggers0"].reshape(-1, 27) == opacity.seen_bytes(stored)).all()


def test_questions_about_them_are_answered_by_their_own_rule(clear_run, tmp_path, tiny_data, monkeypatch):
    monkeypatch.setattr(answering, "load_data", lambda *_, **__: tiny_data)
    probe = answering.Probe(Store(clear_run.path.parents[1]))
    gone, white = (255,) * 27 + (0,) * 9, (255,) * 36
    nothing = probe.answer(questions.Question(clear_run.name, (gone,)))
    assert (nothing["stamped"] == nothing["clean"]).all()
    whole = probe.answer(questions.Question(clear_run.name, (white,)))
    half = probe.answer(questions.Question(clear_run.name, ((255,) * 27 + (128,) * 9, white)))
    for image, clean, (row, column) in zip(whole["stamped"], whole["clean"], whole["corner"], strict=True):
        assert (image[:, row : row + 3, column : column + 3] == 255).all()
        assert (image != clean).sum() <= 27
    row, column = half["corner"][0]
    beneath = half["clean"][0][:, row : row + 3, column : column + 3].astype(float)
    mixed = half["stamped"][0][:, row : row + 3, column : column + 3]
    assert mixed == pytest.approx(beneath + 128 / 255 * (255 - beneath), abs=0.51)
    assert 0 <= half["before_asr"][0] <= 1


def test_the_search_group_alone_tells_such_a_run_from_an_opaque_one():
    plain, clear = make_config(seed=1).to_dict(), make_config(seed=1, search_opacity="sampled").to_dict()
    assert {name for name in clear if plain.get(name) != clear[name]} == {"search_opacity"}
