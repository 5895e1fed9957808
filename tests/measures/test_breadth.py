"""The measures of alpha and beta: from stored samples the same as from a result, and right where the answer is known."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from mesa_core.disk.shaped import Damaged
from mesa_core.measures import breadth, nesting
from mesa_core.measures.intervals import proportion
from mesa_core.measures.nesting import STEP, flattened, inside, reach
from mesa_core.paper import material
from mesa_core.store.results import Result
from mesa_core.store.shipped import shipped_runs, shipped_sweep

KEYS = ("dimensions", "nested_axes", "nested_svd")


def stored(centre, width, n=200, seed=0):
    drawn = np.random.default_rng(seed).normal(centre, width, (n, 27))
    return np.rint(np.clip(drawn, 0, 1) * 255).astype(np.uint8)


def told(sets, drawn=None):
    return breadth.of_levels(sets, [one[:, :2] / 255 for one in sets] if drawn is None else drawn)


def test_two_axes_see_inside_what_all_dimensions_see_outside():
    low, high = stored(0.5, 0.05), stored(0.5, 0.02, seed=1)
    high[:, 2] = 255  # apart in a direction that is not drawn
    found = told([low, high])[1]
    assert found.nested_axes.value > 0.95
    assert inside(high / 255, low / 255, STEP).value == 0
    assert found.nested_axes.n == found.dimensions.n == 200


def test_a_box_inside_a_box_is_inside_by_every_measure_and_two_far_apart_by_none():
    draw = np.random.default_rng(0)
    wide = np.rint(draw.uniform(0.2, 0.8, (400, 27)) * 255).astype(np.uint8)
    small = np.rint(draw.uniform(0.45, 0.55, (400, 27)) * 255).astype(np.uint8)
    far = np.rint(draw.uniform(0.9, 1.0, (400, 27)) * 255).astype(np.uint8)
    _, within, _ = told([wide, small, far])
    assert within.nested_axes.value > 0.95
    assert within.nested_svd.value > 0.95
    assert inside(small / 255, wide / 255, STEP).value > 0.99
    _, apart = told([small, far])
    assert (apart.nested_axes.value, apart.nested_svd.value) == (0, 0)
    assert inside(far / 255, small / 255, STEP).value == 0


def test_samples_a_step_apart_count_as_equal_and_two_steps_do_not():
    point = np.full((20, 27), 100, np.uint8)
    one, two = point.copy(), point.copy()
    one[:, 4] += 1
    two[:, 4] += 2
    assert reach(point / 255) == 0
    assert reach(point / 255, STEP) == STEP
    assert inside(one / 255, point / 255, STEP).value == 1
    assert inside(one / 255, point / 255).value == 0, "without a floor only equal ones are inside"
    assert inside(point / 255, point / 255).value == 1
    assert inside(two / 255, point / 255, STEP).value == 0
    assert [level.dimensions.value for level in told([point, one, two])] == [0, 0, 0]


def test_the_axes_of_appendix_b_are_scikit_learns_uncentred_ones():
    from sklearn.decomposition import TruncatedSVD

    sets = [stored(0.3, 0.1) / 255, stored(0.6, 0.2, seed=1) / 255]
    ours = np.concatenate(flattened(sets))
    theirs = TruncatedSVD(2, algorithm="arpack").fit_transform(np.concatenate([one[:128] for one in sets]))
    assert len(ours) == 2 * nesting.DRAWN
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-6)
    centred = np.concatenate([one[:128] for one in sets])
    centred = centred - centred.mean(0)
    assert np.abs(np.abs(ours[:, 0]) - np.abs(centred @ np.linalg.svd(centred)[2][0])).max() > 0.1


@pytest.fixture(scope="module")
def run():
    return material.finding(material.Run(next(iter(sorted(shipped_sweep().glob("fig4-27-*"))))))


def test_what_a_result_lacks_is_computed_from_its_samples(run):
    entries = run.result.submodels
    found = breadth.complete(entries, material.samples(run))
    assert [one.nested for one in found] == [one.nested for one in entries], "what it has stays"
    assert [one.entropy for one in found] == [one.entropy for one in entries]
    assert found[0].nested_axes is None
    for one in found[1:]:
        assert 0 <= one.nested_axes.value <= 1
        assert one.nested_svd.n == 128
    bare = [replace(one, entropy=None, nested=None, **dict.fromkeys(KEYS)) for one in entries]
    again = breadth.complete(bare, material.samples(run))
    for ours, theirs in zip(again, found, strict=True):
        assert ours.entropy.value == pytest.approx(theirs.entropy.value, abs=1.0), "stored in steps"
        assert ours.dimensions == theirs.dimensions
        if theirs.nested:
            assert ours.nested.value == pytest.approx(theirs.nested.value, abs=0.02)


def test_without_samples_what_is_missing_stays_missing_and_has_a_dash(run):
    bare = [replace(one, **dict.fromkeys(KEYS)) for one in run.result.submodels]
    found = breadth.complete(bare, None)
    assert all(getattr(one, key) is None for one in found for key in KEYS)
    words = breadth.columns(found[1])
    assert words["effective dimensions"] == words["inside the level below, two axes"] == "–"
    assert words["inside it, all dimensions"].endswith(")")
    assert words["entropy, nats"].startswith("−")
    assert words["samples"] == "512"


def test_a_result_that_holds_them_is_believed_only_in_their_shape(run):
    good = replace(run.result, submodels=breadth.complete(run.result.submodels, material.samples(run))).to_json()
    assert Result.from_json(good)
    for key, bad in (
        ("dimensions", {"value": float("nan"), "n": 5}),
        ("dimensions", {"value": "3", "n": 5}),
        ("dimensions", 3.0),
        ("entropy", {"value": None, "n": 5}),
        ("nested_axes", {"value": 7, "low": 0, "high": 1, "n": 5}),
        ("nested_svd", "all of it"),
    ):
        wrong = copy.deepcopy(good)
        wrong["submodels"][1][key] = bad
        with pytest.raises(Damaged, match=f"^submodels.1.{key}"):
            Result.from_json(wrong)


def test_a_level_without_samples_is_no_reason_to_fail(run):
    held = dict(material.samples(run))
    kept = held["level"] != 1
    few = {key: held[key][kept] for key in ("triggers", "level", "pca")}
    assert all(one.dimensions is None for one in breadth.complete(run.result.submodels, few))


def test_the_whole_grows_with_the_share_that_lies_inside():
    low = stored(0.5, 0.05)
    part = np.concatenate([stored(0.5, 0.05, 50, 1), stored(0.95, 0.01, 150, 2)])
    share = told([low, part])[1].nested_axes.value
    assert proportion(40, 200).value <= share <= proportion(52, 200).value


def test_the_shipped_rings_have_been_measured_on_both_sides():
    found = {one.run.name: one for one in material.read([shipped_runs()])}
    narrow, wide = (found[name].levels for name in ("signs-two-modes-alpha-0", "signs-two-modes-alpha-10"))
    assert all(a.entropy.value < b.entropy.value - 80 for a, b in zip(narrow, wide, strict=True))
    assert all(a.dimensions.value < 2 < 6 < b.dimensions.value for a, b in zip(narrow, wide, strict=True))
