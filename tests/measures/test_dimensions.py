"""Effective dimensions, on sets where the answer is known in closed form."""

import numpy as np
import pytest

from mesa_core.measures.dimensions import effective
from mesa_core.measures.nesting import STEP


def box(sides, n=4000, seed=0):
    return np.random.default_rng(seed).random((n, len(sides))) * np.asarray(sides, float)


@pytest.mark.parametrize("sides", [(1, 1, 1), (1, 0.5, 0.1), (1, 0, 0), (0.2,) * 9])
def test_a_box_has_those_of_its_sides(sides):
    variances = np.asarray(sides, float) ** 2 / 12
    assert effective(box(sides)) == pytest.approx(variances.sum() ** 2 / (variances**2).sum(), rel=0.03)


def test_two_small_boxes_far_apart_lie_on_a_line_however_wide_their_deviation():
    near, far = box((0.1,) * 27, 300), box((0.1,) * 27, 300, 1) + np.r_[np.ones(9), np.zeros(18)] * 0.9
    both = np.concatenate([near, far])
    assert both.var(0).sum() > 10 * near.var(0).sum(), "the standard deviation calls this wide"
    assert effective(both) < 1.1
    assert effective(near) > 20


def test_a_few_points_have_at_most_one_less_than_their_number():
    assert effective(np.eye(3)[[0, 1]]) == pytest.approx(1)
    assert effective(np.eye(4)) == pytest.approx(3), "the corners of a regular tetrahedron"
    assert effective(np.repeat(np.eye(4), 50, axis=0)) == pytest.approx(3), "equal samples add nothing"


def test_neither_place_nor_scale_nor_rotation_changes_it():
    drawn = box((1, 0.5, 0.2))
    turned = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    assert effective(drawn @ turned * 0.01 + 5) == pytest.approx(effective(drawn))


def test_equal_samples_are_a_point_and_what_rounding_tears_apart_is_one_still():
    assert effective(np.full((50, 27), 0.3)) == 0
    step = np.rint(76.1 + box((0.9,) * 27, 200)) / 255  # two neighbouring steps, by chance
    assert len(np.unique(step, axis=0)) > 100
    assert effective(step) > 15, "the directions of the rounding, unless a step is taken for nothing"
    assert effective(step, STEP) == 0


def test_one_sample_is_refused():
    with pytest.raises(ValueError, match="2 samples"):
        effective(np.zeros((1, 27)))
