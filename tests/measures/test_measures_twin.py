"""Intervals, coverage, modes, entropies and nesting against formulas that are written out, at their edges."""

import math

import numpy as np
import pytest
from scipy import stats

from mesa_core.measures import coverage, intervals, modes
from mesa_core.measures import nesting as comparison
from mesa_core.measures.entropy import entropy_of, nearest_neighbour, standard_error
from mesa_core.measures.intervals import of_drawn, of_rates, paired_difference, proportion

Z = stats.norm.ppf(0.975)


# -- intervals
@pytest.mark.parametrize(("hits", "n"), [(0, 7), (3, 7), (7, 7), (81, 263), (1, 1), (999, 1000)])
def test_wilsons_interval_is_where_the_test_of_the_share_just_fails(hits, n):
    """Its ends p solve |hits/n - p| = z sqrt(p (1 - p) / n)."""
    found = proportion(hits, n)
    assert (found.value, found.n) == (hits / n, n)
    for end, least in ((found.low, 0.0), (found.high, 1.0)):
        if end != least:
            assert abs(hits / n - end) == pytest.approx(Z * math.sqrt(end * (1 - end) / n), rel=1e-4)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.low == 0) == (hits == 0)


def test_of_nothing_nothing_is_known():
    assert proportion(0, 0) == intervals.Measured(0.0, 0, 0.0, 1.0)
    assert paired_difference(np.zeros(0, bool), np.zeros(0, bool)) == intervals.Measured(0.0, 0, -1.0, 1.0)
    assert of_drawn(np.ones((2, 3)), np.zeros((2, 3), int), np.zeros((2, 3))) == proportion(0, 0)
    assert intervals.Measured(1 / 3, 3, 0.12345678, 1.0).to_json() == {
        "value": 0.333333, "n": 3, "low": 0.123457, "high": 1.0,
    }  # fmt: skip


def bootstrap(hits, images, counts, seed):
    """The pigeonhole bootstrap, one trial after another."""
    names = sorted(set(images.flatten().tolist()))
    draw, means = np.random.default_rng(seed), []
    for _ in range(400):
        of_image = dict(zip(names, draw.multinomial(len(names), [1 / len(names)] * len(names)), strict=True))
        of_trigger = draw.multinomial(len(hits), [1 / len(hits)] * len(hits))
        top = bottom = 0
        for i, row in enumerate(hits):
            for j, hit in enumerate(row):
                if counts[i, j]:
                    weight = of_image[images[i, j]] * of_trigger[i]
                    top, bottom = top + weight * hit, bottom + weight
        if bottom:
            means.append(top / bottom)
    return np.quantile(means, [0.025, 0.975])


@pytest.mark.parametrize("some", [False, True])
def test_a_set_of_triggers_has_the_interval_of_a_bootstrap_over_both(some):
    rng = np.random.default_rng(1)
    hits, images = rng.random((6, 5)) < 0.6, rng.integers(0, 9, (6, 5))
    counts = rng.random((6, 5)) < 0.7 if some else np.ones((6, 5), bool)
    found = of_drawn(hits, images, counts if some else None, 4)
    low, high = bootstrap(hits, images, counts, 4)
    assert (found.value, found.n) == (pytest.approx(hits[counts].mean()), counts.sum())
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.low < found.value < found.high
    assert of_drawn(hits, images) == of_drawn(hits, images, None, 0)


def test_where_every_trial_agrees_the_interval_is_of_as_many_images_as_there_were():
    images = np.array([[0, 1, 2], [2, 1, 0]])
    for value in (0, 1):
        found, few = of_drawn(np.full((2, 3), value), images), proportion(3 * value, 3)
        assert (found.value, found.n, found.low, found.high) == (value, 6, few.low, few.high)


def test_a_mean_of_rates_has_students_interval():
    rates = np.array([0.5, 0.6, 0.4, 0.55])
    found = of_rates(rates, 10)
    low, high = stats.t.interval(0.95, 3, rates.mean(), stats.sem(rates))
    assert (found.value, found.n) == (pytest.approx(rates.mean()), 40)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    wide = of_rates(np.array([0.0, 1.0]), 4)
    assert (wide.low, wide.high) == (0.0, 1.0)
    one, alike = of_rates(np.array([0.25]), 8), of_rates(np.array([0.25, 0.25, 0.25]), 8)
    assert (one.value, one.n) == (0.25, 8)
    assert (alike.value, alike.n) == (0.25, 24)
    assert (one.low, one.high) == (alike.low, alike.high) == (proportion(2, 8).low, proportion(2, 8).high)


def test_a_paired_difference_counts_what_changed_and_half_a_change_more_on_each_side():
    before = np.array([1, 1, 1, 1, 0, 0, 0, 0, 1, 0], bool)
    after = np.array([0, 0, 0, 1, 1, 0, 0, 0, 1, 0], bool)
    found = paired_difference(before, after)
    up, down, n = 1.5, 3.5, 10
    half = Z * math.sqrt(up + down - (up - down) ** 2 / n) / n
    assert (found.value, found.n) == (pytest.approx(-0.2), 10)
    assert (found.low, found.high) == (pytest.approx(-0.2 - half, abs=1e-6), pytest.approx(-0.2 + half, abs=1e-6))
    other = paired_difference(after, before)
    assert (other.value, other.low, other.high) == (-found.value, -found.high, -found.low)
    whole = paired_difference(np.ones(2, bool), np.zeros(2, bool))
    assert whole.low == -1
    assert paired_difference(np.zeros(2, bool), np.ones(2, bool)).high == 1


# -- coverage
def test_a_code_and_a_sample_that_just_reach_a_level_count():
    rates = np.zeros(512)
    rates[[3, 4]] = 0.5
    codes, own = np.array([3, 4]), np.array([0.5, 0.49])
    found = coverage.recall(rates, codes, own, 0.5)
    assert (found.value, found.n) == (0.5, 2)
    share = coverage.precision(own, 0.5)
    assert (share.value, share.n) == (0.5, 2)
    told = coverage.by_level(rates, codes, own, 7, 9)
    assert list(told.recall) == list(told.precision) == ["0.5", "0.8", "0.9"]
    assert told.to_json()["recall"]["0.5"] == {**found.to_json(), "images": 7, "code_images": 9}
    assert told.to_json()["precision"]["0.5"] == {**share.to_json(), "images": 7}
    assert told.recall["0.8"] is None


# -- entropy
def test_the_estimate_by_hand():
    """Kozachenko and Leonenko: psi(n) - psi(k) + log of the unit ball + d times the mean log distance."""
    places = np.array([[0.0], [1.0], [3.0], [7.0], [15.0]])
    third = [7, 6, 4, 7, 14]
    wanted = (1 + 1 / 2 + 1 / 3 + 1 / 4) - (1 + 1 / 2) + math.log(2) + np.log(third).mean()
    assert nearest_neighbour(places) == pytest.approx(wanted)
    first = [1, 1, 2, 4, 8]
    wanted = (1 + 1 / 2 + 1 / 3 + 1 / 4) + math.log(2) + np.log(first).mean()
    assert nearest_neighbour(places, 1) == pytest.approx(wanted)
    assert standard_error(places) == pytest.approx(np.log(third).std() / math.sqrt(5))
    wide = np.pad(places, ((0, 0), (0, 2)))  # in three dimensions, where the ball has 4/3 pi
    wanted = (1 + 1 / 2 + 1 / 3 + 1 / 4) - (1 + 1 / 2) + math.log(4 / 3 * math.pi) + 3 * np.log(third).mean()
    assert nearest_neighbour(wide) == pytest.approx(wanted)
    assert standard_error(wide) == pytest.approx(3 * np.log(third).std() / math.sqrt(5))
    assert entropy_of(places).value == round(nearest_neighbour(places), 3)
    assert nearest_neighbour(places[:4]) == pytest.approx(
        (1 + 1 / 2 + 1 / 3) - (1 + 1 / 2) + math.log(2) + np.log([7, 6, 4, 7]).mean()
    )


def test_equal_samples_count_as_a_millionth_apart():
    found = nearest_neighbour(np.zeros((10, 2)))
    harmonic = sum(1 / i for i in range(1, 10))
    assert found == pytest.approx(harmonic - 1.5 + math.log(math.pi) + 2 * math.log(1e-6))


# -- nesting
def test_a_set_reaches_as_far_as_95_percent_of_its_nearest_neighbours():
    line = np.concatenate([np.arange(0, 20, 1.0), [30.0]])[:, None]
    apart = [1.0] * 20 + [11.0]
    assert comparison.reach(line) == pytest.approx(np.quantile(apart, 0.95))
    assert comparison.reach(line[:1]) == 0.0
    assert comparison.reach(np.array([[0.0], [3.0]])) == 3.0


def test_what_lies_as_near_as_the_set_reaches_is_inside():
    outer = np.arange(0.0, 20, 1.0)[:, None]
    found = comparison.inside(np.array([[-1.0], [-1.5], [5.5], [20.0], [20.01]]), outer)
    assert (found.value, found.n) == (0.6, 5)


def test_modes_of_a_reference_are_asked_for_from_one_percent_of_its_mass():
    reference = np.concatenate([np.linspace(0, 1, 297), [5.0, 5.1], [9.0, 9.1, 9.2], np.full(98, 20.0)])[:, None]
    labels = np.repeat([0, 1, 2, -1], [297, 2, 3, 98])
    told = comparison.modes_found(np.array([[9.3], [0.5]]), reference, labels)
    assert told.of == 1, "two in 400 are less than one percent, and so are three"
    told = comparison.modes_found(np.array([[9.3], [0.5]]), reference[:302], labels[:302])
    assert [one.share for one in told.modes] == [round(297 / 302, 4)]
    few = comparison.modes_found(np.array([[9.29]]), reference[100:302], labels[100:302])
    assert [(one.share, one.found) for one in few.modes] == [(round(197 / 202, 4), False), (round(3 / 202, 4), True)]
    assert few.found == 1
    exactly = comparison.modes_found(np.array([[9.21]]), reference[100:300], labels[100:300])
    assert exactly.of == 2, "two of 200 are one percent"
    lone = comparison.modes_found(np.array([[0.0]]), np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 1]))
    assert lone.of == 1, "of one member nobody knows how far it reaches"


# -- modes
def blob(centre, n, width=0.05, dim=27, seed=0):
    return np.clip(np.random.default_rng(seed).normal(centre, width, (n, dim)), 0, 1)


def test_fewer_than_ten_samples_are_one_mode():
    spread = np.random.default_rng(0).random((12, 27))
    assert modes.find_modes(spread[:9]).tolist() == [0] * 9
    assert modes.find_modes(spread[:10]).tolist() == [-1] * 10


def test_the_largest_mode_comes_first_and_the_least_has_four_percent():
    parts = [blob(0.1, 30, seed=1), blob(0.9, 100, seed=2), blob(0.5, 60, seed=3)]
    found = modes.find_modes(np.concatenate(parts))
    tops = [np.bincount(one[one >= 0]).argmax() for one in np.split(found, [30, 130])]
    assert tops == [2, 0, 1]
    assert found.dtype == np.int16
    rare = modes.find_modes(np.concatenate([blob(0.1, 500, seed=1), blob(0.5, 480, seed=4), blob(0.9, 20, seed=2)]))
    assert set(rare[rare >= 0].tolist()) == {0, 1}
    assert (rare[980:] == -1).all(), "two percent are too few"


@pytest.mark.parametrize("dim", [27, 75])
def test_clusters_whose_nearest_members_touch_are_one(dim):
    """Two blobs of small width at a distance that is told in the scale of 27 values."""
    scale = math.sqrt(dim / 27)
    for apart, count in ((0.5, 1), (0.7, 2)):
        a, b = np.full((100, dim), 0.3), np.full((100, dim), 0.3)
        b[:, 0] += apart * scale
        samples = np.concatenate([a, b]) + np.random.default_rng(0).normal(0, 1e-4, (200, dim))
        assert len(set(modes.find_modes(samples).tolist()) - {-1}) == count


def test_of_long_clusters_the_nearest_members_count():
    """Two lines, each 0.3 long, that go on in one direction at some distance: their far ends are farther apart than JOIN."""
    for apart, count in ((0.5, 1), (0.7, 2)):
        lines = np.full((200, 27), 0.2)
        lines[:, 0] = np.linspace(0, 0.6, 200)
        lines[100:, 1] += apart
        lines += np.random.default_rng(0).normal(0, 1e-4, lines.shape)
        assert np.linalg.norm(lines[0] - lines[-1]) > modes.JOIN
        assert len(set(modes.find_modes(lines).tolist()) - {-1}) == count


def test_a_cluster_as_wide_as_noise_is_none():
    """HDBSCAN finds a line from corner to corner, since it is dense; its deviation is that of noise, 0.29."""
    tight = np.tile(np.r_[np.ones(13), np.zeros(14)], (100, 1))
    for length, line in ((0.5, 0), (1.0, -1)):
        along = 0.5 + length * np.linspace(-0.5, 0.5, 200)[:, None] * np.ones((1, 27))
        found = modes.find_modes(np.concatenate([along, tight]))
        assert set(found[:200].tolist()) == {line}
        assert set(found[200:].tolist()) == {1 + line}


def hdbscan(samples, neighbours, jitter):
    from sklearn.cluster import HDBSCAN

    shaken = samples + np.random.default_rng(0).normal(0, jitter, samples.shape)
    return HDBSCAN(min_cluster_size=5, min_samples=neighbours, copy=True).fit_predict(shaken)


def test_who_is_noise_is_hdbscans_word_for_five_neighbours_after_a_jitter_of_a_hundredth():
    draw = np.random.default_rng(1)
    samples = np.clip(draw.random((3, 27))[np.arange(120) % 3] + draw.normal(0, 0.2, (120, 27)), 0, 1)
    noise = modes.find_modes(samples) < 0
    assert (noise == (hdbscan(samples, 5, 0.01) < 0)).all()
    for other in ((4, 0.01), (6, 0.01), (5, 0.02), (5, 0.005)):
        assert (noise != (hdbscan(samples, *other) < 0)).any(), "another setting would be seen"


def test_a_set_in_one_piece_is_a_mode_where_its_spread_is_small():
    for width, mode in ((0.15, 0), (0.28, -1)):
        samples = np.random.default_rng(0).uniform(0.5 - width * 3**0.5, 0.5 + width * 3**0.5, (200, 27))
        assert set(modes.find_modes(samples).tolist()) == {mode}


def test_the_medoid_is_the_sample_nearest_to_the_median():
    samples = np.zeros((6, 27), np.float32)
    samples[:, 0] = [0.0, 0.2, 0.4, 0.5, 1.0, 0.9]
    labels = np.array([0, 0, 0, 0, 0, 1])
    told = modes.summarise(samples, np.array([1.0, 1.0, 0.0, 0.5, 0.5, 0.25]), labels, 4)
    assert [one.share for one in told] == [round(5 / 6, 4), round(1 / 6, 4)]
    assert told[0].trigger.startswith("#660000 #000000")
    assert told[1].trigger.startswith("#e60000 #000000")
    assert told[0].asr == of_rates(np.array([1.0, 1.0, 0.0, 0.5, 0.5]), 4).rounded()
    assert modes.summarise(samples, np.ones(6), np.full(6, -1)) == []
    many = modes.summarise(np.zeros((20, 27)), np.ones(20), np.arange(20) % 10)
    assert len(many) == modes.MOST == 8
