import math

import pytest

from mesa_core.measures.intervals import proportion
from mesa_core.method import staircase


def test_skipping_looks_at_the_upper_end():
    assert staircase.keep([0.5, 0.8, 0.9], [0.7, 0.81, 0.85], [0.6, 0.78, 0.8]) == ([True, True, False], False)


def test_if_all_fail_the_best_is_kept_and_said():
    assert staircase.keep([0.8, 0.9], [0.4, 0.5], [0.3, 0.45]) == ([False, True], True)


def test_weights():
    assert staircase.weights([True, False, True]) == [0.5, 0.0, 0.5]
    found = staircase.weights([True, True], [0.0, -1.0986122886681098])
    assert found == [pytest.approx(0.75), pytest.approx(0.25)]
    with pytest.raises(ValueError, match="entropy"):
        staircase.weights([True, True], [1.0, None])


def test_uneven_levels_count_with_their_steps():
    assert staircase.weights([True, True], [0.0, 0.0], [0.5, 1.0]) == [0.5, 0.5]
    assert staircase.weights([True, True], [0.0, -math.inf], [0.5, 0.75]) == [1.0, 0.0]
    assert staircase.weights([True] * 3, [0.0, 0.0, 0.0], [0.5, 0.8, 0.9]) == [pytest.approx(v / 9) for v in (5, 3, 1)]
    skipped = staircase.weights([True, False, True], [0.0, None, 0.0], [0.5, 0.8, 0.9])
    assert skipped == [pytest.approx(5 / 9), 0.0, pytest.approx(4 / 9)]


def test_the_weights_are_as_uncertain_as_the_steps_between_the_volumes():
    def volumes(error):
        return [{"value": -10.0, "error": 0.1}, {"value": -11.0, "error": math.hypot(0.1, error)}]

    exact = staircase.weights([True, True], [-10.0, -11.0], [0.5, 0.9])
    sure, unsure = (staircase.between([0.5, 0.9], volumes(error)) for error in (0.01, 0.5))
    for weight, (low, high), (lower, higher) in zip(exact, sure, unsure, strict=True):
        assert lower < low < weight < high < higher
    shared = staircase.between([0.5, 0.9], [{"value": v, "error": 2.0} for v in (-10.0, -11.0)])
    for weight, ends in zip(exact, shared, strict=True):
        assert ends == (pytest.approx(weight), pytest.approx(weight)), "what both levels share cancels"


def test_the_level_0_alone_gets_all():
    assert staircase.weights([True], [-3.0], [0.0]) == [1.0]
    assert staircase.weights([True, False], [-3.0, -2.0], [0.0, 0.5]) == [1.0, 0.0]


def test_mixing_weighs_by_entropy_only_where_asked_and_where_all_that_stay_know_theirs():
    levels, asr = [0.5, 0.8, 0.9], [proportion(90, 100), proportion(80, 100), proportion(10, 100)]
    entropies = [0.0, 0.0, None]
    asked = staircase.mixing(levels, asr, entropies, True)
    assert asked.kept == [True, True, False]
    assert asked.gamma == asked.by_entropy == [pytest.approx(5 / 8), pytest.approx(3 / 8), 0.0]
    plain = staircase.mixing(levels, asr, entropies)
    assert (plain.gamma, plain.by_entropy) == ([0.5, 0.5, 0.0], asked.by_entropy)
    unknown = staircase.mixing(levels, asr, [0.0, None, 0.0], True)
    assert (unknown.gamma, unknown.by_entropy) == ([0.5, 0.5, 0.0], None)


def test_mixing_says_where_all_failed():
    found = staircase.mixing([0.8, 0.9], [proportion(10, 100), proportion(20, 100)])
    assert (found.kept, found.best_only, found.gamma) == ([False, True], True, [0.0, 1.0])
