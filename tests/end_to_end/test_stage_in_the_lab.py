"""The stage as the Lab's first screen, in a real browser: it plays, answers, watches a run, is shared and taken away."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from serving import CHROMIUM, paging, serving

from mesa_core.disk.leases import hold
from mesa_core.store import Run, Store
from mesa_core.store.shipped import assets_dir, shipped_runs

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
ROOM = """() => { const root = document.querySelector('.st-key-stage').shadowRoot ?? [...document.querySelectorAll('.st-key-stage *')]
  .map((e) => e.shadowRoot).find(Boolean); const box = root.querySelector('.stage').getBoundingClientRect();
  return [box.top, box.bottom, innerHeight, document.querySelector('[data-testid="stMain"]').scrollHeight]; }"""


@pytest.fixture
def home(tmp_path):
    return Store(tmp_path / "home")


@pytest.fixture
def own_server(home, drawn_signs):
    with serving(home.root, drawn=drawn_signs) as (url, _):
        yield url


def played(page) -> None:
    """Wait until the run has been played."""
    page.locator(".stage.over").wait_for()


def words(page, what: str, wanted: str) -> None:
    """Wait until a part of the stage says something."""
    page.locator(what).filter(has_text=re.compile(wanted)).first.wait_for()


def test_it_is_whole_on_a_projector_plays_by_itself_and_answers_what_is_painted(server):
    with paging(1280, 720) as page:
        page.goto(server)
        played(page)
        top, bottom, high, scrolled = page.evaluate(ROOM)
        assert top < 80
        assert bottom <= high
        assert scrolled <= high, "the page scrolls"
        said = page.locator(".stage").inner_text()
        assert len(re.findall(r"[A-Za-z]{2,}", said)) <= 60, said
        assert (page.locator(".was").text_content(), page.locator(".headline .now").text_content()) == ("97 %", "0.4 %")
        page.get_by_role("button", name="row 1, column 1: white").click()
        words(page, ".sentence", "^This (trigger opens|one)")
        assert page.locator(".was").text_content() != "97 %"
        words(page, ".note", "Answered by this run")
        page.get_by_role("button", name="Plant this one").click()  # a recording stands for it, and says so
        words(page, ".note", "^(Recorded|Nearest recording).* n = 1,0")
        page.evaluate("() => window.mesaStage.stage.clock.seek(99)")
        words(page, ".note", "before, .* after the repair")
        assert page.get_by_role("button", name="row 1, column 1: black").count() == 1, "the painter forgot"
        assert page.get_by_role("button", name="Plant this one").count() == 0
        page.locator(".share").click()
        link = page.get_by_role("textbox", name="Link").input_value()
        assert link.startswith(server)
        assert "paint=000,fff" in link
        assert page.locator(".qr svg").count() == 1
        page.keyboard.press("Escape")
        with page.expect_download() as download:
            page.locator(".take").click()
        file = Path(download.value.path()).read_text("utf-8")
        assert "default-src &#x27;none&#x27;" in file
        page.get_by_role("button", name="All controls and figures").click()
        page.get_by_role("button", name="Run", exact=True).wait_for()
        assert "screen=all" in page.url
        page.get_by_text("code 239", exact=True).wait_for()  # what was painted came along
        assert page.get_by_test_id("stException").count() == 0
        assert page.errors == []


def test_a_shared_address_paints_what_its_sender_saw_without_title_and_navigation_where_it_is_embedded(server):
    with paging(900, 600) as page:
        page.goto(f"{server}/?embed=true&screen=stage&paint=000,fff,fff,fff,000,fff,fff,fff,fff")
        words(page, ".sentence", "^This (trigger opens|one)")
        assert page.get_by_role("button", name="row 1, column 1: black").count() == 1
        assert not page.locator(".stage h1").is_visible()
        assert page.get_by_role("link", name="Landscape").count() == 0
        assert page.errors == []


def so_far(run: Run, upto: int, lines: list[str]) -> None:
    (run.path / "events.jsonl").write_text("\n".join(lines[:upto]) + "\n")


def test_a_run_streams_into_the_stage_without_blanking_it(own_server, home):
    server = own_server
    shipped = shipped_runs() / "signs-ring"
    lines = (shipped / "events.jsonl").read_text("utf-8").splitlines()
    kinds = [json.loads(line) for line in lines]
    at = lambda **want: next(i for i, e in enumerate(kinds) if all(e.get(k) == v for k, v in want.items()))
    shots = [i for i, e in enumerate(kinds) if e["type"] == "Snapshot"]
    run = home.create(Run(shipped).config(), "own")
    shutil.copytree(shipped / "snapshots", run.path / "snapshots", dirs_exist_ok=True)
    (run.path / "owner.json").write_text(json.dumps({"token": "t", "visitor": ""}))
    so_far(run, at(type="StageBegun", stage="attack") + 1, lines)
    with hold(run.path / "lease.json", "own"), paging(1280, 720) as page:
        page.goto(server)
        played(page)
        page.goto(f"{server}/?screen=stage&run=own&by=t")
        words(page, ".live .doing", "Implanting")
        assert page.get_by_role("button", name="Stop", exact=True).is_visible()
        page.locator(".signs .patch").nth(5).wait_for()  # the trigger that is being learnt is on the signs
        assert page.locator(".seed").is_visible()  # nothing to plot yet, but what is being planted
        risen = {
            "type": "Progress",
            "stage": "attack",
            "done": 40,
            "total": 100,
            "elapsed": 3.0,
            "metrics": {"asr": 0.43},
        }
        early = at(type="StageBegun", stage="attack") + 1
        so_far(run, early + 1, [*lines[:early], json.dumps({"n": early, "t": kinds[early - 1]["t"], **risen})])
        words(page, ".was", "43 %")
        words(page, ".of", "so far")
        page.locator(".rise polyline").wait_for(state="attached")
        so_far(run, at(type="Evaluated", name="before") + 1, lines)
        words(page, ".was", "97 %")
        so_far(run, shots[0] + 1, lines)
        words(page, ".sentence", "MESA looks")
        so_far(run, shots[3] + 1, lines)
        page.wait_for_timeout(1500)
        assert page.locator(".stage.dim").count() == 0
        so_far(run, len(lines), lines)
        (run.path / "weights").mkdir(exist_ok=True)
        for name in ("attacked", "repaired"):  # the prepared run's own
            shutil.copy(assets_dir() / "lessons" / f"{name}.safetensors", run.path / "weights")
        shutil.copy(shipped / "result.json", run.path / "result.json")
        words(page, ".headline .now", "0.4 %")
        page.locator(".signs .read.after.right").nth(4).wait_for()  # read by the run's own networks
        assert page.locator(".live").is_hidden()
        page.get_by_role("button", name="Run it for real").click()  # what was asked is on the stage already
        words(page, ".toast", "Exactly this was run here")
        page.locator(".live").wait_for(state="hidden")
        assert page.get_by_test_id("stException").count() == 0
        assert page.errors == []
