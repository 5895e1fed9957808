"""The queue: fair turns, limits, what has been run before."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.serving import queue as jobs
from dashboard.serving.queue import ensure_worker  # the fixture `home` replaces it
from mesa_core import events as ev
from mesa_core.config import make_config
from mesa_core.store import StoreError, runs


def queue(visitor, seed, age):
    run, _ = jobs.start(make_config(data="signs", seed=seed).to_dict(), visitor)
    os.utime(run.path / "waiting", (time.time() - age,) * 2)
    return run.name


def test_nobodys_second_run_comes_before_anybodys_first(home):
    eager = [queue("eager", seed, age=100 - seed) for seed in range(3)]
    late = queue("late", 9, age=1)
    assert [r.name for r in jobs.waiting(home)] == [eager[0], late, eager[1], eager[2]]


def test_who_was_served_lately_lets_others_go_first(home):
    first = queue("eager", 1, age=50)
    assert jobs.take(home).name == first
    again, late = queue("eager", 2, age=40), queue("late", 3, age=1)
    assert [r.name for r in jobs.waiting(home)] == [late, again]


def test_runs_that_nobody_is_known_for_come_in_their_order(home):
    names = [queue("", seed, age=100 - seed) for seed in range(3)]
    assert [r.name for r in jobs.waiting(home)] == names


def test_each_visitor_has_a_limit(home):
    for seed in range(jobs.MOST_OWN):
        queue("eager", seed, 10)
    with pytest.raises(StoreError, match="your runs"):
        queue("eager", 99, 1)
    queue("late", 99, 1)


def test_a_damaged_memory_of_turns_hurts_nobody(home):
    (home.root / "served.json").write_text("[1]")
    name = queue("a", 0, 1)
    assert jobs.take(home).name == name
    assert jobs.take(home) is None


def test_the_same_question_is_found_whatever_computed_it(home):
    config = make_config(data="signs", seed=5).to_dict()
    run, _ = jobs.start(config)
    assert jobs.twin({**config, "threads": 2, "device": "cpu"}).name == run.name
    assert jobs.twin({**config, "seed": 6}) is None
    assert jobs.twin({**config, "alpha": 0.2}) is None


def test_a_finished_twin_comes_before_one_that_waits_and_a_stopped_one_does_not_count(home):
    config = make_config(data="signs", seed=5).to_dict()
    done, _ = jobs.start(config)
    (done.path / "waiting").unlink()
    assert jobs.twin(config) is None, "a cancelled run was shown as the answer"
    done.write_result({"config": config})
    jobs.start(config)
    assert jobs.twin(config).name == done.name


def test_a_shipped_run_is_a_twin_too(home):
    shipped = jobs.shipped()[0]
    assert jobs.twin(shipped.config()).path == shipped.path
    assert jobs.is_shipped(shipped)


def test_only_the_token_owns(home):
    run, token = jobs.start(make_config(data="signs").to_dict())
    assert jobs.owns(run, token)
    for wrong in ("", "ü", token[:-1], None):
        assert not jobs.owns(run, wrong)
    (run.path / "owner.json").unlink()
    assert not jobs.owns(run, "")


def test_a_killed_worker_is_not_taken_for_a_living_one(home):
    path = home.root / "worker.json"
    assert not jobs.alive(home)
    path.write_text("")
    assert jobs.alive(home), "one that is being started would be started twice"
    path.write_text(f'{{"pid": {os.getpid()}}}')
    assert jobs.alive(home)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path.write_text(f'{{"pid": {gone.pid}}}')
    assert not jobs.alive(home)


def test_a_run_with_more_defences_answers_and_one_with_fewer_does_not(home):
    more = make_config(data="signs", baselines=["point", "random", "control"], repair_each_beta=True)
    run, _ = jobs.start(more.to_dict())
    for asked, there in (
        ({"baselines": ["control"]}, True),
        ({"baselines": ["control", "ideal"]}, False),
        ({"baselines": ["point"], "point_seeds": 2}, False),
        ({"baselines": ["control"], "alpha": 1.0}, False),
    ):
        found = jobs.twin(make_config(data="signs", **asked).to_dict())
        assert (found is not None and found.name == run.name) == there, asked


def test_the_first_prepared_run_is_one_that_anybody_can_repeat():
    prepared = jobs.shipped()
    assert prepared[0].name == "signs-ring"
    data = [run.config()["data"] for run in prepared]
    assert data == sorted(data, key=lambda name: name != "signs")


def test_a_run_that_was_just_taken_still_waits_until_it_runs_or_a_minute_has_passed(home):
    run, _ = jobs.start(make_config(data="signs").to_dict())
    assert jobs.take(home).name == run.name
    assert jobs.take(home) is None
    assert run.state() == "waiting"
    with run.lease() as writer:
        assert run.state() == "running"
        writer.append(ev.Stopped("attack"))
    assert run.state() == "stopped"
    jobs.resume(run)
    jobs.take(home)
    long_ago = time.time() - 2 * runs.TAKING
    os.utime(run.path / "events.jsonl", (long_ago, long_ago))
    assert run.state() == "waiting"
    os.utime(run.path / "taken", (long_ago + 1, long_ago + 1))
    assert run.state() == "stopped"


def test_when_all_pages_want_a_worker_at_once_one_is_started(home, monkeypatch):
    started, together = [], threading.Barrier(12)

    def slow(*_, **__):
        started.append(1)
        time.sleep(0.2)

    def looked(here, alive=jobs.alive):
        found = alive(here)
        time.sleep(0.1)  # as on a busy machine, in which others look meanwhile
        return found

    monkeypatch.setattr(jobs.subprocess, "Popen", slow)
    monkeypatch.setattr(jobs, "alive", looked)

    def want(_):
        together.wait(300)
        ensure_worker(home)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(want, range(12)))
    assert started == [1]
    (home.root / "worker.json").unlink()  # it has ended
    ensure_worker(home)
    assert started == [1, 1]
