import numpy as np
import pytest

from mesa_core.measures.intervals import of_drawn, of_rates, paired_difference, proportion


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


def test_a_mean_of_rates_has_the_spread_of_the_triggers():
    rates = np.array([0.2, 0.4, 0.6, 0.8])
    m = of_rates(rates, 16)
    assert m.value == 0.5
    assert m.n == 64
    assert m.low < 0.2
    assert of_rates(np.tile(rates, 50), 16).low > 0.4
    same = of_rates(np.ones(12), 16)
    assert (same.value, same.high) == (1.0, 1.0)
    assert same.low < 0.85  # as few images as one trigger had


def test_a_paired_difference_sees_what_two_intervals_do_not():
    before = np.arange(1000) % 2 == 0
    after = before.copy()
    after[:30:2] = False
    m = paired_difference(before, after)
    assert m.high < 0
    assert abs(m.value + 0.015) < 1e-9
    assert paired_difference(before, before).low < 0 < paired_difference(before, before).high
