"""A scan that finds an all-to-all backdoor samples it, repairs it, judges the repair, and tells of it like of any other."""

from dataclasses import replace

import pytest
from small_sweep import LEAST

from dashboard.views.shared import report
from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.cli.scan import row_of
from mesa_core.config import make_config
from mesa_core.experiment import execute
from mesa_core.measures.astray import AllToAll, Led
from mesa_core.measures.intervals import proportion
from mesa_core.measures.verdict import Detection
from mesa_core.method import sized

TINY = {**LEAST, "data": "signs", "mesa_steps": 4, "detect_steps": 2, "baselines": ["control", "neural_cleanse"],
        "suspect": "shipped", "repair_rounds": 2, "place_images": 1}  # fmt: skip
WHITE = triggers.code_to_hex(15, 2)


@pytest.fixture
def led(monkeypatch):
    """Whatever the search measures, a 2x2 trigger at row 5, column 6 leads each class to the next."""
    find = sized.find

    def found(*args):
        verdict = yield from find(*args)
        count = len(verdict.classes)
        each = AllToAll(
            astray=proportion(90, 100), threshold=0.5, row=5, column=6, trigger=WHITE, looks=1, passes=1,
            classes=[Led(i, (i + 1) % count, proportion(30, 32)) for i in range(count)],
        )  # fmt: skip
        low = [replace(one, effective_asr=proportion(0, 100)) for one in verdict.classes]
        return replace(verdict, all_to_all=each, classes=low).judged()

    monkeypatch.setattr("mesa_core.experiment.detecting.sized.find", found)


@pytest.mark.slow
def test_what_leads_each_class_to_the_next_is_sampled_where_it_lies_and_repaired(store, tiny_data, led, brief_search):
    run, seen = store.create(make_config(TINY).to_dict(), "one"), []
    assert execute(run, store, seen.append) == "finished", seen[-1]
    outcome = run.outcome()
    assert outcome.detection.target is None
    assert (outcome.detection.box.top, outcome.detection.box.left) == (5, 6)
    assert triggers.size_of(outcome.config["trigger"]) == 2, "the size that was found is sampled"
    after = outcome.after["mesa"]
    assert after.effective_asr.sampled is not None
    assert after.target_accuracy.n == 0, "there is no target class"
    assert outcome.judged.rounds
    assert outcome.places is not None
    assert "neural_cleanse" not in outcome.after
    assert any("seeks one target class" in e.text for e in seen if isinstance(e, ev.Note))
    row = row_of("theirs.pt", run, "")
    assert (row.kind, row.row, row.column, row.size) == ("all to all", 5, 6, 2)
    assert row.repaired.endswith("repaired.safetensors")
    assert row.healed is outcome.judged.healed
    assert "Every class looks attacked" in report.html(run)


@pytest.mark.slow
def test_without_one_the_network_stays_as_it_is(store, tiny_data, brief_search):
    """The negative control."""
    run, seen = store.create(make_config({**TINY, "detect_threshold": 1.0}).to_dict(), "one"), []
    assert execute(run, store, seen.append) == "finished", seen[-1]
    assert run.outcome().after == {}
    row = row_of("theirs.pt", run, "")
    assert (row.verdict, row.repaired) == ("nothing found", "")
    assert not Detection.from_json(run.outcome().detection.to_json()).found
