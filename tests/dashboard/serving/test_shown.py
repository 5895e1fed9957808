"""What a page knows of a run: whole, unfinished, damaged; read once, and again where a file has changed."""

import shutil

import invented
import pytest

from dashboard.serving import queue, reading
from dashboard.serving.shown import Shown
from mesa_core import events as ev
from mesa_core.disk.shaped import Damaged
from mesa_core.store import Run, StoreError
from mesa_core.store.shipped import shipped_runs


@pytest.fixture
def run(home):
    """A copy of a prepared run in the store of the page."""
    home.runs.mkdir()
    shutil.copytree(shipped_runs() / "signs-ring", home.runs / "own")
    return Run(home.runs / "own")


def test_a_finished_run_has_settings_figures_events_and_sub_models(run):
    shown = Shown(run)
    assert shown.done
    assert not shown.active
    assert shown.config.data == "signs"
    assert shown.result == run.outcome()
    assert list(shown.evaluations)[:2] == ["clean", "before"]
    assert shown.evaluations["after.mesa"] is shown.result.after["mesa"]
    assert [one.beta for one in shown.submodels] == list(shown.config.beta)
    assert {e.name for e in shown.all(ev.Mark)} >= {"original", "inverse"}
    assert shown.first(ev.Snapshot).step < shown.last(ev.Snapshot).step
    assert shown.trouble == ""


def test_before_its_end_its_events_tell(run):
    (run.path / "result.json").unlink()
    shown = Shown(run)
    assert shown.result is None
    assert shown.trouble == ""
    assert "after.mesa" in shown.evaluations
    assert shown.submodels[0].mean_asr == Run(shipped_runs() / "signs-ring").outcome().submodels[0].mean_asr


def test_a_damaged_result_is_one_sentence_and_the_events_still_tell(run):
    (run.path / "result.json").write_text('{"before": 3}')
    shown = Shown(run)
    assert shown.result is None
    assert shown.trouble.count(".") <= 2
    assert "own" in shown.trouble
    assert "before" in shown.evaluations
    run.append(ev.Evaluated("after.mesa", {"asr": "high"}))
    with pytest.raises(Damaged):
        _ = Shown(run).evaluations


def test_damaged_settings_are_one_sentence_each_time(run):
    (run.path / "config.json").write_text("[]")
    shown = Shown(run)
    for _ in range(2):
        with pytest.raises(StoreError):
            _ = shown.config
    assert shown.size == 3


def test_nothing_is_read_twice_in_a_drawing_and_a_changed_file_is_read_in_the_next(run, monkeypatch):
    first = Shown(run)
    held = first.result
    run.write_result({**run.result(), "seed": 41})
    assert first.result is held
    assert Shown(run).result.seed == 41
    asked = []
    monkeypatch.setattr(reading, "events", lambda run: asked.append(run) or [])
    shown = Shown(run)
    assert list(shown.all(ev.Mark)) == []
    assert shown.last(ev.Axes) is None
    assert len(asked) == 1


def test_a_reference_is_found_for_the_class_that_was_attacked_only(home, run):
    assert Shown(run).reference is None
    place = invented.reference(home.root / "references", run)
    assert Shown(run).place.path == str(place)
    assert [one.beta for one in Shown(run).reference.levels] == [0.5, 0.8, 0.9]
    found = {"target": 5, "suspects": [5], "threshold": 0.5, "classes": []}
    run.write_result({**run.result(), "detection": found})
    assert Shown(run).for_target is False
    assert Shown(run).reference is None


def test_a_prepared_run_is_not_changed_by_being_shown(home):
    run = queue.find("signs-ring")
    before = (run.path / "result.json").read_bytes()
    shown = Shown(run)
    assert shown.result.to_json() == run.result()
    assert shown.submodels
    assert shown.evaluations
    assert (run.path / "result.json").read_bytes() == before
