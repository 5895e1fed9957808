"""Networks that visitors bring: kept for a day, for their owner alone, within bounds."""

import json

import pytest

from dashboard.serving import brought, queue, runs, visitors
from mesa_core.config import make_config
from mesa_core.store import StoreError

ANNA, BOB = "a" * 16, "b" * 16
DATA = b"weights" * 100


def scan(one, visitor, home):
    run, _ = queue.start(
        make_config(data="signs", suspect=str(one.path)).to_dict(), visitor, "", brought.PREFIX + "1" * 16
    )
    return brought.scanned(one, run), run


def test_a_file_is_kept_once_and_for_its_owner_alone(home):
    one = brought.keep(ANNA, "model.pt", DATA)
    assert one.path.read_bytes() == DATA
    assert one.path.stat().st_mode & 0o077 == 0
    assert brought.keep(ANNA, "again.pth", DATA) == one
    assert [kept.name for kept in brought.kept(ANNA)] == ["model.pt"]
    assert brought.kept(BOB) == []


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [("model.exe", DATA, "ends in"), ("model", DATA, "ends in"), ("m.pt", b"", "empty"), ("m.pt.txt", DATA, "ends in")],
)
def test_what_could_be_no_network_is_turned_away(home, name, data, why):
    with pytest.raises(StoreError, match=why):
        brought.keep(ANNA, name, data)
    assert not list(home.root.glob("brought/*/*"))


def test_there_are_bounds_on_size_number_and_room(home, monkeypatch):
    monkeypatch.setattr(brought, "MOST_BYTES", 1000)
    with pytest.raises(StoreError, match="larger"):
        brought.keep(ANNA, "m.pt", bytes(1001))
    monkeypatch.setattr(brought, "MOST_ROOM", 2500)
    brought.keep(BOB, "m.pt", bytes(900))
    brought.keep(ANNA, "m.pt", bytes(901))
    with pytest.raises(StoreError, match="no room"):
        brought.keep(ANNA, "m.pt", bytes(902))
    monkeypatch.setattr(brought, "MOST_KEPT", 1)
    with pytest.raises(StoreError, match="delete one"):
        brought.keep(ANNA, "m.pt", bytes(10))


@pytest.mark.parametrize("visitor", ["", "../../etc", "A" * 16, "a" * 15, "a" * 17])
def test_a_visitor_is_a_word_of_ours(home, visitor):
    with pytest.raises(StoreError, match="cookies"):
        brought.keep(visitor, "m.pt", DATA)
    with pytest.raises(StoreError, match="cookies"):
        brought.kept(visitor)


def test_names_are_shown_as_text_and_reach_no_path(home):
    one = brought.keep(ANNA, "../../x\x1b[31m\n.pt", DATA)
    assert one.path.parent.parent == home.root / "brought" / ANNA
    assert "\x1b" not in one.name
    assert "\n" not in one.name


def test_one_click_deletes_the_file_and_its_scans(home):
    one, run = scan(brought.keep(ANNA, "m.pt", DATA), ANNA, home)
    brought.forget(BOB, one.digest)
    assert brought.kept(ANNA) == [one]
    brought.forget(ANNA, one.digest)
    assert not run.path.exists()
    assert not (home.root / "brought" / ANNA).exists()


def test_a_scan_under_way_is_asked_to_stop_and_all_goes_once_it_has(home):
    one, run = scan(brought.keep(ANNA, "m.pt", DATA), ANNA, home)
    with run.lease():
        brought.forget(ANNA, one.digest)
        assert run.control()[0] == "stop" or not (run.path / "waiting").exists()
        assert brought.kept(ANNA) == []
        assert run.path.exists()
    brought.forget_old()
    assert not run.path.exists()


def test_what_is_a_day_old_is_forgotten(home):
    one, run = scan(brought.keep(ANNA, "m.pt", DATA), ANNA, home)
    brought.forget_old(one.since + brought.DAY - 1)
    assert brought.kept(ANNA)
    brought.forget_old(one.since + brought.DAY + 1)
    assert not brought.kept(ANNA)
    assert not run.path.exists()


def test_scans_are_in_nobody_elses_list(home, monkeypatch):
    _, run = scan(brought.keep(ANNA, "m.pt", DATA), ANNA, home)
    for who, seen in ((ANNA, True), (BOB, False)):
        monkeypatch.setattr(visitors, "visitor", lambda who=who: who)
        assert (run.name in [one.name for one in runs.listed()]) == seen


@pytest.mark.parametrize(
    "card", ["{", "[]", json.dumps({"name": "x"}), json.dumps({"name": "x", "since": "y", "scans": []})]
)
def test_a_damaged_card_hides_its_file_and_nothing_else(home, card):
    whole, other = brought.keep(ANNA, "m.pt", DATA), brought.keep(ANNA, "n.pt", DATA + b"!")
    (other.path.parent / "card.json").write_text(card)
    assert brought.kept(ANNA) == [whole]
