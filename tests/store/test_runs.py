import json
import shutil
import threading
import time

import numpy as np
import pytest

from mesa_core import events as ev
from mesa_core.config import make_config
from mesa_core.disk.files import write_json
from mesa_core.store import Reader, Store, StoreError


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


def test_a_reader_sees_what_all_events_are_and_reads_each_line_once(run, monkeypatch):
    path, parsed = run.path / "events.jsonl", []
    real = ev.from_json
    monkeypatch.setattr(ev, "from_json", lambda value: parsed.append(value["n"]) or real(value))
    reader = Reader(path)
    assert reader.events() == []
    with run.lease() as writer:
        for i in range(50):
            writer.append(ev.Note(f"note {i}"))
            seen = reader.events()
            assert [e.text for e in seen] == [f"note {j}" for j in range(i + 1)]
    assert parsed == list(range(50))
    before = reader.events()
    with open(path, "a") as file:
        file.write('{"n": 50, "type": "Note", "te')
    assert reader.events() is before
    run.append(ev.Note("after the torn line"))
    assert [e.text for e in reader.events()][-2:] == ["note 49", "after the torn line"]
    assert len(before) == 50  # whoever was given a list keeps it


@pytest.mark.parametrize("anew", ["short", "long", "gone"])
def test_a_reader_begins_anew_when_the_file_is_another(run, anew):
    for i in range(5):
        run.append(ev.Note(f"old {i}"))
    reader, path = Reader(run.path / "events.jsonl"), run.path / "events.jsonl"
    assert len(reader.events()) == 5
    lines = [ev.dumps(ev.Note("new " + "x" * 100), n=i) for i in range({"short": 1, "long": 50, "gone": 0}[anew])]
    path.write_text("".join(line + "\n" for line in lines))  # in place, as an editor does
    if anew == "gone":
        path.unlink()
    assert reader.events() == [e for _, e in run.events()]
    assert len(reader.events()) == len(lines)


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


def test_of_many_who_want_a_run_at_once_one_gets_it(store):
    run = store.create({}, "one")
    (run.path / "lease.json").write_text('{"pid": 999999999}')  # its last holder died
    start, got, refused = threading.Barrier(8), [], []

    def take():
        start.wait()
        try:
            with run.lease():
                got.append(1)
                until = time.monotonic() + 300
                while len(refused) < 7 and time.monotonic() < until:  # held until all others have tried
                    time.sleep(0.01)
        except StoreError:
            refused.append(1)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 7)


def test_a_run_whose_events_cannot_be_written_is_left_free(store):
    run = store.create({}, "one")
    (run.path / "events.jsonl").mkdir()
    with pytest.raises(StoreError, match="folder"), run.lease():
        pass
    assert not run.is_running()


@pytest.mark.parametrize("resolved", [[1], {"device": 3}, "cpu"])
def test_damaged_settings_are_one_sentence(store, resolved):
    run = store.create({}, "one")
    write_json(run.path / "config.json", {"config": {}, "resolved": resolved})
    with pytest.raises(StoreError, match="damaged"):
        run.resolved()


def test_writing_does_not_bring_a_deleted_run_back(store):
    run = store.create({}, "gone")
    shutil.rmtree(run.path)
    with pytest.raises(StoreError, match="deleted"):
        run.write_arrays("snapshot-0.npz", {"a": np.zeros(1)})
    assert not run.path.exists()
