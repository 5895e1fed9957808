"""What a run says of sub-models that stay below their level."""

from mesa_core.experiment import sampling
from mesa_core.measures.intervals import proportion
from mesa_core.method import staircase


def told(asr, looked_at):
    mixing = staircase.mixing([0.5, 0.9], [proportion(round(1000 * one), 1000) for one in asr])
    return " ".join(note.text for note in sampling._told(mixing, [0.5, 0.9], looked_at))


def test_where_all_failed_at_random_places_a_plan_is_named_and_not_where_one_was_followed():
    assert "--search-places plan" in told([0.1, 0.2], "anywhere")
    assert "--search-places" not in told([0.1, 0.2], "plan")


def test_where_one_holds_its_level_none_is_named():
    assert told([0.9, 0.2], "anywhere") == "Skipped, because its samples stay below the level: β = 0.9."
