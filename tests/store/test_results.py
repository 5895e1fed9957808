"""Results as dataclasses: what is read is written again byte for byte, and what is damaged is said with its place."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesa_core.disk.shaped import Damaged
from mesa_core.measures.evaluation import Evaluation, Rates
from mesa_core.store import StoreError
from mesa_core.store.results import Result
from mesa_core.store.shipped import shipped_runs
from tests import invented

ASSETS = Path(__file__).parents[2] / "assets"
SHIPPED = sorted(ASSETS.glob("**/result.json"))
RING = json.loads((shipped_runs() / "signs-ring" / "result.json").read_text("utf-8"))
NEEDED = {"config", "hardware", "versions", "timings", "data", "clean", "before", "after", "submodels"}


def text(value):
    return json.dumps(value, indent=1, allow_nan=False)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_every_shipped_result_is_read_and_written_again_byte_for_byte(path):
    read = json.loads(path.read_text("utf-8"))
    told = Result.from_json(read).to_json()
    assert text(told) == text(read)
    assert told is not read


def test_there_are_shipped_results_to_try():
    assert len(SHIPPED) > 60


def test_reading_needs_no_torch_and_nothing_that_is_slow_to_import():
    program = (
        "import sys, mesa_core.store.results; sys.exit(sum(m in sys.modules for m in ('torch', 'sklearn', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ASSETS.parent, check=False).returncode == 0


def test_attributes_are_what_the_keys_were():
    result = Result.from_json(RING)
    assert result.before.asr.original.value == RING["before"]["asr"]["original"]["value"]
    assert result.after["mesa"].asr.worst.code == RING["after"]["mesa"]["asr"]["worst"]["code"]
    assert result.submodels[1].recall["0.8"].code_images == RING["submodels"][1]["recall"]["0.8"]["code_images"]
    assert len(result.points) == sum(name.startswith("point") for name in RING["after"])
    assert result.data.classes[0] == RING["data"]["classes"][0]


def test_what_an_invented_run_holds_goes_through_unchanged(tmp_path):
    run = invented.run(
        tmp_path, "one", levels=[invented.level(), invented.level(two=0.3)], worst=0.2, cost=(0.01, 0.02)
    )
    assert text(Result.from_json(run.result()).to_json()) == text(run.result())


# -- other versions
def objects(value, place=()):
    """Every object inside a JSON value, with its place."""
    if isinstance(value, dict):
        yield place, value
        for key, item in value.items():
            yield from objects(item, (*place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from objects(item, (*place, number))


def leaves(value, place=()):
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*place, key))
    else:
        yield place


def holder(value, place):
    for key in place[:-1]:
        value = value[key]
    return value


SMALL = {
    **{key: value for key, value in RING.items() if key != "after_by_beta"},
    "after": {name: RING["after"][name] for name in ("mesa", "point")},
    "submodels": RING["submodels"][:2],
}
INSIDE = [p for p, found in objects(SMALL) if p and p[0] not in ("config",)]
ANY = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=4), st.lists(st.integers(0, 3), max_size=2)
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_a_newer_version_adds_is_kept_in_its_place(data):
    read = copy.deepcopy(SMALL)
    by_name = ("after", "recall", "precision", "timings", "sizes")  # whose keys are no fields
    places = [place for place in INSIDE if place[-1] not in by_name]
    for place in data.draw(st.lists(st.sampled_from(places), max_size=4, unique=True)):
        found = holder(read, (*place, ""))
        found[f"new {data.draw(st.text(max_size=3))}"] = data.draw(ANY)
        names = data.draw(st.permutations(list(found)))
        items = {name: found[name] for name in names}
        found.clear()
        found.update(items)
    assert text(Result.from_json(read).to_json()) == text(read)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_an_older_version_lacks_stays_away(data):
    read = copy.deepcopy(SMALL)
    optional = sorted(set(read) - NEEDED)
    for name in data.draw(st.lists(st.sampled_from(optional), min_size=1, unique=True)):
        del read[name]
    for entry in read["submodels"]:
        for name in data.draw(
            st.lists(st.sampled_from(["kind", "defender_asr", "entropy", "recall", "nested"]), unique=True)
        ):
            entry.pop(name, None)
    assert text(Result.from_json(read).to_json()) == text(read)


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_what_no_result_can_lack_is_named(name):
    with pytest.raises(Damaged, match=f"^{name}: is missing$"):
        Result.from_json({key: value for key, value in RING.items() if key != name})


# -- damage
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_figure_that_is_none_is_said_with_its_place(data):
    figures = [p for p in leaves(SMALL) if p[-1] in ("value", "low", "high", "n") and p[0] not in ("config", "timings")]
    place = data.draw(st.sampled_from(figures))
    read = copy.deepcopy(SMALL)
    bad = data.draw(st.sampled_from([None, "0.5", True, float("nan"), float("inf"), -1e9, [], {}]))
    holder(read, place)[place[-1]] = bad
    with pytest.raises(Damaged) as told:
        Result.from_json(read)
    assert str(told.value).startswith(".".join(map(str, place)) + ": ")


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(list(leaves(SMALL))), ANY)
def test_any_change_is_read_and_written_again_or_is_called_damaged(place, value):
    read = copy.deepcopy(SMALL)
    holder(read, place)[place[-1]] = value
    try:
        told, said = Result.from_json(read).to_json(), ""
    except Damaged as error:
        told, said = read, str(error)
    assert text(told) == text(read)
    assert not said or said.startswith(str(place[0]))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("before", "clean_accuracy", "value"), 1.2),
        (("before", "asr", "worst"), {"value": 0.1, "n": 5, "low": 0, "high": 1}),  # without its code
        (("submodels", 0, "modes", 0, "trigger"), "#zzz"),
        (("submodels", 0, "entropy", "value"), 1e6),
        (("submodels", 0, "recall"), {"high": None}),
        (("after",), {"<b>": RING["before"]}),
        (("config", "target"), "three"),
        (("timings", "mesa"), "long"),
        (("submodels",), {}),
        (("before",), None),
    ],
)
def test_a_result_of_another_shape_is_called_damaged(place, value):
    read = copy.deepcopy(RING)
    assert Result.from_json(read)
    holder(read, place)[place[-1]] = value
    with pytest.raises(Damaged):
        Result.from_json(read)


@pytest.mark.parametrize("value", [None, [], 3, "result", {}])
def test_what_is_no_result_at_all_is_called_damaged(value):
    with pytest.raises(Damaged):
        Result.from_json(value)


# -- evaluations
def test_a_fresh_evaluation_writes_what_was_not_asked_as_null_and_no_change():
    read = Evaluation.from_json(RING["before"])
    again = Evaluation(read.clean_accuracy, read.target_accuracy, read.natural_rate, read.asr, read.effective_asr)
    assert text(again.to_json()) == text(RING["before"])
    assert "change" not in again.to_json()
    assert Rates(None, None, None).to_json() == {"original": None, "sampled": None, "worst": None}


def test_samples_are_put_into_an_evaluation_that_was_made_before_them():
    whole = Evaluation.from_json(RING["before"])
    bare = copy.deepcopy(RING["before"])
    bare["asr"]["sampled"] = bare["effective_asr"]["sampled"] = None
    made = Evaluation.from_json(bare).with_samples(whole.asr.sampled, whole.effective_asr.sampled)
    assert text(made.to_json()) == text(RING["before"]) != text(bare)


def test_a_run_tells_its_outcome_or_in_one_sentence_why_it_cannot(tmp_path):
    run = invented.run(tmp_path, "one")
    assert run.outcome() == Result.from_json(run.result())
    run.write_result({**run.result(), "submodels": [{"beta": 2}]})
    with pytest.raises(
        StoreError, match=r"result\.json of one does not hold a result: submodels\.0\.beta: is 2, not from 0 to 1\."
    ):
        run.outcome()
    (run.path / "result.json").unlink()
    assert run.outcome() is None
