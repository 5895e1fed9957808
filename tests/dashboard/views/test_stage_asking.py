"""The stage beside other data: whose networks are asked what is painted, and what it says where nobody is."""

import shutil

import other_data
import pytest
from small_sweep import draw_signs
from staging import OTHER, OTHER_DATA, RING, visit, wish

from dashboard.serving import queue
from dashboard.views.lab import asking, stage
from mesa_core import triggers
from mesa_core.probe.answering import Probe
from mesa_core.stage.blocks import unpack

__all__ = ["visit"]
DARK = ["#000000"] * 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return draw_signs(tmp_path_factory.mktemp("pictures"), train=60, test=150)


@pytest.fixture
def answered(home, monkeypatch):
    """A worker that answers as soon as it is wanted; off until it is switched on."""
    on = []
    monkeypatch.setattr(queue, "ensure_worker", lambda here: None)
    told = asking.questions.answer_to
    monkeypatch.setattr(asking.questions, "answer_to", lambda *a: (on and Probe(home).answer_all(), told(*a))[1])
    asking._kept.clear()
    return on


def test_small_networks_come_to_the_browser_once_their_pictures_are_read(visit, home, folder, answered):
    run = other_data.finished(home, folder)
    first, block = stage.base_of(run)
    header, arrays = unpack(block)
    assert asking.pictures(run).awaited
    assert "being read" in header["whose"]["why"]
    assert "net_attacked" not in arrays
    answered.append(True)
    second, block = stage.base_of(run)
    header, arrays = unpack(block)
    assert second != first, "or the browser would keep the old one"
    assert {"net_attacked", "net_repaired"} <= set(arrays)
    assert (header["far"], header["whose"]["why"], len(header["shown"])) == (False, "", 6)


def test_the_worker_says_of_a_see_through_trigger_whether_it_opens_the_door(visit, home, folder, answered):
    run = other_data.finished(home, folder, opacity=0.9)
    visit.session_state.stage_run = run.name
    answered.append(True)
    header, arrays = unpack(stage.base_of(run)[1])
    assert (header["far"], header["opacity"]) == (True, 0.9)
    assert "net_attacked" not in arrays
    shares = {}
    for number, paint in enumerate((RING, DARK), 1):
        wish(visit, "ask", paint=paint, question=number)
        told = stage.answered(run)
        assert (told["seq"], told["paint"]) == (number, paint)
        assert len(told["shown"]) == 6
        shares[number] = {net: one[0] for net, one in told["asr"].items()}
        assert all(0 <= low <= value <= high <= 1 and n > 20 for value, low, high, n in told["asr"].values())
    assert shares[1]["attacked"] > 0.5 > shares[1]["repaired"]
    assert shares[2]["attacked"] < 0.5, "the control"


def test_what_waits_is_news_each_time_so_that_the_browser_asks_again(visit, home, folder, answered):
    run = other_data.finished(home, folder, opacity=0.9)
    visit.session_state.stage_run = run.name
    answered.append(True)
    stage.base_of(run)
    answered.clear()
    told = []
    for seq in (1, 2):
        wish(visit, "ask", paint=OTHER, question=5, seq=seq)
        told.append(stage.answered(run))
        assert told[-1]["waits"]
    assert told[0] != told[1]


@pytest.mark.parametrize("what", [{"paint": ["red"]}, {"paint": RING, "question": "x"}, {"paint": RING}])
def test_a_question_that_makes_no_sense_is_left_out(visit, home, what):
    wish(visit, "ask", **what)
    assert "stage_asked" not in visit.session_state


def test_where_nobody_can_be_asked_the_stage_says_why(visit, home, folder, answered):
    assert "comes without its networks" in unpack(stage.base_of(queue.find(OTHER_DATA))[1])[0]["whose"]["why"]
    run = other_data.finished(home, folder, target=2, trigger=triggers.code_to_hex(3))
    answered.append(True)
    shutil.rmtree(folder.parent / "gone", ignore_errors=True)
    moved = other_data.finished(home, folder.parent / "gone", "moved")
    assert "cannot be asked" in unpack(stage.base_of(moved)[1])[0]["whose"]["why"]
    shutil.rmtree(run.path / "weights")
    assert "not kept here" in unpack(stage.base_of(run)[1])[0]["whose"]["why"]


def test_signs_with_usual_triggers_are_asked_nothing_of_the_worker(home, monkeypatch):
    monkeypatch.setattr(asking, "pictures", lambda run: pytest.fail("asked"))
    assert unpack(stage.base_of(queue.find("signs-ring"))[1])[0]["far"] is False
