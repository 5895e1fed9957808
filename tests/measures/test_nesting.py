"""Nesting and found modes, on sets where the answer is known."""

import numpy as np

from mesa_core.measures import nesting


def cloud(centre, width, n=300, seed=0, dim=27):
    return np.random.default_rng(seed).normal(centre, width, (n, dim))


def test_a_set_of_the_same_law_lies_inside_and_a_distant_one_does_not():
    outer = cloud(0.5, 0.1)
    assert nesting.inside(cloud(0.5, 0.1, seed=1), outer).value > 0.85
    assert nesting.inside(cloud(0.5, 0.02, seed=1), outer).value > 0.99
    assert nesting.inside(cloud(0.9, 0.1, seed=1), outer).value < 0.05


def test_a_wide_set_does_not_lie_inside_a_narrow_one():
    assert nesting.inside(cloud(0.5, 0.1), cloud(0.5, 0.02)).value < 0.1


def test_modes_are_found_by_whoever_has_a_sample_there():
    reference = np.concatenate([cloud(0.2, 0.03), cloud(0.8, 0.03, n=100, seed=1)])
    labels = np.repeat([0, 1], [300, 100])
    both = nesting.modes_found(np.concatenate([cloud(0.2, 0.03, 5, 2), cloud(0.8, 0.03, 5, 3)]), reference, labels)
    one = nesting.modes_found(cloud(0.2, 0.03, 50, seed=4), reference, labels)
    assert (both.found, both.of) == (2, 2)
    assert [mode.found for mode in one.modes] == [True, False]
    assert one.modes[1].share == 0.25


def test_a_tiny_mode_and_noise_are_not_asked_for():
    reference = np.concatenate([cloud(0.2, 0.03, 396), cloud(0.8, 0.01, 3), cloud(0.5, 0.3, 1)])
    told = nesting.modes_found(cloud(0.2, 0.03, 9, 1), reference, np.repeat([0, 1, -1], [396, 3, 1]))
    assert told.of == 1
