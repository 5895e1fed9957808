import numpy as np
import pytest

from mesa_core.measures import coverage


def landscape(**valid):
    rates = np.zeros(512)
    for code, rate in valid.items():
        rates[int(code[1:])] = rate
    return rates


def test_recall_counts_codes_that_a_valid_sample_rounds_to():
    rates = landscape(c3=0.95, c5=0.85, c9=0.6)
    codes, own = np.array([3, 3, 5, 9]), np.array([0.9, 0.2, 0.7, 0.9])
    assert coverage.recall(rates, codes, own, 0.5).value == 1
    at_eight = coverage.recall(rates, codes, own, 0.8)
    assert (at_eight.value, at_eight.n) == (0.5, 2), "a sample below the level finds nothing, whatever its code"
    assert coverage.recall(rates, codes, own, 0.9).value == 1
    assert coverage.recall(landscape(), codes, own, 0.5) is None


def test_precision_is_the_samples_own():
    assert coverage.precision(np.array([0.9, 0.8, 0.1, 0.5]), 0.8).value == 0.5


def test_noise_covers_little_even_where_it_rounds_to_everything():
    codes = np.arange(512)
    found = coverage.by_level(landscape(c3=0.95), codes, np.zeros(512), 16, 8)
    assert found.recall["0.5"].value == 0
    assert found.precision["0.5"].value == 0
    assert found.recall["0.5"].images == 16
    assert found.recall["0.5"].code_images == 8
    assert coverage.by_level(None, codes, np.zeros(512), 16, 8).recall == dict.fromkeys(("0.5", "0.8", "0.9"))


@pytest.mark.parametrize("level", coverage.LEVELS)
def test_by_level_agrees_with_a_count_by_hand(level):
    rng = np.random.default_rng(0)
    rates, codes, own = rng.random(512), rng.integers(0, 512, 300), rng.random(300)
    found = coverage.by_level(rates, codes, own, 8, 8)
    valid = [c for c in range(512) if rates[c] >= level]
    hit = [c for c in valid if any(code == c and rate >= level for code, rate in zip(codes, own, strict=True))]
    assert found.recall[f"{level:g}"].value == pytest.approx(len(hit) / len(valid), abs=1e-6)
    assert 0 < len(hit) < len(valid)


def test_an_older_file_says_nothing_of_coverage_and_that_is_nothing():
    assert coverage.Coverage.read({}) == coverage.Coverage()
    assert coverage.Coverage().recall == coverage.Coverage().precision == {}
