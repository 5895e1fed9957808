from mesa_core.events import Progress
from mesa_core.pacing import Pace, follow


def work():
    yield from (3, 3, 4)
    return "figure"


def through(pace):
    told, steps = [], follow(pace, work())
    while True:
        try:
            told.append(next(steps))
        except StopIteration as done:
            return told, done.value


def test_follow_tells_the_first_step_and_returns_the_figure():
    pace = Pace("measure", 20)
    told, value = through(pace)
    assert value == "figure"
    assert isinstance(told[0], Progress)
    assert (told[0].done, told[0].total) == (3, 20)
    assert pace.passed == 10
    through(pace)
    assert pace.passed == 20, "two measurements share one bar"


def test_values_that_json_cannot_hold_are_left_out():
    assert set(Pace("a", 2).progress(1, loss=float("nan"), asr=0.5).metrics) == {"asr"}


def test_the_last_step_is_always_told():
    pace = Pace("a", 3)
    assert [pace.due(i) for i in (1, 2, 3)] == [True, False, True]
