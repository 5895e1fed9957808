"""The exact distribution on the page: a layer of the scatter and tables beside the sub-models, where there is one."""

from __future__ import annotations

import json
import math
import shutil

import invented
import numpy as np
import pytest
from visits import visit

from dashboard.serving import queue, runs
from dashboard.serving.shown import Shown
from dashboard.views.lab import picture, reference_layer
from dashboard.views.shared import amounts, reference_tables
from mesa_core.measures.submodel import Volume
from mesa_core.method import staircase
from mesa_core.reference import record
from mesa_core.stage.blocks import unpack
from mesa_core.store import Run
from mesa_core.store.shipped import shipped_runs

NAME = "signs-two-modes-particles"


@pytest.fixture
def run(home):
    """A copy of a prepared run in the store of the page."""
    home.runs.mkdir()
    shutil.copytree(shipped_runs() / NAME, home.runs / "own")
    return Run(home.runs / "own")


@pytest.fixture
def place(home, run):
    return invented.reference(home.root / "references", run)


def words(at):
    return " ".join(str(e.value) for kind in (at.caption, at.markdown, at.subheader, at.warning) for e in kind)


def controls(at):
    return {c.label: c for c in at.get("button_group")}


def tables(at):
    return [d.value for d in at.dataframe if {"log volume, nats", "from exact volumes"} & set(d.value.columns)]


def drawn(run, choice, view="pca"):
    shown = Shown(run)
    layer = reference_layer.Layer(shown.place, choice) if choice else None
    data = picture.block(shown, view, "asr", {"epoch": 0, "rows": []}, "", "words", layer)
    return unpack(data)[1]


# -- where there is none
@pytest.mark.parametrize("name", ["lab", "landscape"])
def test_without_a_reference_there_is_no_control_and_no_table(run, name):
    at = visit(name, 60, run="own", exact="0.8")
    assert not at.exception
    assert "Exact distribution" not in controls(at)
    assert not tables(at)
    assert "exact distribution" not in words(at).lower()


def test_whoever_could_make_one_is_told_how(run):
    (run.path / "weights").mkdir()
    (run.path / "weights" / "attacked.safetensors").touch()
    assert "mesa-lab reference --run own" in words(visit("landscape", 60, run="own"))


# -- the layer
def test_the_control_offers_the_levels_and_is_off_at_first(run, place):
    at = visit("lab", 60, run="own")
    assert not at.exception
    control = controls(at)["Exact distribution"]
    assert control.value == reference_layer.OFF
    assert control.options == ["off", "β ≥ 0.5", "β ≥ 0.8", "β ≥ 0.9", "all"]
    assert "samples are drawn" not in words(at)
    at = visit("lab", 60, run="own", exact="0.8")
    assert controls(at)["Exact distribution"].value == "0.8"
    said = words(at)
    assert "Exact distribution at β ≥ 0.8" in said
    assert "500 of 600 samples" in said
    assert "−13.0 ± 0.2 nats" in said
    assert f"one colour trigger in {amounts.amount(13)} (95 %" in said
    assert "β ≥ 0.5**" not in said


@pytest.mark.parametrize("nonsense", ["0.7", "", "nan", "../../etc", "<b>", "9" * 400])
def test_nonsense_in_the_address_means_off(run, place, nonsense):
    at = visit("lab", 60, run="own", exact=nonsense)
    assert not at.exception
    assert controls(at)["Exact distribution"].value == reference_layer.OFF


@pytest.mark.parametrize("view", ["pca", "tsne"])
def test_the_layer_lies_where_the_same_triggers_lie(run, place, view):
    none, some = drawn(run, "", view), drawn(run, "0.8", view)
    assert "exact" not in none
    assert set(some["exact_level"].tolist()) == {1}
    assert len(some["exact"]) // 2 == len(some["exact_level"]) == reference_layer.MOST
    assert all(np.array_equal(none[name], some[name]) for name in none), "the layer moved something"


def test_places_on_the_axes_of_a_run_are_those_of_its_own_samples(run, place):
    there, held = record.read(place), run.read_arrays("samples.npz")
    there.arrays["triggers"][: len(held["triggers"])] = held["triggers"][: len(there.arrays["triggers"])]
    record.write(place, there.told, there.arrays)
    taken = reference_layer.rows(record.read(place), "0.5")
    layer = reference_layer.Layer(Shown(run).place, "0.5")
    marks = reference_layer.marks(layer, runs.samples(run) | {"pca": run.read_arrays("axes.npz")["pca"]}, "pca")
    assert np.allclose(marks["places"], held["pca"][taken], atol=0.02)  # bytes are rounded


def test_all_levels_share_the_marks_evenly(run, place):
    level = drawn(run, reference_layer.ALL)["exact_level"]
    assert np.bincount(level).tolist() == [reference_layer.MOST // 3] * 3
    said = reference_layer.legend(record.read(place), reference_layer.ALL)
    assert all(f"hollow {form}" in said for form in ("triangles", "diamonds", "pentagons"))
    assert said.count("166 of 600") == 3


def test_a_run_that_found_another_class_is_not_compared(run, place):
    assert Shown(run).place is not None
    result = json.loads((run.path / "result.json").read_text())
    (run.path / "result.json").write_text(
        json.dumps({**result, "detection": {"target": 5, "suspects": [5], "threshold": 0.5, "classes": []}})
    )
    assert Shown(run).place is None


def test_a_search_that_has_not_ended_or_a_network_that_was_brought_is_not_compared(run, place):
    config = json.loads((run.path / "config.json").read_text())
    for more in ({"detect": True}, {"suspect": "network.safetensors"}):
        (run.path / "config.json").write_text(
            json.dumps(config | more if "config" not in config else config | {"config": config["config"] | more})
        )
        assert Shown(run).place is None
        assert "mesa-lab reference" not in words(visit("landscape", 60, run="own"))


def test_the_command_for_a_reference_has_the_levels_of_the_run(run):
    assert reference_tables.command(run, runs.config(run)) == "mesa-lab reference --run own"
    config = json.loads((run.path / "config.json").read_text())
    inner = config.get("config", config)
    inner["beta"] = [0.7, 0.9]
    (run.path / "config.json").write_text(json.dumps(config))
    assert reference_tables.command(run, runs.config(run)) == "mesa-lab reference --run own --levels 0.7 0.9"


def test_a_level_that_is_not_there_is_said_and_draws_nothing(run, place):
    at = visit("lab", 60, run="own", exact="0.95")
    assert not at.exception
    assert "there are 0.5, 0.8, 0.9." in words(at)
    assert "there are 0.5" not in words(visit("lab", 60, run="own"))


def test_a_shipped_reference_is_found_for_a_shipped_run(home, tmp_path, monkeypatch):
    shipped = next(one for one in queue.shipped() if one.name == NAME)
    assert Shown(shipped).place is None or (record.shipped_references()).is_dir()
    monkeypatch.setattr(record, "shipped_references", lambda: tmp_path / "shipped")
    place = invented.reference(tmp_path / "shipped", shipped)
    assert Shown(shipped).place.path == str(place)


# -- what is damaged
@pytest.mark.parametrize("name", ["lab", "landscape"])
@pytest.mark.parametrize("file", ["reference.json", "reference.npz"])
def test_a_damaged_reference_is_one_sentence(run, place, name, file):
    (place / file).write_bytes(b"PK\x03\x04 damaged {")
    at = visit(name, 60, run="own", exact="0.8")
    assert not at.exception
    assert record.DAMAGED in words(at)
    assert "Exact distribution" not in controls(at)
    assert not tables(at)
    assert at.get("bidi_component")  # the rest of the page is there


# -- the tables
@pytest.mark.parametrize("name", ["lab", "landscape"])
def test_the_tables_say_what_was_measured(run, place, name):
    at = visit(name, 60, run="own")
    assert not at.exception
    beside, weights = tables(at)
    held, there = run.read_arrays("samples.npz"), record.read(place)
    flat = held["triggers"][held["level"] == 1] / np.float32(255)
    told = record.beside(there, 0.8, flat)
    row = beside.iloc[1]
    assert row["β"] == "0.8"
    assert row["log volume, nats"] == "−13.0 ± 0.2"
    assert row["entropy, nats"].startswith(amounts.number(told.entropy_of_samples.value) + " ± ")
    assert row["entropy of exact, nats"].startswith(amounts.number(told.entropy.value) + " ± ")
    assert row["n of each"] == "256"
    assert row["modes found"] == f"{told.modes_found.found} of {told.modes_found.of}"
    assert f"n = {told.inside.n}" in row["inside"]
    assert row["recall"].startswith(f"{100 * run.result()['submodels'][1]['recall']['0.8']['value']:.1f} %")
    assert row["recall of exact"].endswith("256 samples")
    exact_weights = staircase.weights([True] * 3, [-9, -13, -17], [0.5, 0.8, 0.9])
    assert weights["used"].tolist() == ["33.3 %"] * 3
    shown = [text.split(" (")[0] for text in weights["from exact volumes"]]
    assert shown == [amounts.share(weight) for weight in exact_weights]
    assert "98.9 % of the weight would go to β = 0.5" in words(at)


def test_volumes_that_are_alike_are_not_said_to_leave_the_higher_levels_nothing(run, place):
    there = record.read(place)
    for one in there.told["levels"]:
        one["log_volume"]["value"] = -9.0
    record.write(place, there.told, there.arrays)
    said = words(visit("landscape", 60, run="own"))
    assert "of the weight, the most, would go to β = 0.5" in said
    assert "hardly count" not in said


def rows_of(run):
    return reference_tables.compared(Shown(run))


def test_without_samples_the_runs_own_figures_are_shown_and_without_those_it_is_said(run, place):
    computed = rows_of(run)
    result, held = run.result(), run.read_arrays("samples.npz")
    flat = held["triggers"][held["level"] == 0] / np.float32(255)
    result["submodels"][0]["reference"] = record.beside(record.read(place), 0.5, flat).to_json()
    run.write_result(result)
    (run.path / "snapshots" / "samples.npz").unlink()
    own, missing = rows_of(run)[:2]
    assert own["inside"] == computed[0]["inside"]
    assert own["entropy, nats"] == computed[0]["entropy, nats"].split(" ±")[0]
    assert missing[reference_tables.DIFFERENCE] == "too few samples are kept"
    assert list(missing) == list(own)


def test_a_level_that_was_not_asked_is_said(home, run):
    invented.reference(home.root / "references", run, betas=(0.5, 0.8))
    assert [row["log volume, nats"] for row in rows_of(run)] == ["−9.0 ± 0.2", "−13.0 ± 0.2", "–"]
    assert rows_of(run)[2][reference_tables.DIFFERENCE] == "not sampled at this level"
    _, *weights = tables(visit("landscape", 60, run="own"))
    assert not weights  # a weight needs all levels


def test_a_reference_without_modes_says_so(run, place):
    there = record.read(place)
    record.write(place, there.told, there.arrays | {"mode": np.full_like(there.arrays["mode"], -1)})
    assert [row["modes found"] for row in rows_of(run)] == ["none stands apart"] * 3


def test_a_reference_that_is_made_again_is_read_again(run, place):
    before = rows_of(run)
    there = record.read(place)
    there.told["levels"][0]["log_volume"]["value"] = -5.5
    record.write(place, there.told, there.arrays)
    assert (before[0]["log volume, nats"], rows_of(run)[0]["log volume, nats"]) == ("−9.0 ± 0.2", "−5.5 ± 0.2")


# -- words
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.23, "1.2"),
        (440_123, "440,000"),
        (1.09e6, "1.1 million"),
        (2.5e9, "2.5 billion"),
        (9.99e8, "1 billion"),
        (1e25, "1.0 · 10²⁵"),
        (5.7e24, "5.7 · 10²⁴"),
    ],
)
def test_amounts_in_words(value, said):
    assert amounts.amount(math.log(value)) == said


def test_a_volume_in_words_and_one_that_is_everything():
    small = Volume(-13.9, 0.2)
    assert amounts.one_in(small) == "one colour trigger in 1.1 million (95 % interval 740,000 to 1.6 million)"
    assert amounts.one_in(Volume(0.0, 0.1)) == "almost every colour trigger"


def test_weights_keep_the_digits_that_matter():
    said = [amounts.share(v) for v in (1 / 3, 0.9999962, 0.0000012, 1e-9, 0.0, 1.0)]
    assert said == ["33.3 %", "99.9996 %", "0.00012 %", "below 0.000001 %", "0.0 %", "100.0 %"]
    assert [amounts.share(v, 0.999381) for v in (0.999, 0.999381, 0.99964)] == [
        "99.90 %",
        "99.94 %",
        "99.96 %",
    ]
