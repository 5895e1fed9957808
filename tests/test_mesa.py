import pytest

from mesa_core import mesa


def test_skipping_looks_at_the_upper_end():
    assert mesa.keep([0.5, 0.8, 0.9], [0.7, 0.81, 0.85], [0.6, 0.78, 0.8]) == ([True, True, False], False)


def test_if_all_fail_the_best_is_kept_and_said():
    assert mesa.keep([0.8, 0.9], [0.4, 0.5], [0.3, 0.45]) == ([False, True], True)


def test_weights():
    assert mesa.weights([True, False, True]) == [0.5, 0.0, 0.5]
    found = mesa.weights([True, True], [0.0, -1.0986122886681098])
    assert found == [pytest.approx(0.75), pytest.approx(0.25)]
    with pytest.raises(ValueError, match="entropy"):
        mesa.weights([True, True], [1.0, None])
