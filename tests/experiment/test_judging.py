"""A repair goes on until what MESA finds anew is weak, or its rounds are over, and says which; both with stand-ins."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from mesa_core import events as ev
from mesa_core.config import make_config
from mesa_core.experiment import judging
from mesa_core.experiment.pools import Pool
from mesa_core.experiment.stages import Output
from mesa_core.measures.bench import finish
from mesa_core.measures.intervals import proportion
from mesa_core.method.repair import recipe_of


def judged(monkeypatch, worst, rounds):
    """Repairs after which the strongest sub-model reaches one of `worst` after another; (events, how many repairs, lab)."""
    config = make_config(data="signs", suspect="x.pt", victim="resnet9-16", repair_rounds=rounds, repair_steps=100)
    lab = SimpleNamespace(config=config, defender=range(800), results={})
    left, pools = iter(worst), []

    def judge(lab, repaired, number):
        yield from ()
        rates = [proportion(0, 1000).to_json(), proportion(round(1000 * next(left)), 1000).to_json()]
        return Output(f"judge {number}", {"effective_asr": rates}, {"pool": torch.zeros(4, 3, 3, 3)})

    def again(lab, repaired, stamps, keys, number):
        yield from ()
        pools.append(len(stamps))
        return Output(f"repair {number}", {}, {})

    monkeypatch.setattr(judging, "_judge", judge)
    monkeypatch.setattr(judging, "_repair_again", again)
    told: list[ev.Event] = []
    pool = Pool("mesa", torch.zeros(8, 3, 3, 3), "key")
    last = finish(judging.go_on(lab, pool, Output("repair 1", {}, {})), told.append)
    return told, pools, last.key, lab.results["judged"].value


@pytest.mark.parametrize(
    ("worst", "rounds", "repairs", "healed"),
    [([0.01], 4, 1, True), ([0.4, 0.05], 4, 2, True), ([0.4, 0.3, 0.06], 3, 3, False), ([0.4], 1, 1, False)],
)
def test_it_goes_on_until_it_holds_or_its_rounds_are_over(monkeypatch, worst, rounds, repairs, healed):
    told, pools, last, value = judged(monkeypatch, worst, rounds)
    (event,) = told
    assert isinstance(event, ev.Judged)
    assert (event.healed, event.rounds, event.worst) == (healed, len(worst), worst[-1])
    assert last == f"repair {repairs}", "what is handed over is the last repair"
    assert pools == list(range(2, repairs + 1)), "each round's triggers are added to those before"
    assert value["healed"] == healed
    assert ("FAILED" in event.text) != healed
    assert ev.from_json(ev.to_json(event)) == event


def test_few_images_get_steps_and_many_get_passes():
    usual, judging_one = (
        make_config(data="folder", data_dir="x"),
        make_config(data="folder", data_dir="x", repair_steps=100),
    )
    assert recipe_of(usual, 640).steps(640) == 10, "the control: two passes are few steps"
    assert recipe_of(judging_one, 640).steps(640) == 100
    assert recipe_of(judging_one, 64_000).steps(64_000) == 1000
    none = make_config(data="folder", data_dir="x", repair_steps=100, repair_epochs=0)
    assert recipe_of(none, 640).steps(640) == 0


def test_a_repair_that_is_not_judged_is_as_it_was():
    plain = make_config(data="signs", suspect="x.pt", victim="resnet9-16")
    assert not plain.judges
    assert not {"repair_rounds", "repair_steps", "image_size", "classes"} & set(plain.to_dict())
    assert not make_config(data="signs", repair_rounds=3).judges, "only of a network that was brought"
