"""The toy world of the lessons is exact: its laws are the best ones, its staircase converges."""

import itertools

import numpy as np
import pytest

from dashboard.views.learn import toy


def objective(density, alpha, beta):
    """E[max(0, beta - F)] - alpha * entropy, which the law has to minimise."""
    mass = density / toy.GRID
    hinge = float((mass * np.maximum(0, beta - toy.success())).sum())
    some = mass > 0
    return hinge + alpha * float((mass[some] * np.log(density[some])).sum())


@pytest.mark.parametrize("alpha", [0.01, 0.1, 1.0])
def test_no_other_law_does_better(alpha):
    best, draw = toy.law(alpha, 0.7).density, np.random.default_rng(0)
    assert best.mean() == pytest.approx(1)
    least = objective(best, alpha, 0.7)
    for _ in range(50):
        other = best * np.exp(draw.normal(0, draw.choice([0.01, 0.1, 1]), toy.GRID))
        assert objective(other / other.mean(), alpha, 0.7) > least
    assert objective(toy.law(3 * alpha, 0.7).density, alpha, 0.7) > least  # the law of another alpha is not the best


def test_alpha_spreads_the_samples_beyond_the_valid_ones():
    laws = [toy.law(alpha, 0.7) for alpha in (0.0, 0.01, 0.1, 1.0, 10.0)]
    assert all(a.entropy < b.entropy for a, b in itertools.pairwise(laws))
    assert all(a.valid > b.valid for a, b in itertools.pairwise(laws))
    assert laws[0].reached < 0.01
    assert laws[1].reached == 1


def test_more_steps_follow_the_distribution_more_closely_with_the_right_weights_only():
    right = [toy.staircase(toy.even_levels(n)) for n in (3, 6, 12, 48)]
    errors = [one.error for one in right]
    assert errors == sorted(errors, reverse=True)
    assert errors[1] == pytest.approx(errors[0] / 2, rel=0.25)
    assert errors[-1] < 0.02
    assert toy.staircase(toy.even_levels(48), uniform=True).error > 0.1
    for one in right:
        assert one.mixture.mean() == pytest.approx(1)
        assert sum(one.weights) == pytest.approx(1)
        assert one.weights[-1] == 0  # nothing exceeds 1: skipped


def test_a_level_that_nothing_reaches_is_skipped():
    found = toy.staircase([0.99])
    assert found.weights == (0.0,)
    assert not found.mixture.any()


def test_quantiles_stand_for_equal_parts():
    law = toy.law(0.03, 0.7)
    places = toy.quantiles(law.density, 1000)
    share = np.interp(places, toy.grid(), toy.success()) >= 0.7
    assert share.mean() == pytest.approx(law.valid, abs=0.02)
    assert (np.diff(places) >= 0).all()
