"""The nearest-neighbour estimate against entropies that are known exactly."""

import numpy as np
import pytest

from mesa_core.measures.entropy import entropy_of, nearest_neighbour, standard_error

RNG_SEED = 0


@pytest.mark.parametrize("dimensions", [1, 2, 4])
def test_a_normal_law(dimensions):
    rng = np.random.default_rng(RNG_SEED)
    exact = dimensions / 2 * np.log(2 * np.pi * np.e * 0.3**2)
    assert nearest_neighbour(rng.normal(0, 0.3, (4000, dimensions))) == pytest.approx(exact, abs=0.1)


def test_a_box_of_known_volume():
    rng = np.random.default_rng(RNG_SEED)
    assert nearest_neighbour(rng.random((4000, 2)) * [2.0, 0.25]) == pytest.approx(np.log(0.5), abs=0.1)


def test_shrinking_costs_what_it_should_and_a_point_is_far_below():
    samples = np.random.default_rng(RNG_SEED).random((500, 27))
    whole, small = nearest_neighbour(samples), nearest_neighbour(samples / 10)
    assert whole - small == pytest.approx(27 * np.log(10), abs=1e-6)
    assert nearest_neighbour(np.zeros((50, 27))) < -300


def test_the_standard_error_is_how_far_estimates_scatter():
    rng = np.random.default_rng(RNG_SEED)
    draws = [rng.random((300, 9)) ** 2 for _ in range(40)]
    scatter = np.std([nearest_neighbour(one) for one in draws])
    told = np.mean([standard_error(one) for one in draws])
    assert 0.6 < told / scatter < 1.6
    assert standard_error(draws[0][:75]) > 1.4 * standard_error(draws[0])


def test_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="4 samples"):
        nearest_neighbour(np.zeros((3, 27)))


def test_json_says_how_and_from_how_many():
    found = entropy_of(np.random.default_rng(0).random((40, 27)))
    assert list(found.to_json()) == ["value", "method", "n"]
    assert found.n == 40
