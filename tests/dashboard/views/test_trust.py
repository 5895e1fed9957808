"""How often a verdict is wrong, as Detect tells it, and the figure that it draws; on invented figures."""

import functools

import pytest
from visits import visit

from mesa_core.measures.error_rates import ErrorRates, Examined
from mesa_core.measures.intervals import proportion
from mesa_core.pictures import roc
from mesa_core.store import error_rates

page = functools.partial(visit, "detect")
TITLE = "How often is such a verdict wrong?"


def one(kind, score, said, attacked=True):
    return Examined(kind=kind, attacked=attacked, score=score, index=10 * score, said=said, cleanse_said=False)


@pytest.fixture
def rates():
    return ErrorRates(
        when="2026-11-27 01:00", places="anywhere,tiles", sizes=[3, 5],
        networks=[one("corner", 0.9, True), one("2x2", 0.1, False), one("clean", 0.3, False, False), one("little", 0.0, False, False)],
        alarms=proportion(1, 20), cleanse_alarms=proportion(2, 20), left=[0.01, 0.03], lost=[0.0, 0.02],
    )  # fmt: skip


def test_the_page_tells_what_was_found_and_missed(home, monkeypatch, rates):
    monkeypatch.setattr("dashboard.views.detect.trust.shipped", lambda: rates)
    at = page()
    assert not at.exception
    (own,) = [e for e in at.expander if e.label == TITLE]
    said = own.markdown[0].value
    assert "found 1 (95 %: 9 to 91 %)" in said
    assert "of 20 classes of 2 clean ones it called 1" in said
    assert "2.0% in the mean, 3.0% at most" in said
    assert "-1.0 points" in said
    rows = own.dataframe[0].value
    assert list(rows["networks"]) == ["3×3 in a corner", "2×2 anywhere", "clean (false alarms)"]
    assert list(rows["MESA's plan"]) == [1, 0, 0]


def test_without_figures_it_says_nothing(home, monkeypatch):
    monkeypatch.setattr("dashboard.views.detect.trust.shipped", lambda: None)
    assert not [e for e in page().expander if e.label == TITLE]


def test_the_curves_rise_from_nothing_to_all_and_tell_their_areas(rates):
    figure = roc.draw(rates)
    for line in figure.data[:2]:
        assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0, 0, 100, 100)
    assert "area 0.750" in figure.data[0].name


def test_the_file_that_is_shipped_is_whole():
    found = error_rates.shipped()
    assert found is not None
    assert found.attacked
    assert found.clean
    assert all(one.kind in roc.KINDS for one in found.attacked)
