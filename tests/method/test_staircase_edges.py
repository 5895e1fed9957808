"""Algorithm 1's weights and the skipping rule where they are easily wrong: at the level itself, with large entropies."""

import math

import numpy as np
import pytest

from mesa_core.method import staircase


def test_a_sub_model_that_just_reaches_its_level_stays():
    assert staircase.keep([0.5, 0.8], [0.5, 0.7999], [0.4, 0.7]) == ([True, False], False)


def test_if_all_fail_the_best_by_its_mean_stays_wherever_it_is():
    assert staircase.keep([0.7, 0.8, 0.9], [0.6, 0.6, 0.6], [0.2, 0.5, 0.3]) == ([False, True, False], True)


def test_only_differences_of_entropies_matter():
    for shift in (-5000.0, 0.0, 5000.0):
        found = staircase.weights([True, True], [shift, shift - math.log(3)])
        assert found == [pytest.approx(0.75), pytest.approx(0.25)]


def test_a_sub_model_that_is_skipped_needs_no_entropy_and_gives_no_step():
    found = staircase.weights([True, False, True], [0.0, 7.0, 0.0], [0.5, 0.8, 0.9])
    assert found == [pytest.approx(5 / 9), 0.0, pytest.approx(4 / 9)]


def test_the_interval_is_that_of_the_step_between_two_levels():
    """With two levels the first's share is 1 / (1 + r exp(gap)), and the gap is normal: its 2.5 % and 97.5 % points."""
    betas, error = [0.5, 0.9], 0.3
    volumes = [{"value": -10.0, "error": 0.4}, {"value": -10.5, "error": math.hypot(0.4, error)}]
    found = staircase.between(betas, volumes, draws=20_000)
    share = [1 / (1 + 0.4 / 0.5 * math.exp(-0.5 + z * error)) for z in (1.96, -1.96)]
    assert found[0] == (pytest.approx(share[0], abs=0.004), pytest.approx(share[1], abs=0.004))
    assert found[1] == (pytest.approx(1 - share[1], abs=0.004), pytest.approx(1 - share[0], abs=0.004))


def test_two_thousand_draws_are_made_where_nothing_else_is_said():
    volumes = [{"value": -10.0, "error": 0.4}, {"value": -10.5, "error": 0.5}]
    assert staircase.between([0.5, 0.9], volumes) == staircase.between([0.5, 0.9], volumes, 2000)
    assert staircase.between([0.5, 0.9], volumes) != staircase.between([0.5, 0.9], volumes, 1999)


def test_three_levels_add_up_their_steps():
    """Of three levels the last has the errors of both steps below it."""
    volumes = [{"value": 0.0, "error": 0.0}, {"value": 0.0, "error": 0.3}, {"value": 0.0, "error": 0.5}]
    (_, _, (low, high)) = staircase.between([0.3, 0.6, 0.9], volumes, draws=20_000)
    draw = np.random.default_rng(5)
    one, two = draw.normal(0, 0.3, 100_000), draw.normal(0, 0.4, 100_000)
    last = np.exp(one + two) / (1 + np.exp(one) + np.exp(one + two))
    assert (low, high) == (
        pytest.approx(np.quantile(last, 0.025), abs=0.006),
        pytest.approx(np.quantile(last, 0.975), abs=0.006),
    )


def test_the_intervals_draws_are_always_the_same():
    """One after another; shared by all figures that were ever written."""
    volumes = [{"value": -10.0, "error": 0.4}, {"value": -10.5, "error": 0.5}, {"value": -12.0, "error": 0.5}]
    noise, steps, every = np.random.default_rng(0).normal(size=(30, 3)), (0.4, 0.3, 0.0), []
    for row in noise:
        logs, drift = [], 0.0
        for z, step, volume in zip(row, steps, volumes, strict=True):
            drift += z * step
            logs.append(volume["value"] + drift)
        raw = [(high - low) * math.exp(h) for low, high, h in zip((0, 0.3, 0.6), (0.3, 0.6, 0.9), logs, strict=True)]
        every.append([value / sum(raw) for value in raw])
    for found, shares in zip(staircase.between([0.3, 0.6, 0.9], volumes, 30), zip(*every, strict=True), strict=True):
        assert found == (pytest.approx(np.quantile(shares, 0.025)), pytest.approx(np.quantile(shares, 0.975)))
