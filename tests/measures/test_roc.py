"""The ROC curve, its area and its interval."""

import numpy as np
import pytest

from mesa_core.measures.roc import area, curve, interval


def test_the_area_is_a_half_where_nothing_is_told_and_its_interval_holds_it():
    draw = np.random.default_rng(0)
    attacked, clean = draw.random(200), draw.random(200)
    low, high = interval(attacked, clean)
    assert low < 0.5 < high
    assert area(attacked + 2, clean) == 1
    assert area(clean, attacked + 2) == 0


def test_an_area_of_one_from_few_networks_is_not_certain():
    assert interval([2.0] * 9, [1.0] * 9) == (0.9, 1.0)
    assert interval([2.0] * 99, [1.0] * 9) == (0.9, 1.0)


def test_the_curve_encloses_the_area():
    draw = np.random.default_rng(1)
    attacked, clean = draw.normal(1, 1, 40).round(1), draw.normal(0, 1, 30).round(1)  # with ties
    across, up = curve(attacked, clean)
    assert (across[0], up[0], across[-1], up[-1]) == (0, 0, 1, 1)
    assert np.all(np.diff(across) >= 0)
    assert np.all(np.diff(up) >= 0)
    under = sum((right - left) * (a + b) / 2 for left, right, a, b in zip(across, across[1:], up, up[1:], strict=False))
    assert under == pytest.approx(area(attacked, clean))
