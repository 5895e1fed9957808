"""What an older result's levels lack, each figure by hand from three small sets, and nothing that they have changed."""

from dataclasses import replace

import numpy as np
import pytest

from mesa_core.measures import breadth, dimensions, entropy
from mesa_core.measures.intervals import proportion
from mesa_core.measures.nesting import STEP, flattened, inside
from mesa_core.measures.submodel import Spread, Submodel

BETAS = (0.5, 0.8, 0.9)
SHARE = proportion(5, 10)
OTHER = {"dimensions": Spread(1.25, n=7), "entropy": Spread(-9.0, n=7, method="told")}
OTHER |= dict.fromkeys(("nested", "nested_axes", "nested_svd"), proportion(3, 9).rounded())


def levels():
    return [Submodel(beta=beta, kept=True, mean_asr=SHARE, modes=[]) for beta in BETAS]


def samples(n=40, levels=3):
    """Sets that overlap by halves, of different widths; as a result stores them, the levels' rows mixed."""
    draw = np.random.default_rng(1)
    level = np.tile(np.arange(levels), n)
    width, middle = np.array([0.1, 0.08, 0.09])[level, None], np.array([0.5, 0.5, 0.52])[level, None]
    drawn = draw.normal(middle, width, (levels * n, 27))
    return {
        "triggers": np.rint(np.clip(drawn, 0, 1) * 255).astype(np.uint8),
        "level": level,
        "pca": drawn[:, :2] + draw.normal(0, 0.01, (levels * n, 2)),
    }


def sets(held):
    stored = [held["triggers"][held["level"] == i] / 255 for i in range(3)]
    return stored, [held["pca"][held["level"] == i] for i in range(3)]


def test_every_measure_is_that_of_its_own_level_and_the_one_below():
    held = samples()
    points, drawn = sets(held)
    flat, seen = flattened(points), set()
    for i, one in enumerate(breadth.complete(levels(), held)):
        assert one.beta == BETAS[i]
        assert one.dimensions == Spread(round(dimensions.effective(points[i], STEP), 3), n=40)
        assert one.entropy == entropy.entropy_of(points[i], STEP)
        nested = (one.nested, one.nested_axes, one.nested_svd)
        if i == 0:
            assert nested == (None, None, None), "nothing lies below the lowest"
        else:
            assert nested == tuple(inside(each[i], each[i - 1], STEP).rounded() for each in (points, drawn, flat))
            seen |= {share.value for share in nested}
    assert len(seen) >= 4, "else one could stand for another"


@pytest.mark.parametrize("kept", sorted(OTHER))
def test_what_a_level_has_stays_and_the_rest_is_filled_in(kept):
    held = samples()
    whole = breadth.complete(levels(), held)
    found = breadth.complete([replace(one, **{kept: OTHER[kept]}) for one in levels()], held)
    for ours, full in zip(found, whole, strict=True):
        assert ours == replace(full, **{kept: OTHER[kept]})


def test_levels_that_know_their_width_and_entropy_are_left_as_they_are():
    told = [replace(one, **OTHER) for one in levels()]
    assert breadth.complete(told, samples()) == told
    half = [told[0], replace(told[1], entropy=None), told[2]]
    assert breadth.complete(half, samples())[1].entropy is not None, "one that lacks something is enough"
    known = [replace(one, dimensions=OTHER["dimensions"], entropy=OTHER["entropy"]) for one in levels()]
    assert breadth.complete(known, samples()) == known, "then nesting is not asked for"
    assert breadth.complete(levels(), None) == levels()


def test_four_samples_a_level_are_enough_and_three_of_one_level_are_not():
    assert all(one.entropy.n == 4 for one in breadth.complete(levels(), samples(4)))
    few = samples(5)
    kept = np.ones(15, bool)
    kept[[1, 4]] = False  # of the second level
    few = {name: values[kept] for name, values in few.items()}
    assert (few["level"] == 1).sum() == 3
    assert breadth.complete(levels(), few) == levels()


def test_samples_a_step_from_those_below_are_inside_and_two_steps_away_are_not():
    triggers = np.repeat(np.array([[100] * 27] * 3, np.uint8), 5, 0)
    triggers[5:10, 4] += 1
    triggers[10:, 4] += 3
    held = {"triggers": triggers, "level": np.repeat([0, 1, 2], 5), "pca": np.zeros((15, 2))}
    assert [one.nested.value for one in breadth.complete(levels(), held)[1:]] == [1, 0]


def test_one_sample_has_no_dimensions_and_two_have_one():
    two = np.array([[0] * 27, [90] * 27], np.uint8)
    found = breadth.of_levels([two[:1], two], [np.zeros((1, 2)), np.zeros((2, 2))])
    assert found[0].dimensions is None
    assert found[1].dimensions == Spread(1.0, n=2)


def test_a_table_says_each_measure_in_its_column_and_a_dash_for_none():
    told = replace(levels()[1], **OTHER)
    assert breadth.columns(told) == dict(
        zip(breadth.COLUMNS, ("−9.0", "1.2", "33.3 % (12.1–64.6)", "33.3 % (12.1–64.6)", "7"), strict=True)
    )
    assert breadth.columns(replace(told, dimensions=None))["samples"] == "7"
    assert set(breadth.columns(levels()[0]).values()) == {breadth.NONE}
