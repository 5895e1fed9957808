"""References on disk: where they lie, what is taken for one, and what is said of weights and recall."""

from __future__ import annotations

import json

import invented
import numpy as np
import pytest

from mesa_core import triggers
from mesa_core.events import StageDone
from mesa_core.measures import coverage
from mesa_core.reference import record
from mesa_core.store import Run, StoreError
from mesa_core.store.shipped import shipped_runs

KEY = "0123456789abcdef01234567"


@pytest.fixture
def run():
    return Run(shipped_runs() / "signs-ring")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder of shipped references of the test's own."""
    monkeypatch.setattr(record, "shipped_references", lambda: tmp_path / "shipped")
    return tmp_path / "shipped"


def events_of(run):
    return [event for _, event in run.events()]


def test_the_key_is_that_of_the_attack(run, store):
    assert record.attack_key(run) == record.key_in(events_of(run)) == "3fc12d7c1926b3d816f5fe1d"
    begun = store.create(run.config(), "begun")
    begun.append(StageDone("victim", 1.0, KEY))
    assert record.key_in(events_of(begun)) is None
    with pytest.raises(StoreError, match="no attacked network"):
        record.attack_key(begun)


def test_the_store_comes_first_and_then_what_is_shipped(run, store, shipped):
    events = events_of(run)
    assert record.find(store, events, 0) is None
    ours = invented.reference(shipped, run)
    assert record.find(store, events, 0) == ours == record.lying(store, record.attack_key(run), 0)
    assert record.find(store, events, 1) is None  # of another class
    own = invented.reference(store.root / "references", run)
    assert record.find(store, events, 0) == own
    (own / "reference.json").unlink()  # one that is being made
    assert record.find(store, events, 0) == ours
    assert record.lying(store, KEY, 0) == record.folder(store, KEY, 0)


@pytest.mark.parametrize("key", ["", "../../etc", "x" * 24, KEY + "0"])
def test_a_key_of_another_form_leads_nowhere(store, key):
    assert record.find(store, [StageDone("attack", 1.0, key)], 0) is None
    with pytest.raises(StoreError):
        record.lying(store, key, 0)


def test_a_whole_one_is_read(run, tmp_path):
    there = record.read(invented.reference(tmp_path, run, 30))
    assert there.index(0.8) == 1
    assert there.index(0.7) is None is there.level(0.7)
    assert there.level(0.9)[0].shape == (30, 27)
    assert record.read(tmp_path / "nothing") is None


def first(told):
    return told["levels"][0]


@pytest.mark.parametrize(
    "edit",
    [
        lambda told, arrays: told.pop("levels"),
        lambda told, arrays: told.update(levels=[]),
        lambda told, arrays: told["levels"].pop(),  # samples of a level that is not told of
        lambda told, arrays: told["levels"].reverse(),
        lambda told, arrays: first(told).update(beta=True),
        lambda told, arrays: first(told).update(log_volume=None),
        lambda told, arrays: first(told)["log_volume"].update(error=-1),
        lambda told, arrays: first(told)["log_volume"].update(value="-13.9"),
        lambda told, arrays: first(told)["mean_asr"].update(value=2),
        lambda told, arrays: first(told)["recall"].update({"x": None}),
        lambda told, arrays: told["options"].update(images=0),
        lambda told, arrays: arrays.pop("mode"),
        lambda told, arrays: arrays.update(triggers=arrays["triggers"].astype(float)),
        lambda told, arrays: arrays.update(triggers=arrays["triggers"][:-1]),
        lambda told, arrays: arrays.update(level=np.zeros(len(arrays["level"]), np.uint8)),
        lambda told, arrays: arrays.update(level=arrays["level"].astype(float)),
        lambda told, arrays: arrays.update(asr=np.full(len(arrays["asr"]), np.nan)),
        lambda told, arrays: arrays.update(asr=np.full(len(arrays["asr"]), 1.5)),
        lambda told, arrays: arrays.update(mode=np.array(["a"] * len(arrays["mode"]))),
        lambda told, arrays: arrays.update(pca=arrays["pca"][:, 0]),
    ],
)
def test_a_foreign_one_is_one_sentence(run, tmp_path, edit):
    place = invented.reference(tmp_path, run, 30)
    there = record.read(place)
    edit(there.told, there.arrays)
    record.write(place, there.told, there.arrays)
    with pytest.raises(StoreError, match="cannot be read"):
        record.read(place)


@pytest.mark.parametrize("file", ["reference.json", "reference.npz"])
@pytest.mark.parametrize("data", [b"", b"{ damaged", b"PK\x03\x04", b"[]", None])
def test_a_damaged_one_is_one_sentence(run, tmp_path, file, data):
    place = invented.reference(tmp_path, run, 30)
    (place / file).unlink()
    if data is not None:
        (place / file).write_bytes(data)
    elif file == "reference.json":  # then there is none
        assert record.read(place) is None
        return
    with pytest.raises(StoreError) as told:
        record.read(place)
    assert str(told.value) == record.DAMAGED


def test_what_is_said_of_samples_is_json_and_tells_a_narrow_set_from_the_reference(run, tmp_path):
    there = record.read(invented.reference(tmp_path, run))
    own = there.level(0.8)[0]
    same = record.beside(there, 0.8, own)
    narrow = record.beside(there, 0.8, own[:1] + np.random.default_rng(0).normal(0, 0.01, (200, 27)))
    json.dumps(same.to_json())
    assert same.entropy.value == same.entropy_of_samples.value
    assert narrow.entropy_of_samples.value < narrow.entropy.value - 10
    assert narrow.entropy.n == 200
    assert record.beside(there, 0.7, own) is None


def test_recall_is_compared_at_equal_numbers_of_samples(run, tmp_path):
    there = record.read(invented.reference(tmp_path, run))
    codes_asr = run.read_arrays("axes.npz")["codes_asr"]
    codes = triggers.round_to_codes(there.level(0.5)[0].reshape(-1, 3, 3, 3))
    few, more, all_ = (record.recall_at(there, 0.5, n, codes_asr, codes, 0.5) for n in (20, 200, 600))
    assert few["value"] < more["value"] < all_["value"]
    assert (few["samples"], all_["samples"]) == (20, 600)
    whole = coverage.recall(codes_asr, codes, np.ones(600), 0.5)
    assert (all_["value"], all_["n"]) == pytest.approx((whole.value, whole.n), abs=1e-6)
    assert record.recall_at(there, 0.7, 20, codes_asr, codes, 0.5) is None
    assert record.recall_at(there, 0.5, 20, np.zeros(512), codes, 0.5) is None
