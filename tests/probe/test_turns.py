"""Fair turns and the time that a run keeps, whatever is asked."""

import random
from collections import Counter

import pytest

from mesa_core.probe.turns import AT, Asked, Budget, Limits, in_turn, refused

LIMITS = Limits.of(40, 3)


def names(waiting, served=None):
    return [one.name for one in in_turn(waiting, served)]


def test_addresses_take_turns_and_visitors_within_them():
    crowd = [Asked(f"a{i}", i, f"v{i}", "one") for i in range(3)]
    assert names([*crowd, Asked("b", 9, "w", "two")]) == ["a0", "b", "a1", "a2"]
    greedy = [Asked(f"g{i}", i, "v", "one") for i in range(3)]
    assert names([*greedy, Asked("mate", 9, "w", "one")]) == ["g0", "mate", "g1", "g2"]


def test_who_was_served_lately_waits_for_others():
    a, b = Asked("a", 1, "v", "one"), Asked("b", 2, "w", "two")
    assert names([a, b]) == ["a", "b"]
    assert names([a, b], {AT + "one": 5.0}) == ["b", "a"]
    assert names([a, Asked("c", 2, "w", "one")], {a.who: 5.0}) == ["c", "a"]


def test_one_client_with_many_sessions_fills_no_queue():
    waiting = []
    for session in range(13):
        for run in range(3):
            new = Asked(f"{session}-{run}", len(waiting), f"s{session}", "greedy")
            if not refused(waiting, new, LIMITS):
                waiting.append(new)
    mate, other = Asked("mate", 99, "mate", "greedy"), Asked("other", 99, "other", "elsewhere")
    assert refused(waiting, mate, LIMITS) == ""
    assert refused(waiting, other, LIMITS) == ""
    order = names([*waiting, mate, other])
    assert order.index("other") == 1
    assert order.index("mate") <= 14  # after each session's first


def test_a_class_behind_one_address_gets_in_and_the_queue_is_bounded():
    waiting = []
    for pupil in range(40):
        new = Asked(f"p{pupil}", pupil, f"p{pupil}", "school")
        assert refused(waiting, new, LIMITS) == ""
        waiting.append(new)
    assert refused(waiting, Asked("x", 99, "p0", "school"), LIMITS) == "own"
    assert refused(waiting, Asked("x", 99, "late", "school"), LIMITS) == "address"
    for number in range(1000):
        new = Asked(f"n{number}", number, f"n{number}", f"address {number}")
        if not refused(waiting, new, LIMITS):
            waiting.append(new)
    assert len(waiting) == LIMITS.all + LIMITS.reserve
    assert refused(waiting, Asked("x", 99, "x", "nowhere"), LIMITS) == "all"


def test_nothing_is_lost_and_nobody_starves_whatever_arrives():
    rng = random.Random(0)
    waiting = [Asked(f"{i}", rng.random(), f"v{rng.randrange(9)}", f"a{rng.randrange(4)}") for i in range(60)]
    order = in_turn(waiting)
    assert sorted(one.name for one in order) == sorted(one.name for one in waiting)
    addresses = [one.address for one in order[: len({one.address for one in waiting})]]
    assert len(set(addresses)) == len(addresses)


class Clock:
    """A clock that small work and large work move."""

    def __init__(self):
        self.now, self.spent = 0.0, Counter()

    def __call__(self):
        return self.now

    def work(self, who, seconds):
        self.now += seconds
        self.spent[who] += seconds
        return True


@pytest.mark.parametrize("seconds", [0.01, 0.4, 3.0])
def test_a_run_keeps_half_of_the_time_whatever_is_asked(seconds):
    clock = Clock()
    budget = Budget(1.0, clock)
    longest = 0.0
    for _ in range(400):
        clock.work("run", 0.05)
        before = clock.now
        budget.spend(lambda: clock.work("questions", seconds))
        longest = max(longest, clock.now - before)
    assert clock.spent["run"] >= clock.spent["questions"] - seconds
    assert clock.spent["questions"] > 0.4 * clock.spent["run"] - seconds  # the control: questions are answered, too
    assert longest <= 1.0 + seconds


def test_a_long_silence_saves_up_no_long_stop():
    clock = Clock()
    budget = Budget(1.0, clock)
    clock.work("run", 1000)
    assert budget.spend(lambda: clock.work("questions", 0.25)) == 4
    clock.work("run", 0.1)
    assert budget.spend(lambda: False) == 0
