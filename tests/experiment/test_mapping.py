"""Maps of places as the last stage of a run: exact, kept with it, drawn on pages and in the report."""

import numpy as np
import pytest
import torch
from small_sweep import LEAST

from dashboard.views.shared import place_maps, report
from mesa_core import triggers
from mesa_core.config import make_config
from mesa_core.experiment import execute, mapping
from mesa_core.experiment.context import Context
from mesa_core.measures.bench import finish
from mesa_core.measures.mapped import AFTER, BEFORE, BEST, CLEAN, ORIGINAL
from mesa_core.store import checks
from mesa_core.store.results import Result
from mesa_core.victims import devices, weights

TINY = {**LEAST, "data": "signs", "mesa_steps": 4, "baselines": [], "apply": "fixed", "place": "28,3"}


@pytest.fixture
def mapped(store, tiny_data):
    run, told = store.create(make_config({**TINY, "place_images": 2}).to_dict(), "one"), []
    assert execute(run, store, told.append) == "finished", told[-1]
    return run


@pytest.mark.slow
def test_a_run_that_asks_for_maps_keeps_exact_ones_of_both_triggers_on_all_networks(store, mapped):
    result = mapped.outcome()
    known = checks.place_maps(mapped.read_arrays("places.npz"))
    names = {f"{t}-{n}" for t in (ORIGINAL, BEST) for n in (CLEAN, BEFORE, AFTER)}
    assert set(known) == names
    assert {one.shape for one in known.values()} == {(30, 30)}
    assert result.places.n == 2
    for one in result.places.each:
        own = known[f"{one.trigger}-{one.network}"]
        assert one.highest.value == own.max() == own[one.row, one.column]
        assert one.median == pytest.approx(np.median(own))
    assert result.places.colours[ORIGINAL] == mapped.config()["trigger"]

    lab = Context(make_config(mapped.config()), devices.resolve("cpu", "fp32", "nhwc", 1, "resnet9-16"), store, mapped)
    finish(lab.prepare())
    victim = lab.load(weights.read(mapped.path / "weights" / "repaired.safetensors")).freeze()
    bench, white = lab.bench(0), torch.from_numpy(triggers.from_hex(result.places.colours[BEST]))
    plain = finish(bench.plain(victim))
    order = torch.cat([bench.selects, bench.measures])
    first = order[plain.predicted[order] != 0][:2]
    for row, column in ((0, 0), (28, 3), (29, 29), (11, 17)):  # the plain way: the whole stamped image
        images = victim.inputs(bench.images[first]).clone()
        images[:, :, row : row + 3, column : column + 3] = victim.normalise.triggers(white[None])
        share = (victim.logits(images).argmax(1) == 0).float().mean().item()
        assert known[f"{BEST}-{AFTER}"][row, column] == share

    page = report.html(mapped)
    assert page.count("<svg") >= 2
    assert "Where the triggers work" in page
    picture, lines = place_maps.drawn(mapped, result, ORIGINAL)
    assert 'cx="3.5" cy="28.5"' in picture, "its own place is ringed"
    assert [one.network for one in lines] == [CLEAN, BEFORE, AFTER]
    assert place_maps.ring(result, BEST, (30, 30)) is None, "nobody told the defender"


@pytest.mark.slow
def test_maps_change_no_other_figure_and_are_made_only_where_they_are_asked_for(store, mapped):
    other = store.create(make_config(TINY).to_dict(), "two")
    assert execute(other, store) == "finished"
    with_maps, without = mapped.result(), other.result()
    assert "places" not in without
    assert not (other.path / "snapshots" / "places.npz").exists()
    assert {k: with_maps[k] for k in ("before", "after", "submodels")} == {
        k: without[k] for k in ("before", "after", "submodels")
    }
    assert "mesa" in without["reused"], "the keys of the other stages are the same"
    assert report.html(other).count("Where the triggers work") == 0
    assert place_maps.drawn(other, Result.from_json(without), BEST) is None


def test_a_search_by_a_plan_asks_for_maps_by_itself():
    assert mapping.images_of(make_config(data="signs")) == 0
    assert mapping.images_of(make_config(data="signs", search_places="plan")) == mapping.PLANNED
    assert mapping.images_of(make_config(data="signs", search_sizes="3")) == mapping.PLANNED
    assert mapping.images_of(make_config(data="signs", place_images=64)) == 64


@pytest.mark.parametrize(
    "odd",
    [
        {"best-before": np.zeros((3, 3), np.int32)},
        {"best-before": np.full((3, 3), 5, np.int32), "best-before-n": np.array(4)},
        {"best-before": np.full((3, 3), -1, np.int32), "best-before-n": np.array(4)},
        {"best-before": np.zeros(9, np.int32), "best-before-n": np.array(4)},
        {"best-before": np.zeros((3, 3)), "best-before-n": np.array(4)},
        {"best-before": np.zeros((900, 900), np.int32), "best-before-n": np.array(4)},
        {"best-before": np.zeros((3, 3), np.int32), "best-before-n": np.array([4, 4])},
    ],
)
def test_maps_that_are_not_whole_are_left_out(odd):
    good = {"best-after": np.ones((3, 3), np.int32), "best-after-n": np.array(4)}
    assert list(checks.place_maps({**odd, **good})) == ["best-after"]
