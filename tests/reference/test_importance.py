"""Importance sampling against sets whose volumes are known."""

import math

import numpy as np
import pytest

from mesa_core.reference import importance


def triangular(n, dim, seed=0):
    """Samples of the law with density prod 2 x_i on the box, and its log."""
    x = np.sqrt(np.random.default_rng(seed).random((n, dim)))
    return x, np.log(2 * x).sum(1)


def test_a_corner_has_its_volume_by_a_law_that_prefers_it():
    x, density = triangular(20_000, 4)
    told = importance.log_volume(density, (x > 0.7).all(1))
    assert told["value"] == pytest.approx(4 * math.log(0.3), abs=5 * told["error"])
    assert 0 < told["error"] < 0.1
    assert told["effective"] < told["valid"] < told["n"] == 20_000


def test_a_wrong_density_is_found_out():
    x, density = triangular(20_000, 4)
    told = importance.log_volume(density + 0.5, (x > 0.7).all(1))
    assert abs(told["value"] - 4 * math.log(0.3)) > 5 * told["error"]


def test_the_uniform_law_on_the_set_has_no_error_beyond_its_share():
    told = importance.log_volume(np.full(100, 3.0), np.ones(100, bool))
    assert (told["value"], told["error"], told["effective"]) == (-3.0, 0.0, 100.0)


def test_of_an_empty_set_nothing_is_said():
    assert importance.log_volume(np.zeros(10), np.zeros(10, bool)) is None


def test_a_mixture_of_parts_covers_what_each_leaves_out():
    """Two halves of the box, each sampled by a law that knows only itself: together they have the whole volume."""
    draw = np.random.default_rng(0)
    x = np.concatenate([draw.uniform(0, 0.5, 5000), draw.uniform(0.5, 1, 5000)])
    left = np.where(x < 0.5, math.log(2), -math.inf)
    right = np.where(x >= 0.5, math.log(2), -math.inf)
    mixed = importance.of_mixture(np.stack([left, right]))
    assert importance.log_volume(mixed, np.ones(len(x), bool))["value"] == pytest.approx(0, abs=1e-6)
    assert importance.log_volume(left[:5000], np.ones(5000, bool))["value"] == pytest.approx(-math.log(2), abs=1e-3)
