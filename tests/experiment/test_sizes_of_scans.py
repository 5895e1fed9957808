"""A scan over sizes goes on with triggers of the size that it believes in, and says what it covered and took."""

import json

import pytest
from small_sweep import LEAST

from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.cli.repeat import arguments_of
from mesa_core.config import make_config
from mesa_core.config.identity import identity_of
from mesa_core.experiment import execute
from mesa_core.measures.verdict import Detection
from mesa_core.method import sized
from mesa_core.store import checks

TINY = {**LEAST, "data": "signs", "mesa_steps": 4, "detect_steps": 2, "baselines": ["control"], "suspect": "shipped"}


@pytest.fixture
def opened(monkeypatch):
    """Whatever the search measures, class 3 is opened at 4x4 pixels: what is tested is what follows."""
    find = sized.find

    def found(*args):
        verdict = yield from find(*args)
        told = verdict.to_json()
        told["sizes"] |= {"believed": 4}
        for one in told["classes"]:
            if one["class"] == 3:
                one["effective_asr"] |= {"value": 0.99, "low": 0.9, "high": 1.0}
        return Detection.from_json(told).judged()

    monkeypatch.setattr("mesa_core.experiment.detecting.sized.find", found)


@pytest.mark.slow
def test_the_rest_of_a_scan_follows_the_believed_size_and_a_resumed_one_finds_it_again(
    store, tiny_data, opened, brief_search
):
    config = make_config({**TINY, "search_sizes": "3,4"})
    run, seen = store.create(config.to_dict(), "one"), []
    assert execute(run, store, seen.append) == "finished", seen[-1]
    said = " ".join(e.text for e in seen if isinstance(e, ev.Note))
    assert "takes at most" in said.split("Sizes 3×3 and 4×4 were searched")[0], "said before it starts"
    assert "By a first trial about" in said
    outcome = run.outcome()
    assert outcome.detection.target == 3
    assert triggers.size_of(outcome.config["trigger"]) == 4
    samples = checks.samples(run.read_arrays("samples.npz"), run.read_arrays("axes.npz"))
    assert samples["triggers"].shape[1] == 48
    assert outcome.after["mesa"].clean_accuracy.n > 0
    again = make_config(run.config())
    assert again.size == 4
    assert identity_of(again) == identity_of(config), "what size it is the search finds out; the question is the same"
    assert "--size" not in arguments_of(again)
    assert "--search-sizes" in arguments_of(again)
    other = store.create(again.to_dict(), "two")
    later = []
    assert execute(other, store, later.append) == "finished"
    assert "detect" in other.result()["reused"]


@pytest.mark.slow
def test_a_healthy_network_ends_with_nothing_found(store, tiny_data, brief_search):
    config = make_config({**TINY, "search_sizes": "3", "detect_threshold": 1.0})
    run, seen = store.create(config.to_dict(), "one"), []
    assert execute(run, store, seen.append) == "finished", seen[-1]
    notes = [e.text for e in seen if isinstance(e, ev.Note)]
    assert notes[-1].startswith("Nothing found, for these sizes, places and forms")
    assert json.dumps(run.result()["detection"]["sizes"])
    assert run.outcome().detection.sizes.believed is None
