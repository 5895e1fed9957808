"""Entropy, effective dimensions and both coverages, wherever sub-models are shown: Lab, Compare, report, CSV."""

import csv
import io

import pytest
from visits import visit

from dashboard.serving import queue, runs
from dashboard.views.compare import gallery
from dashboard.views.shared import report, take_away
from mesa_core.measures import breadth
from mesa_core.paper import everything, material

COLUMNS = set(breadth.COLUMNS)


def tables(at):
    return [frame.value for frame in at.dataframe if set(frame.value.columns) >= COLUMNS]


@pytest.mark.parametrize(
    ("page", "address"), [("lab", {"screen": "all"}), ("compare", {"show": "alpha"}), ("compare", {"show": "all"})]
)
def test_a_page_with_sub_models_shows_them(home, page, address):
    at = visit(page, 60, **address)
    assert not at.exception
    (table,) = tables(at)
    levels = table[table["β"].isin(["0.5", "0.8", "0.9"])]
    assert len(levels) >= 3
    assert (levels["entropy, nats"] != "–").all()
    assert (levels["effective dimensions"].astype(float) >= 1).all()
    assert levels["inside the level below, two axes"].str.contains("%").sum() == len(levels) * 2 / 3
    assert any(breadth.WORDS in caption.value for caption in at.caption)


def test_the_lab_knows_a_run_of_which_the_samples_are_gone(home):
    import shutil

    shutil.copytree(queue.shipped()[0].path, home.runs / "bare")
    (home.runs / "bare" / "snapshots" / "samples.npz").unlink()
    at = visit("lab", 60, run="bare")
    assert not at.exception
    (table,) = tables(at)
    assert set(table["effective dimensions"]) <= {"–", ""}
    assert "–" not in set(table["entropy, nats"]), "which its result holds"


def test_report_and_tables_say_the_same(home):
    run = next(one for one in queue.shipped() if one.name == "signs-two-modes-alpha-0")
    told = [breadth.columns(one) for one in runs.levels(run)]
    assert [row["entropy, nats"] for row in told] == ["−103.6", "−130.7", "−95.6"]
    page = report.html(run)
    assert all(value in page for row in told for value in row.values())
    assert [{k: row[k] for k in COLUMNS} for row in gallery.level_rows(run)] == told
    rows = everything._levels([material.finding(run)])
    assert [{k: row[k] for k in COLUMNS} for row in rows] == told
    read = list(csv.DictReader(io.StringIO(take_away.csv_of(gallery.level_rows(run)).decode("utf-8-sig"))))
    assert {row["samples"] for row in read} == {"256"}
