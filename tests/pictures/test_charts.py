"""Figures as data: what a reader would read off them is what the result says."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from mesa_core import triggers
from mesa_core.measures.intervals import Measured
from mesa_core.pictures import charts, orders, trigger_maps
from mesa_core.pictures.orders import arranged
from mesa_core.pictures.thumbnails import flow, map_svg, plane, trigger_svg, viridis
from mesa_core.store import Run
from mesa_core.store.shipped import shipped_runs
from mesa_core.words import named


@pytest.fixture(scope="module")
def result():
    return Run(shipped_runs() / "signs-ring").outcome()


def test_every_defence_stands_at_its_figure_with_its_interval(result):
    found = charts.evaluations(result)
    figure = charts.defences({"a": found, "b": found}, "worst")
    assert len(figure.data) == 2
    ticks = list(figure.layout.yaxis.ticktext)
    for x, y, up, down in zip(
        figure.data[0].x, figure.data[0].y, figure.data[0].error_x.array, figure.data[0].error_x.arrayminus, strict=True
    ):
        name = next(n for n in found if named(n) == ticks[round(y)])
        m = found[name].asr.worst
        assert (x, x + up, x - down) == pytest.approx((100 * m.value, 100 * m.high, 100 * m.low))
    assert ticks[-1] == "clean victim"
    assert any("oracle" in tick for tick in ticks)


def test_defences_stand_in_one_order_everywhere(result):
    told = ["mesa", "point", "random", "uniform", "neural_cleanse", "ideal", "control"]
    after = dict.fromkeys(told[::-1], result.before)
    found = charts.evaluations(replace(result, after=after, after_by_beta={}))
    assert list(found)[2:] == [f"after.{name}" for name in told]
    drawn = charts.seeds([("a", triggers.code_to_hex(495), found)])
    assert [t.name for t in drawn.data][1:] == [named(f"after.{name}") for name in told]
    heights = [t.y[0] for t in drawn.data]
    assert heights == sorted(heights, reverse=True)  # from the top of the line down


def test_what_was_not_measured_has_no_mark(result):
    bare, one = charts.evaluations(result), result.after["mesa"]
    bare["after.mesa"] = replace(one, asr=replace(one.asr, worst=None))
    assert len(charts.defences({"a": bare}, "worst").data[0].x) == len(bare) - 1


def test_coverage_shows_noise_beside_the_sub_models(result):
    figure = charts.coverage(result)
    names = [trace.name for trace in figure.data if trace.showlegend]
    assert names[-2:] == ["mixture", "uniform noise"]
    noise = [trace for trace in figure.data if trace.name == "uniform noise"]
    assert list(noise[1].y) == [100 * m.value for m in result.uniform_noise.precision.values()]


def test_coverage_without_recall_is_of_precision_alone_and_names_its_marks(result):
    bare = lambda one, **more: replace(one, recall=dict.fromkeys(one.recall), **more)
    noise = bare(result.uniform_noise)
    figure = charts.coverage(bare(result, submodels=list(map(bare, result.submodels)), uniform_noise=noise))
    assert [note.text for note in figure.layout.annotations] == ["Precision"]
    assert [trace.name for trace in figure.data if trace.showlegend][-1] == "uniform noise"


def test_seeds_are_sorted_by_mesa_and_every_point_seed_has_a_mark(result):
    good, bad, one = charts.evaluations(result), charts.evaluations(result), result.after["mesa"]
    bad["after.mesa"] = replace(one, asr=replace(one.asr, original=Measured(0.5, 100, 0.4, 0.6)))
    bad["after.point_2"] = bad["after.point_10"] = bad["after.point"]
    white = triggers.code_to_hex(511)
    figure = charts.seeds([("bad", white, bad), ("good", white, good), ("bad", white, good)])
    assert list(figure.layout.yaxis.ticktext) == ["bad", "good"]  # the lowest line first
    points = next(t for t in figure.data if t.name == "point defence")
    assert len(points.x) == sum(n.startswith("after.point") for found in (bad, good, good) for n in found)
    assert list(charts.evaluations(replace(result, after_by_beta={}, after={"point_10": bad["before"], "point_2": bad["before"], "mesa": bad["before"]})))[2:] == [
        "after.mesa", "after.point_2", "after.point_10",
    ]  # fmt: skip


def test_small_multiples_share_their_ranges_and_say_what_is_missing():
    draw = np.random.default_rng(0)
    panel = {
        "triggers": draw.integers(0, 256, (5, 27), dtype=np.uint8), "places": draw.random((5, 2)), "asr": draw.random(5),
        "bounds": (0, 1, 0, 2), "ground": draw.random((512, 2)), "valid": draw.random(512),
    }  # fmt: skip
    figure = trigger_maps.scatter([[panel, None], [panel, panel]], ["β = 0.5", "β = 0.9"], ["α = 0", "α = 1"])
    assert {figure.layout[f"xaxis{i}"].range for i in ("", 2, 3, 4)} == {(0, 1)}
    assert len(figure.layout.images) == 3
    assert [a.text for a in figure.layout.annotations].count("not run yet") == 1


def test_the_map_has_all_512_once():
    asr = np.random.default_rng(0).random(512)
    figure = trigger_maps.landscape({"a": asr, "b": 1 - asr}, arranged("white", asr), 16, breaks=True)
    assert len(figure.data) == 2
    assert sorted(int(code) for code, _ in figure.data[0].customdata) == list(range(512))
    assert map_svg(asr, arranged("orbit", asr), "the map").count("<title>") == 512


@pytest.mark.parametrize("kind", ["orbit", "white", "asr"])
def test_an_arrangement_holds_each_code_once_in_falling_order_and_no_two_on_one_place(kind):
    asr = np.random.default_rng(1).random(512)
    groups = arranged(kind, asr)
    assert sorted(code for _, codes in groups for code in codes) == list(range(512))
    for _, codes in groups:
        assert all(asr[a] >= asr[b] for a, b in itertools.pairwise(codes))
    places, wide, _ = flow(groups, 33, kind == "white")
    assert wide <= 33
    assert len({tuple(p) for p in places}) == 512
    same = [np.hypot(*(places[a] - places[b])) for a, b in zip(range(511), range(1, 512), strict=True)]
    assert min(same) > 0.9


def test_an_unknown_arrangement_is_said():
    with pytest.raises(ValueError, match="nonsense"):
        arranged("nonsense", np.zeros(512))


def test_a_thumbnail_shows_its_colours_at_its_place():
    flat = np.zeros((1, 27), np.uint8)
    flat[0, 0], flat[0, 9 + 8] = 200, 100  # red of the first cell, green of the last
    picture = plane(flat, np.array([[0.5, 0.5]]), (0, 1, 0, 1), np.uint8([[1, 2, 3]]), (21, 21), 9)
    assert picture[0, 0, 3] == 0  # nothing there
    ys, xs = np.nonzero(picture[..., 3])
    box = picture[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    assert box[0, 0].tolist() == [1, 2, 3, 255]
    assert box[1, 1].tolist() == [200, 0, 0, 255]
    assert box[-2, -2].tolist() == [0, 100, 0, 255]


def test_svg_text_is_escaped_and_viridis_runs_from_dark_to_bright():
    assert "<script>" not in trigger_svg(triggers.from_code(3), label='"><script>')
    low, high = viridis(np.array([0.0, 1.0]))
    assert low.sum() < high.sum()


def test_no_two_levels_of_a_run_share_a_curve():
    figure = charts.curves([(1, {"asr_0.5": 0.2, "asr_0.9": 0.1, "hinge_0.5": 1}), (2, {"asr_0.5": 0.4})])
    assert [t.name for t in figure.data] == ["β = 0.5", "β = 0.9"]
    assert list(figure.data[0].y) == [20, 40]


@pytest.mark.parametrize("size", [4, 5])
def test_larger_triggers_are_drawn_with_all_their_cells_and_a_draw_has_no_families(size):
    asr = np.linspace(0, 1, 512)
    assert orders.arrangements(size) == ("asr", "white")
    with pytest.raises(ValueError, match="cannot be arranged"):
        arranged("orbit", asr, size)
    for kind in ("asr", "white"):
        assert sorted(place for _, group in arranged(kind, asr, size) for place in group) == list(range(512))
    text = map_svg(asr, orders.usual(asr, size), "the map", size=size)
    assert text.count("<title>") == 512
    assert f"code {triggers.panel_codes(size)[511]}: 100%" in text
    figure = trigger_maps.landscape({"a": asr}, orders.usual(asr, size), 16, size=size)
    assert figure.data[0].customdata[0].tolist() == [triggers.panel_codes(size)[0], 0.0]
    assert trigger_svg(triggers.chequer(size)).count("<rect") == size * size + 1
    drawn = plane(
        np.full((1, 3 * size * size), 200, np.uint8),
        np.zeros((1, 2)),
        (-1, 1, -1, 1),
        np.zeros((1, 3), np.uint8),
        (60, 60),
        27,
    )
    assert (drawn[..., 0] == 200).sum() == (27 // size * size) ** 2
