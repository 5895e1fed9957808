import numpy as np
import pytest

from mesa_core.measures.coverage import by_level
from mesa_core.measures.modes import find_modes, summarise

RNG = np.random.default_rng(0)


def cloud(centre, n):
    return np.clip(centre + RNG.normal(0, 0.06, (n, 27)), 0, 1)


def test_two_clouds_are_two_modes_and_one_is_one():
    a, b = np.zeros(27), np.ones(27)
    two = find_modes(np.concatenate([cloud(a, 150), cloud(b, 90)]))
    assert set(two[two >= 0]) == {0, 1}
    assert (two[:150] == 0).mean() > 0.9
    one = find_modes(cloud(a, 200))
    assert set(one[one >= 0]) == {0}


def test_uniform_noise_has_no_many_modes():
    assert len(set(find_modes(RNG.random((300, 27)))) - {-1}) <= 1


@pytest.mark.parametrize("shape", [(3, 27), (200, 27)])
def test_equal_samples_do_no_harm(shape):
    same = np.full(shape, 0.3)
    labels = find_modes(same)
    assert summarise(same, np.full(len(same), 0.9), labels)[0].share > 0.9


def test_recall_asks_the_sample_itself_to_succeed():
    truth = np.zeros(512)
    truth[[1, 2]] = 0.95
    found = by_level(truth, np.array([1, 2, 3]), np.array([0.95, 0.1, 0.9]), 10, 10)
    assert found.recall["0.9"].value == 0.5
    assert found.precision["0.9"].value == pytest.approx(2 / 3, abs=1e-3)
    assert by_level(None, np.array([1]), np.array([1.0]), 10, 10).recall["0.5"] is None


@pytest.mark.parametrize("width", [48, 75])
def test_modes_of_larger_triggers_are_found_and_shown(width):
    a, b = (np.clip(c + RNG.normal(0, 0.06, (150, width)), 0, 1) for c in (np.full(width, 0.2), np.full(width, 0.8)))
    samples = np.concatenate([a, b]).astype(np.float32)
    labels = find_modes(samples)
    assert len(set(labels.tolist()) - {-1}) == 2
    told = summarise(samples, np.ones(300), labels)
    assert [len(mode.trigger.split()) for mode in told] == [width // 3] * 2
