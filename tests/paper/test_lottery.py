"""The lottery's figure, from cells that are invented and from those that are shipped."""

import json
from dataclasses import replace

import pytest

from mesa_core.measures.intervals import proportion
from mesa_core.paper import lottery, searched
from mesa_core.store.shipped import prepared, shipped_lottery, shipped_searches


def one(hits, n=1000):
    told = proportion(hits, n).to_json()
    return {"asr": told, "effective": told, "accuracy": proportion(900, n).to_json()}


def cell(setting, points, mesa, kind="mine", arm="share", code=27):
    after = {
        "before": one(950),
        "mesa": one(mesa),
        "random": one(300),
        "uniform": one(600),
        "ideal": one(90),
        "control": one(700),
    }
    after |= {"point" if i == 0 else f"point_{i + 1}": one(hits) for i, hits in enumerate(points)}
    if kind == "particles":
        after = {"before": one(950), "mesa": one(mesa)}
    return {
        "data": "cifar10",
        "code": code,
        "seed": 0,
        "arm": arm,
        "setting": setting,
        "kind": kind,
        "run": "x",
        "after": after,
    }


@pytest.fixture
def columns(tmp_path):
    cells = [cell("0.01", (100, 400, 250), 200), cell("0.01", (), 210, "particles"), cell("0.3", (30, 40, 35), 30)]
    cells += [cell("paper", (100, 380), 200, arm="search"), cell("0.01", (500, 600), 550, code=495)]
    path = tmp_path / "lottery.json"
    path.write_text(json.dumps({"cells": cells}))
    return lottery.read(path)


def test_a_column_holds_all_points_both_kinds_and_the_controls(columns):
    first = columns[0]
    assert [m.value for m in first.points] == [0.1, 0.4, 0.25]
    assert first.spread == pytest.approx(0.3)
    assert {name: m.value for name, m in first.left.items()} == {
        "mine": 0.2, "particles": 0.21, "random": 0.3, "ideal": 0.09, "control": 0.7,
    }  # fmt: skip
    assert "particles" not in columns[1].left
    assert lottery.networks(columns) == [("cifar10", 27), ("cifar10", 495)]


def test_the_figure_draws_every_point_once_and_names_each_kind_once(columns):
    figure = lottery.draw(columns)
    drawn = [y for trace in figure.data if trace.legendgroup == "point" for y in trace.y]
    assert sorted(drawn) == pytest.approx([3, 3.5, 4, 10, 10, 25, 38, 40, 50, 60])
    named = [trace.name for trace in figure.data if trace.showlegend]
    assert len(named) == len(set(named)) == 6
    assert "oracle" in " ".join(named)


def test_the_table_and_the_words_say_the_same(columns):
    row = lottery.table(columns)[0]
    assert row["lowest point"].startswith("10.0 %")
    assert row["highest point"].startswith("40.0 %")
    assert row["spread"] == "30.0 %"
    assert lottery.told(columns, "0.01") == "3 points left 10.0 to 40.0 %, MESA's samples 20.0 %"
    assert lottery.told(columns, "0.05") == ""
    assert "the widest column spans 30" in lottery.note(columns)
    assert "spread them by some 4 points" in lottery.note(columns), "3.08 standard errors of 25 % of 1,000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"cells": [{}]}',
        '{"cells": [1]}',
        '{"cells": NaN}',
        '{"cells": null}',
        '{"searches": [{"classes": 1}]}',
        '{"searches": [{}]}',
    ],
)
def test_what_is_damaged_is_no_column(tmp_path, text):
    path = tmp_path / "damaged.json"
    path.write_text(text)
    assert lottery.read(path) == []
    assert searched.read(path) == []
    assert lottery.read(tmp_path / "missing.json") == []
    assert lottery.draw([]) is None


def test_what_is_shipped_shows_a_lottery_at_the_paper_s_budget_and_none_at_ours():
    columns = {(c.code, c.arm, c.setting): c for c in lottery.read(shipped_lottery()) if c.data == "cifar10"}
    assert all(len(c.points) == 10 for c in columns.values())
    assert columns[27, "share", "0.01"].spread > 0.1
    assert columns[27, "share", "ours"].spread < 0.03
    assert {setting for code, arm, setting in columns if (code, arm) == (27, "share")} == set(lottery.ARMS["share"][1])


def test_searches_of_clean_networks_name_the_highest_class_of_each():
    found = searched.read(shipped_searches())
    words = searched.words(found)
    assert words.startswith("Clean networks, searched by the paper protocol")
    assert words.count("resnet9-16 (as shipped") == 2
    assert words.count("trained anew") == 3
    assert searched.words([]) == ""
    high = {one.shipped: one.highest.value for one in found if one.protocol == "paper" and one.network == "resnet9-16"}
    assert high[True] > 0.15 > high[False], "it hangs on the training of one network"


def test_two_groups_of_points_are_told_apart_and_one_is_told_as_a_span(columns):
    whole = replace(columns[0], points=tuple(proportion(hits, 1000) for hits in (80, 100, 480, 90, 500)))
    assert lottery.parted(whole) == "of 5 points, 3 leave 8.0 to 10.0 % and 2 leave 48.0 to 50.0 %"
    near = replace(columns[0], points=tuple(proportion(hits, 1000) for hits in (80, 170, 260)))
    assert lottery.parted(near) == "3 points leave 8.0 to 26.0 %"
    lone = replace(columns[0], points=tuple(proportion(hits, 1000) for hits in (80, 90, 260)))
    assert lottery.parted(lone) == "of 3 points, 2 leave 8.0 to 9.0 % and 1 leaves 26.0 %"


def test_the_prepared_run_is_a_lottery_and_one_with_a_single_point_is_none():
    run = prepared("signs-lottery")
    column = lottery.of_run(run.outcome())
    assert len(column.points) == 10
    assert (column.data, column.code, column.setting) == ("signs", 495, "0.05")
    assert column.spread > 0.3
    assert column.left["mine"].high < max(one.low for one in column.points)
    assert lottery.draw([column]) is not None
    assert lottery.of_run(prepared("signs-whole-mine").outcome()) is None


def test_on_the_signs_no_point_of_a_small_repair_comes_near_to_mesa():
    columns = {c.setting: c for c in lottery.read(shipped_lottery()) if (c.data, c.arm) == ("signs", "share")}
    for setting in ("0.005", "0.01", "0.02", "0.05", "0.3"):
        assert len(columns[setting].points) == 10
        assert columns[setting].left["mine"].high < min(one.low for one in columns[setting].points)
