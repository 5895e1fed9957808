"""What was asked of the store once is found again: keys, seeds, names as they were written down.

A new parameter, a new default, a moved file leave all of this as it is. Where one of these tests fails, results that lie
in people's stores, and the shipped references, would no longer be found.
"""

import json
from dataclasses import fields

import pytest

from mesa_core.config import PROTOCOLS, ExperimentConfig
from mesa_core.defences import Baselines
from mesa_core.experiment import context
from mesa_core.kinds import KINDS
from tests.golden.naming import name_of
from tests.golden.recording import SEEDED, asked, changes_of, read, record_case

CASES = {case["name"]: case for case in read("keys.json")}
WHOLE = "every baseline, detected, each level"
SAID = 62  # parameters when the cases were written


@pytest.mark.parametrize("name", CASES)
def test_every_stage_keeps_its_key_and_seed(name, tmp_path):
    case = CASES[name]
    assert len(case["config"]) >= SAID, "a case names every parameter, so that no default has a part in it"
    assert json.loads(json.dumps(record_case(case, tmp_path))) == case["golden"]


@pytest.mark.parametrize("case", read("changes.json"), ids=lambda case: " ".join(case["instead"]))
def test_a_parameter_changes_the_keys_of_the_stages_it_matters_to_and_no_other(case, tmp_path):
    assert changes_of(case, tmp_path) == case["golden"]


@pytest.mark.parametrize("entry", read("names.json"), ids=lambda entry: entry["of"])
def test_what_is_named_or_drawn_beside_an_experiment_stays(entry, tmp_path):
    assert json.loads(json.dumps(name_of(entry, tmp_path))) == entry["golden"]


def test_the_cases_hold_every_protocol_data_kind_size_suspect_and_baseline():
    configs = [case["config"] for case in CASES.values()]
    said = {(c["protocol"], c["data"], c["kind"]) for c in configs}
    assert {(p, d, k) for p in PROTOCOLS for d in ("signs", "cifar10", "folder") for k in KINDS} <= said
    assert {len(c["trigger"].split()) for c in configs} == {9, 16, 25, 256}
    assert {(bool(c["suspect"]), c["suspect"] == "shipped", c["detect"]) for c in configs} == {
        (False, False, False),
        (False, False, True),
        (True, False, False),
        (True, True, False),
    }
    assert {tuple(c["baselines"]) for c in configs} >= {(), *((b,) for b in tuple(Baselines())), tuple(Baselines())}
    assert {c["gamma"] for c in configs} == {"uniform", "entropy"}
    known = {f.name for f in fields(ExperimentConfig)}
    assert all(set(c) <= known for c in configs)


def test_every_parameter_but_the_device_is_tried():
    """The device alone cannot be, since most machines have only one."""
    tried = {name for case in read("changes.json") for name in case["instead"]}
    assert set(CASES[WHOLE]["config"]) - tried == {"device"}


def test_a_number_that_is_raised_changes_the_keys_that_follow_from_it(tmp_path, monkeypatch):
    """The negative control: what is recorded does come from the product's recipes."""
    monkeypatch.setitem(context.VERSION, "measure", context.VERSION["measure"] + 1)
    case = CASES[WHOLE]
    now = asked(case["config"], case["verdict"], case["reference"], tmp_path)
    other = {stage for stage, key in case["golden"]["keys"].items() if now[stage] != key}
    assert "measure" in other
    assert "after.control" in other
    assert not {"attack", "before", "detect", "mesa", "point", "repair.control"} & other


def test_equal_seeds_of_two_stages_would_be_seen():
    seeds = CASES[WHOLE]["golden"]["seeds"]
    assert len(set(seeds.values())) == len(SEEDED)
