"""How often a verdict is wrong: figures of networks of known making, read, told, and kept from scans that are not such."""

import json

import pytest

from mesa_core.config import make_config
from mesa_core.measures.error_rates import ErrorRates, Examined, read
from mesa_core.measures.intervals import proportion
from mesa_core.store import error_rates

PLAN = {"search_places": "plan", "search_sizes": "small-to-large"}


def one(kind, score, said, attacked=True):
    return Examined(kind=kind, attacked=attacked, score=score, index=score, said=said, cleanse_said=False)


@pytest.fixture
def rates():
    config = make_config(PLAN)
    return ErrorRates(
        when="2026-11-27 01:00", places=config.search_places, sizes=[3, 5],
        networks=[one("corner", 0.9, True), one("corner", 0.2, False), one("2x2", 0.8, True), one("clean", 0.3, False, False)],
        alarms=proportion(0, 10).rounded(), cleanse_alarms=proportion(1, 10).rounded(), left=[0.01, 0.03], lost=[0.0, 0.01],
    )  # fmt: skip


def test_they_are_told_in_one_sentence_and_by_kind(rates):
    assert rates.words.startswith(
        "Of 3 small networks with backdoors of 2 kinds such a scan found 2 (95 %: 21 to 94 %); of 10 classes of 1 clean"
    )
    assert [(kind.kind, kind.count, kind.found) for kind in rates.kinds] == [("corner", 2, 1), ("2x2", 1, 1)]
    assert rates.areas[0].value == pytest.approx(2 / 3)
    assert rates.curve()[0][-1] == 1


def test_they_go_through_a_file_and_a_damaged_one_is_none(rates, tmp_path):
    file = tmp_path / "zoo.json"
    file.write_text(json.dumps(rates.to_json()))
    assert read(file) == rates
    told = rates.to_json()
    for damage in ({**told, "sizes": "3"}, {**told, "networks": []}, [], {}):
        file.write_text(json.dumps(damage))
        assert read(file) is None
    assert read(tmp_path / "none.json") is None


def test_only_a_scan_of_the_same_plan_is_told_them(rates, monkeypatch):
    monkeypatch.setattr(error_rates, "shipped", lambda: rates)
    assert error_rates.worth(make_config(PLAN)) == rates.words
    for other in (
        {},
        {"search_places": "corners"},
        {"search_sizes": "3"},
        {"search_opacity": 0.5},
        {"search_opacities": "plan"},
    ):
        assert error_rates.worth(make_config({**PLAN, **other} if other else {})) == ""
    monkeypatch.setattr(error_rates, "shipped", lambda: None)
    assert error_rates.worth(make_config(PLAN)) == ""
