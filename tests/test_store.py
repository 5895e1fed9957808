import json

import numpy as np
import pytest

from mesa_core import events as ev
from mesa_core.config import make_config
from mesa_core.store import Store, StoreError


@pytest.fixture
def run(store: Store):
    return store.create(make_config().to_dict(), "one")


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", ".hidden", "x" * 81, "a\n", "..", "%2e%2e"])
def test_names_that_could_be_paths_are_refused(store, name):
    with pytest.raises(StoreError):
        store.open(name)
    with pytest.raises(StoreError):
        store.create({}, name or "..")


def test_events_come_back_and_a_torn_line_is_dropped(run):
    run.append(ev.Note("first"))
    with open(run.path / "events.jsonl", "a") as file:
        file.write('{"n": 1, "type": "No')
    assert [e.text for _, e in run.events()] == ["first"]
    run.append(ev.Note("second"))
    assert [(n, e.text) for n, e in run.events()] == [(0, "first"), (1, "second")]


def test_states(run):
    assert run.state() == "interrupted"
    with run.lease():
        assert run.state() == "running"
        with pytest.raises(StoreError, match="another"), run.lease():
            pass
    run.append(ev.Failed("no"))
    assert run.state() == "failed"
    run.write_result({})
    assert run.state() == "finished"


def test_arrays_are_never_unpickled(run):
    with pytest.raises(StoreError):
        run.read_arrays("../config.npz")
    run.write_arrays("good.npz", {"x": np.arange(3)})
    assert run.read_arrays("good.npz")["x"].tolist() == [0, 1, 2]
    np.savez(run.path / "snapshots" / "evil.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(StoreError, match="cannot be read"):
        run.read_arrays("evil.npz")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"config": 3}'])
def test_a_damaged_config_is_one_sentence(run, text):
    (run.path / "config.json").write_text(text)
    with pytest.raises(StoreError):
        run.config()


def test_no_half_written_json(run):
    with pytest.raises(ValueError, match="JSON"):
        run.write_result({"x": float("nan")})
    assert run.result() is None
    assert not list(run.path.glob(".tmp-*"))
    assert json.loads((run.path / "config.json").read_text())
