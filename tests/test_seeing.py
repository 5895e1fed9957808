"""The table of kinds: what it counts as spreading, sitting, nesting and widening."""

from dataclasses import replace

import pytest

from benchmarks import seeing
from mesa_core.measures.intervals import proportion
from mesa_core.measures.submodel import Spread, Submodel


def level(beta, asr, nats, inside=None):
    nested = None if inside is None else proportion(inside, 100)
    return Submodel(
        beta=beta, kept=True, mean_asr=proportion(asr, 100), modes=[], entropy=Spread(nats, n=100), nested=nested
    )


def run(alpha, nats, left=None, kind="mine", code=3):
    levels = (level(0.5, 60, nats), level(0.9, 90, nats - 5, 40))
    return seeing.One("signs", code, kind, alpha, levels, left, None if left is None else 0.5)


@pytest.mark.parametrize(("step", "grew"), [(2.7, 2), (2.5, 0), (-4.0, 0)])
def test_a_step_of_alpha_spreads_where_the_entropy_of_a_level_grows_by_a_tenth_in_every_direction(step, grew):
    found = seeing.figures([run(1.0, -10 + step), run(0.1, -10.0)])
    assert found["spreads"] == {"0.1 to 1": [grew, 2]}


def test_steps_are_counted_within_a_trigger_only():
    assert seeing.figures([run(0.1, 0.0, code=3), run(1.0, 50.0, code=4)])["spreads"] == {}


def test_levels_sit_nest_and_widen_by_the_usual_alpha_alone():
    found = seeing.figures([run(0.1, 0.0, 2.0), run(10.0, 30.0, 90.0)])
    assert found["sits"] == {"mean": 5.0, "median": 5.0, "least": 0.0, "most": 10.0, "n": 2}
    assert found["nests"]["0.1"]["median"] == 40.0
    assert found["widens"] == [1, 1]
    assert found["left"]["most"] == 2.0
    tight = replace(run(0.1, 0.0), levels=(level(0.5, 60, 0.0), level(0.9, 90, -1.0, 40)))
    assert seeing.figures([tight])["widens"] == [0, 1]


def test_the_table_has_a_row_a_kind_and_says_what_is_missing():
    rows = seeing.table({"mine": seeing.figures([run(0.1, 0.0)])}).splitlines()
    assert len(rows) == 3
    assert rows[2].startswith("| mine | 1 |")
    assert rows[2].endswith("| – | – |"), "no repair, so nothing is left of it"
