"""A sweep is shared, resumed and finished; runs are carried out by a stand-in, since what they compute is tested elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mesa_core import events as ev
from mesa_core.cli import flags
from mesa_core.config import ConfigError
from mesa_core.disk.leases import Busy
from mesa_core.store import StoreError
from mesa_core.sweeps import grid

SAID = {"data": "signs"}


def stand_in(run, store, watch, still=None):
    """Holds the lease as a real run does, writes a result."""
    with run.lease(still) as writer:
        time.sleep(0.02)
        writer.append(ev.Note("worked"))
        run.write_result({"seed": run.config()["seed"]})
    return "finished"


def pieces_of(store, **axes):
    return grid.expand(SAID, axes, "s", store.cache)


def finish(store, pieces, execute=stand_in):
    return list(grid.work(store, pieces, execute, lambda *_: None, wait=0.05))


def test_the_grid_is_whole_and_its_names_do_not_change(store):
    pieces = pieces_of(store, trigger=["#fff " * 9, "#000 " * 9], seed=[0, 1], alpha=[0.1, 1.0])
    assert len({piece.name for piece in pieces}) == 8
    assert [piece.config.seed for piece in pieces] == [0] * 4 + [1] * 4
    assert [p.name for p in pieces] == [
        p.name for p in pieces_of(store, trigger=["#fff " * 9, "#000 " * 9], seed=[0, 1], alpha=[0.1, 1.0])
    ]
    assert len(grid.SETS["orbits"]) == 51


@pytest.mark.parametrize("axes", [{"nonsense": [1]}, {"alpha": []}, {"alpha": [-1]}, {"seed": list(range(10_001))}])
def test_a_bad_grid_is_one_sentence(store, axes):
    with pytest.raises(ConfigError):
        pieces_of(store, **axes)


def test_what_is_finished_is_not_repeated(store):
    pieces = pieces_of(store, seed=[0, 1, 2])
    assert finish(store, pieces[:2])[-1].finished == 2
    done = []

    def count(run, store, watch, still=None):
        done.append(run.name)
        return stand_in(run, store, watch, still)

    assert finish(store, pieces, count)[-1] == grid.Standing(3, 3, 0, ())
    assert done == [pieces[2].name]


def test_a_failure_is_tried_once_more_and_then_listed(store):
    pieces = pieces_of(store, seed=[0, 1])
    tries = []

    def fail(run, store, watch, still=None):
        tries.append(run.name)
        if run.config()["seed"] == 0:
            with run.lease(still) as writer:
                writer.append(ev.Failed("no"))
            return "failed"
        return stand_in(run, store, watch, still)

    last = finish(store, pieces, fail)[-1]
    assert tries.count(pieces[0].name) == 2
    assert (last.finished, last.failed) == (1, (pieces[0].name,))


def test_another_sweep_of_the_same_name_is_refused(store):
    grid.begin(store, "s", pieces_of(store, seed=[0]))
    grid.begin(store, "s", pieces_of(store, seed=[0]))
    with pytest.raises(StoreError, match="another sweep"):
        grid.begin(store, "s", pieces_of(store, seed=[1]))


PROCESS = """
import sys
from pathlib import Path
from test_grid import finish, pieces_of
from mesa_core.store import Store

store = Store(Path(sys.argv[1]))
finish(store, pieces_of(store, seed=list(range(12))))
"""


def test_processes_share_it_and_nothing_is_done_twice(store):
    here = Path(__file__).resolve().parents[1]
    paths = os.pathsep.join([str(here), str(here / "sweeps"), str(here.parent)])
    command = [sys.executable, "-c", PROCESS, str(store.root)]
    workers = [subprocess.Popen(command, env=dict(os.environ, PYTHONPATH=paths)) for _ in range(2)]
    assert [worker.wait(600) for worker in workers] == [0, 0]
    seeds = list(range(12))
    pieces = grid.expand(SAID, {"seed": seeds}, "s", store.cache)
    assert grid.standing(store, pieces).finished == 12
    for piece in pieces:
        assert [e for _, e in store.open(piece.name).events()] == [ev.Note("worked")]


def test_a_dead_process_s_run_is_taken_up_again(store):
    pieces = pieces_of(store, seed=[0])
    run = store.create(pieces[0].config.to_dict(), pieces[0].name)
    (run.path / "lease.json").write_text('{"pid": 999999999}')
    assert finish(store, pieces)[-1].finished == 1


def test_a_stop_ends_the_process_and_not_the_sweep(store):
    pieces = pieces_of(store, seed=[0, 1])
    with pytest.raises(KeyboardInterrupt):
        finish(store, pieces, lambda run, store, watch, still: "stopped")
    assert finish(store, pieces)[-1].finished == 2


# -- what may happen between listing a run and taking it
def notes(store, piece):
    return [event for _, event in store.open(piece.name).events() if isinstance(event, ev.Note)]


def test_a_run_that_another_finished_meanwhile_is_not_repeated(store):
    pieces = pieces_of(store, seed=[0])

    def late(run, store, watch, still):
        stand_in(run, store, watch)  # another process, in the moment before we take it
        return stand_in(run, store, watch, still)

    assert finish(store, pieces, late)[-1] == grid.Standing(1, 1, 0, ())
    assert len(notes(store, pieces[0])) == 1


def test_a_run_that_another_saw_fail_meanwhile_is_not_tried_a_third_time(store):
    pieces = pieces_of(store, seed=[0])

    def fail(run, store, watch, still=None):
        with run.lease(still) as writer:
            writer.append(ev.Failed("no"))
        return "failed"

    def late(run, store, watch, still):
        while grid.state_of(store, pieces[0]) != "lost":
            fail(run, store, watch)
        return fail(run, store, watch, still)

    assert finish(store, pieces, late)[-1].failed == (pieces[0].name,)
    assert len(store.open(pieces[0].name).events()) == grid.TRIES
    assert grid.why(store, pieces[0].name) == "no"


def test_a_run_whose_holder_died_while_we_asked_for_it_is_not_forgotten(store):
    pieces, asked = pieces_of(store, seed=[0]), []

    def taken_then_free(run, store, watch, still):
        asked.append(run.name)
        if len(asked) == 1:
            raise Busy("another has it")
        return stand_in(run, store, watch, still)

    assert finish(store, pieces, taken_then_free)[-1].finished == 1


@pytest.mark.parametrize("ending", ["finished", "failed"])
def test_the_last_standing_tells_how_others_ended(store, ending):
    pieces = pieces_of(store, seed=[0, 1])
    theirs = store.create(pieces[1].config.to_dict(), pieces[1].name)
    held = threading.Event()

    def other():
        with theirs.lease() as writer:
            held.set()
            time.sleep(0.3)
            if ending == "finished":
                theirs.write_result({})
            for _ in range(grid.TRIES * (ending == "failed")):
                writer.append(ev.Failed("no"))

    thread = threading.Thread(target=other)
    thread.start()
    held.wait()
    told = finish(store, pieces)
    thread.join()
    assert any(now.running for now in told), "nobody was waited for"
    failed = () if ending == "finished" else (pieces[1].name,)
    assert told[-1] == grid.Standing(2, 2 - len(failed), 0, failed)


def test_a_folder_that_is_no_run_is_listed_and_hinders_nobody(store):
    pieces = pieces_of(store, seed=[0, 1])
    (store.runs / pieces[0].name).mkdir(parents=True)
    last = finish(store, pieces)[-1]
    assert (last.finished, last.failed) == (1, (pieces[0].name,))
    assert "damaged" in grid.why(store, pieces[0].name)


def test_whatever_was_asked_before_is_not_obeyed_and_what_is_asked_of_another_s_run_stays(store):
    pieces = pieces_of(store, seed=[0])
    run = store.create(pieces[0].config.to_dict(), pieces[0].name)
    run.request("stop")
    with run.lease():
        assert grid.attempt(store, pieces[0], stand_in) == "busy"
        assert run.control()[0] == "stop"
    assert grid.attempt(store, pieces[0], stand_in) == "finished"
    assert run.control()[0] == "run"


def test_time_to_go_counts_neither_what_was_there_nor_what_is_lost():
    now = grid.Standing(total=10, finished=6, running=1, failed=("x",))
    assert now.to_go(start=4, seconds=20) == 30.0
    assert now.to_go(start=6, seconds=20) is None


def test_triggers_of_other_sizes_are_points_of_a_grid(store):
    words = [",".join(["fff"] * count) for count in (9, 16, 25)]
    pieces = grid.expand({"data": "signs"}, {"trigger": flags.values("--trigger", words)}, "sizes", store.cache)
    assert [piece.config.size for piece in pieces] == [3, 4, 5]
    assert [piece.name.rsplit("-", 1)[0] for piece in pieces] == ["sizes-511", "sizes-4x4-65535", "sizes-5x5-33554431"]
