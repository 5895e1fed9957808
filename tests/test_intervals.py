import numpy as np
import pytest

from mesa_core.intervals import of_drawn, proportion


def test_wilson_against_published_values():
    found = proportion(0, 10)
    assert found.value == 0
    assert found.high == pytest.approx(0.2775, abs=2e-3)
    found = proportion(81, 263)
    assert (found.low, found.high) == (pytest.approx(0.2553, abs=2e-3), pytest.approx(0.3662, abs=2e-3))


def test_a_bootstrap_over_both_is_wider_than_over_one():
    rng = np.random.default_rng(0)
    strong = rng.random(60) < 0.5  # triggers that succeed nearly always or nearly never
    hits = np.where(strong[:, None], rng.random((60, 40)) < 0.95, rng.random((60, 40)) < 0.05)
    found = of_drawn(hits, rng.integers(0, 500, (60, 40)))
    naive = proportion(int(hits.sum()), hits.size)
    assert found.high - found.low > 3 * (naive.high - naive.low)
    assert found.low < hits.mean() < found.high
