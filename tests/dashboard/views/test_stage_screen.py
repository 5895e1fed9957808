"""The Lab's first screen without a browser: which screen an address opens, and what the stage's wishes do."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from staging import OTHER, OTHER_DATA, RING, visit, wish
from streamlit.testing.v1 import AppTest
from visits import PATIENCE
from walking import APP, Walk

from dashboard.serving import queue, visitors
from dashboard.views.lab import live, stage
from mesa_core import triggers
from mesa_core.config import make_config
from mesa_core.glossary import TERMS
from mesa_core.stage import shelf
from mesa_core.stage.blocks import unpack
from mesa_core.stage.export import scripts
from mesa_core.store.shipped import shipped_runs

__all__ = ["visit"]  # a fixture


def opened(**address):
    at = AppTest.from_file(APP, default_timeout=PATIENCE)
    for key, value in address.items():
        at.query_params[key] = value
    return at.run()


def staged(at) -> bool:
    """Whether the stage is shown, and not all controls."""
    assert not at.exception
    names = {one.key for one in at.get("bidi_component")}
    assert ("stage" in names) != any(button.label == "Run" for button in at.button)
    return "stage" in names


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ({}, True), ({"screen": "stage", "run": "signs-two-modes"}, True), ({"paint": "fff," * 8 + "000"}, True),
        ({"screen": "all"}, False), ({"run": "signs-two-modes"}, False), ({"alpha": "1"}, False), ({"view": "tsne"}, False),
    ],
)  # fmt: skip
def test_a_bare_address_opens_the_stage_and_one_that_names_a_run_or_settings_all_controls(home, address, wanted):
    assert staged(opened(**address)) is wanted


def test_nothing_stands_above_the_stage(home):
    at = opened()
    assert not at.title
    assert not at.markdown
    assert not at.warning


def test_a_run_of_a_network_that_was_brought_has_no_stage(home):
    run, _ = queue.start(make_config(data="signs", suspect="shipped", detect=False).to_dict())
    at = opened(screen="stage", run=run.name)
    assert staged(at) is False
    assert any("a network that was brought" in c.value for c in at.caption)


def test_all_controls_stay_on_the_way_to_another_page_and_back(home):
    walk = Walk(screen="all")
    walk.go("compare")
    walk.go("lab")
    assert staged(walk.at) is False
    walk.at.query_params.clear()
    walk.at.run()
    assert staged(walk.at), "the back button to the stage"


# -- wishes
def test_a_run_for_real_is_of_what_stands_on_the_stage(visit, home):
    wish(visit, "run", paint=OTHER, target=3, alpha=1, betas=[0.5, 0.9])
    (run,) = home.list()
    config = run.config()
    assert (config["trigger"].split(), config["target"], config["alpha"], config["beta"]) == (OTHER, 3, 1.0, [0.5, 0.9])
    assert run.state() == "waiting"
    assert visit.query_params == {"screen": "stage", "run": run.name}
    assert visitors.may_control(run)


def as_prepared(visit):
    config = queue.find("signs-ring").config()
    wish(visit, "run", target=config["target"], alpha=config["alpha"], betas=config["beta"])


def test_what_is_prepared_is_run_for_real_too(visit, home):
    as_prepared(visit)
    (run,) = home.list()
    assert run.state() == "waiting"
    assert visit.query_params["run"] == run.name


def test_what_was_asked_here_before_is_shown_and_not_run_again(visit, home):
    shutil.copytree(shipped_runs() / "signs-ring", home.runs / "own")
    as_prepared(visit)
    assert [run.name for run in home.list()] == ["own"]
    assert visit.query_params["run"] == "own"
    visit.query_params.clear()
    visit.session_state.stage_run = "own"
    as_prepared(visit)
    assert not visit.query_params
    assert "Exactly this was run here" in visit.session_state.stage_notice["words"]
    assert [run.name for run in home.list()] == ["own"]


@pytest.mark.parametrize(
    "what",
    [
        {"paint": ["red"] * 9}, {"paint": RING[:4]}, {"target": 10}, {"target": "x"}, {"alpha": "nan"}, {"alpha": -1},
        {"betas": [2]}, {"betas": "0.5"}, {"betas": [0.5] * 900}, {"seq": None},
    ],
)  # fmt: skip
def test_a_wish_that_makes_no_sense_queues_nothing(visit, home, what):
    wish(visit, "run", **{"target": 3, "alpha": 1, "betas": [0.5], **what})
    assert home.list() == []
    assert not visit.query_params


def test_only_who_started_a_run_stops_it_from_the_stage(visit, home):
    run, token = queue.start(make_config(data="signs").to_dict(), "somebody else")
    visit.session_state.stage_run = run.name
    wish(visit, "stop")
    assert run.state() == "waiting"
    visitors.remember(run, token)
    wish(visit, "stop")
    assert run.state() == "interrupted"


def test_another_recording_is_played_only_from_the_shelf(visit):
    wish(visit, "want", id="signs-two-modes-alpha-10")
    told, _ = stage.played(queue.find("signs-ring"), "finished")
    assert unpack(told)[0]["alpha"] == 10
    wish(visit, "want", id="../runs/signs-ring")
    told, _ = stage.played(queue.find("signs-ring"), "finished")
    assert unpack(told)[0]["id"] == "signs-ring"


def test_the_page_to_take_away_holds_the_recordings_of_every_alpha(visit):
    visit.session_state.stage_run = "signs-two-modes"
    wish(visit, "take")
    file = visit.session_state.stage_file
    assert file["bytes"].count(b'data-block="recording"') == len(
        {e["alpha"] for e in shelf.index() if e["orbit"] == 170}
    )
    assert file["name"].startswith("mesa-lab-signs-two-modes.html")


def test_a_shared_address_holds_what_was_painted_and_says_whom_it_is_for(visit, monkeypatch):
    wish(visit, "share", paint=OTHER)
    told = visit.session_state.stage_shared
    assert (
        told["url"]
        == f"http://localhost:8501/?screen=stage&run=signs-ring&paint={','.join(['000', *['fff'] * 3, '000', *['fff'] * 4])}"
    )
    assert "this computer only" in told["note"]
    assert told["svg"].startswith("<svg")
    visit.query_params["paint"] = told["url"].rpartition("=")[2]
    assert stage.painted() == OTHER
    monkeypatch.setenv("MESA_LAB_HOSTS", "lab.example")
    wish(visit, "share")
    assert visit.session_state.stage_shared["url"].startswith("http://lab.example:8501/")
    assert "this computer only" not in visit.session_state.stage_shared["note"]


def test_all_controls_are_given_what_was_painted(visit):
    wish(visit, "all", paint=OTHER)
    assert visit.query_params["screen"] == "all"
    assert visit.query_params["trigger"].startswith("000,fff")


@pytest.mark.parametrize("word", ["", "fff", "zz," * 8 + "zz", ",,,,,,,,", "fff," * 15 + "fff"])
def test_a_painted_address_that_makes_no_sense_is_left_out(visit, word):
    visit.query_params["paint"] = word
    assert stage.painted() is None


# -- words
def test_every_term_that_the_stage_explains_is_in_the_glossary():
    text = "".join(path.read_text("utf-8") for path in scripts().glob("*.js"))
    named = set(re.findall(r'data-term="([^"]+)"', text)) | set(re.findall(r'BAR_TERMS = \{[^}]*?: "([^"]+)"', text))
    assert {"alpha", "beta", "target", "ASR"} <= named <= set(TERMS)


def test_the_pictures_of_the_base_are_those_of_the_shelf():
    _, arrays = unpack(stage.base_of(queue.find("signs-ring"))[1])
    assert arrays["pictures"].size == stage.known().images.size
    assert np.array_equal(arrays["pictures"], stage.known().images.ravel())


@pytest.mark.parametrize(
    ("names", "running", "wanted"),
    [
        (["mine"], 0, None),
        (["other", "mine"], 0, "One run goes before yours"),
        (["mine", "later"], 1, "One run goes before yours"),
        (["other", "mine"], 1, "2 runs go before yours"),
    ],
)
def test_a_run_that_waits_says_how_many_go_before_it(monkeypatch, names, running, wanted):
    runs = [SimpleNamespace(name=name, is_running=lambda: False) for name in names]
    busy = [SimpleNamespace(name="busy", path=Path("nowhere"), is_running=lambda: True, config=dict)] * running
    monkeypatch.setattr(stage.queue, "store", lambda: SimpleNamespace(list=lambda: [*busy, *runs]))
    monkeypatch.setattr(stage.queue, "waiting", lambda here: runs)
    monkeypatch.setattr(stage.reading, "events", lambda run: [])
    mine = next(run for run in runs if run.name == "mine")
    assert (live.queued(mine) or (None,))[0] == wanted


def test_a_run_on_data_that_is_not_here_has_a_stage_that_says_so(home):
    run = queue.find(OTHER_DATA)
    assert stage.possible(run)
    header, arrays = unpack(stage.base_of(run)[1])
    assert "CIFAR" in header["lacks"] or "cifar10" in header["lacks"]
    assert header["shown"] == []
    assert "airplane" in header["classes"]
    assert not [name for name in arrays if name.startswith("net_")], "the signs' networks do not read these"
    assert unpack(stage.base_of(queue.find("signs-ring"))[1])[0]["lacks"] == ""


def test_run_for_real_beside_other_data_is_of_that_data_and_says_what_is_missing(visit, home):
    visit.session_state.stage_run = OTHER_DATA
    wish(visit, "run", target=3, alpha=1, betas=[0.5])
    assert home.list() == []
    assert "CIFAR-10" in visit.session_state.stage_notice["words"]


def test_a_recording_stands_for_a_run_that_waits_and_leaves_the_stage_to_it_once_it_works(visit, home):
    run, _ = queue.start(make_config(data="signs", seed=5).to_dict(), "me")
    visit.session_state.stage_run = run.name
    wish(visit, "want", id="signs-ring")
    assert stage.played(run, "waiting")[1] == "signs-ring"
    assert stage.played(run, "running")[1].startswith(run.name)


def test_beside_other_data_the_shipped_runs_of_the_same_network_stand_for_what_is_painted(visit, home):
    run = queue.find(OTHER_DATA)
    there = stage.beside(run)
    orbits = {triggers.orbits()[i][0] for i in range(len(triggers.orbits()))}
    assert {one["orbit"] for one in there} == orbits, "all 51 kinds"
    assert {one["data"] for one in there} == {"cifar10"}
    assert all(0 <= one["after"][0] <= one["before"][0] <= 1 and one["before"][3] > 1000 for one in there)
    visit.session_state.stage_run = OTHER_DATA
    other = next(one["id"] for one in there if one["orbit"] == 0)
    wish(visit, "want", id=other)
    told, version = stage.played(run, "finished")
    assert unpack(told)[0]["id"] == version == other
    wish(visit, "want", id="signs-ring")  # of other data
    assert stage.played(run, "finished")[1] != "signs-ring"
