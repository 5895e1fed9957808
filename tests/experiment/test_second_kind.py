"""Two kinds of sub-model in one run: one that is looked at, and one whose samples the repair stamps."""

import pytest
import torch
from safetensors.torch import load_file
from small_sweep import LEAST, figures

from mesa_core import events as ev
from mesa_core.config import make_config
from mesa_core.experiment import execute

TINY = {**LEAST, "data": "signs", "mesa_steps": 6, "particles": 32, "snapshot_every": 3}


def go(store, name, **more):
    run, seen = store.create(make_config({**TINY, **more}).to_dict(), name), []
    assert execute(run, store, seen.append) == "finished", [e for e in seen if isinstance(e, ev.Failed)]
    return run, seen


def keys(seen):
    return {e.stage: e.key for e in seen if isinstance(e, ev.StageDone)}


@pytest.fixture
def both(store, tiny_data):
    return [go(store, name, **more) for name, more in {
        "seen": {"kind": "particles"}, "two": {"kind": "particles", "repair_kind": "mine"}, "mine": {"kind": "mine"},
    }.items()]  # fmt: skip


def test_what_is_seen_stays_and_only_mesas_repair_is_of_the_other_kind(both):
    (seen, a), (two, b), (_, c) = both
    one, other, third = keys(a), keys(b), keys(c)
    assert set(other) - set(one) == {"mesa.repair"}
    assert {stage for stage in one if one[stage] != other[stage]} == {"repair.mesa", "after.mesa"}
    before, after = figures(seen.result()), figures(two.result())
    assert before["submodels"] == after["submodels"]
    assert {s["kind"] for s in after["submodels"]} == {"particles"}
    healed = [(run.path / "weights" / "repaired.safetensors").read_bytes() for run in (seen, two)]
    assert healed[0] != healed[1], "the negative control: another pool makes another network"
    assert third["attack"] == other["attack"]
    assert any("triggers of another kind, mine" in e.text for e in b if isinstance(e, ev.Note))
    counted = [e.count for e in b if isinstance(e, ev.StageBegun)]
    assert set(counted) == {len(counted)}, "it is told how many stages there will be"


def test_the_second_kind_is_the_one_that_a_run_of_it_alone_would_train(both, store):
    (_, _), (_, b), (_, c) = both

    def tensors(key):
        return load_file(next(store.stages.glob(f"*-{key}")) / "tensors.safetensors")

    pool = tensors(keys(c)["mesa"])["pool"].flatten(0, 1).flatten(1)
    mixed = tensors(keys(b)["mesa.repair"])["mixture"].flatten(1)
    assert torch.cdist(mixed[:200], pool).amin(1).median() < 0.5, "other draws of the same generators"
    assert torch.cdist(torch.rand(200, 27), pool).amin(1).median() > 1.0, "the negative control: any triggers"


def test_the_same_kind_goes_without_saying():
    same = make_config({**TINY, "kind": "mine", "repair_kind": "mine"})
    assert not same.two_kinds
    assert "repair_kind" not in same.to_dict()
    assert make_config({**TINY, "repair_kind": "flow"}).to_dict()["repair_kind"] == "flow"
