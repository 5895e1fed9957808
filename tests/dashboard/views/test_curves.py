"""How long a run still takes, from its own pace and the shape of another run."""

import pytest

from dashboard.views.lab import curves
from mesa_core import events as ev

TYPICAL = {
    "attack": 10.0,
    "mesa": 20.0,
    "after.mesa": 5.0,
    "repair.random": 4.0,
    "after.random": 1.0,
    "after.beta.0.5": 9.0,
}
CONFIG = {"baselines": ["random"], "repair_each_beta": False, "point_seeds": 1}


def events(*done, now, part):
    found = []
    for stage, seconds in done:
        found += [ev.StageBegun(stage, 0, 9, stage), ev.StageDone(stage, seconds)]
    return [*found, ev.StageBegun(now, 0, 9, now), ev.Progress(now, part, 100, 20.0)]


def test_a_run_of_half_the_speed_takes_twice_as_long():
    answer, whole = curves.to_go(events(("attack", 20.0), now="mesa", part=50), CONFIG, TYPICAL)
    assert answer == pytest.approx(2 * (10 + 5))
    assert whole == pytest.approx(2 * (10 + 5 + 5))


def test_once_the_answer_is_there_only_the_end_is_told():
    done = (("attack", 10.0), ("mesa", 20.0), ("after.mesa", 5.0))
    answer, whole = curves.to_go(events(*done, now="repair.random", part=50), {**CONFIG, "baselines": []}, TYPICAL)
    assert answer is None
    assert whole is not None


def test_nothing_is_told_where_nothing_is_known():
    assert curves.to_go([], CONFIG, TYPICAL) == (None, None)
    assert curves.to_go(events(now="mesa", part=1), CONFIG, {}) == (None, None)


def test_what_was_not_asked_takes_no_time():
    each = curves.to_go(events(now="mesa", part=50), {**CONFIG, "repair_each_beta": True}, TYPICAL)
    without = curves.to_go(events(now="mesa", part=50), CONFIG, TYPICAL)
    assert each[1] > without[1]


def tried(done, asr, total=100, stage="attack"):
    return ev.Progress(stage, done, total, 1.0, metrics={"loss": 1.0, "asr": asr})


def test_an_attacks_asr_rises_over_its_own_steps_and_not_over_those_of_other_stages():
    known = [tried(10, 0.1, 200), tried(20, 0.4, 200), tried(50, 0.9), tried(5, 0.7, stage="mesa")]
    assert curves.rise(known) == [(0.1, 0.1), (0.2, 0.4), (0.5, 0.9)]
    assert curves.rise([ev.Progress("attack", 1, 9, 1.0, metrics={"loss": 1.0})]) == []


def test_an_attack_that_begins_anew_rises_anew():
    assert curves.rise([tried(60, 0.9), tried(10, 0.2), tried(30, 0.5)]) == [(0.1, 0.2), (0.3, 0.5)]


def test_a_long_rise_is_thinned_to_few_points_that_end_where_it_is_now():
    found = curves.rise([tried(i, i / 1000, 1000) for i in range(1, 1001)])
    assert len(found) <= curves.MOST_RISE
    assert found[-1] == (1.0, 1.0)


def test_who_waits_is_told_when_by_the_pace_of_the_run_that_works():
    running = events(("attack", 20.0), now="mesa", part=50), CONFIG  # half the speed: 40 s to go
    assert curves.turn(running, [], TYPICAL) == pytest.approx(40)
    assert curves.turn(running, [CONFIG, CONFIG], TYPICAL) == pytest.approx(40 + 2 * 2 * 40)


def test_who_waits_behind_another_kind_of_run_is_told_nothing():
    running = events(("attack", 20.0), now="mesa", part=50), {**CONFIG, "data": "signs"}
    assert curves.turn(running, [{**CONFIG, "data": "signs"}], TYPICAL) is not None
    assert curves.turn(running, [{**CONFIG, "data": "cifar10"}], TYPICAL) is None
    assert curves.turn(([], CONFIG), [], TYPICAL) is None
