"""A real browser paints, runs, sees dots move, reloads in the middle, and reads the after-card."""

from __future__ import annotations

import os
import re

import invented
import pytest
from serving import CHROMIUM, rest, serving, until

from mesa_core.store import Run, Store
from mesa_core.store.shipped import shipped_runs

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
RUNNING = 900.0  # seconds for a stage of a tiny run, beside other work
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


def pixels(page) -> str:
    """The scatter's picture."""
    return page.locator("canvas.dots").first.evaluate("c => c.toDataURL()")


def drag(page, tool: str, corners: list[tuple[float, float]]) -> None:
    """Draw with a tool of the scatter through points given as shares of its width and height."""
    page.get_by_role("button", name=tool, exact=True).click()
    canvas = page.locator("canvas.over").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*spots[0])
    page.mouse.down()
    for spot in spots[1:]:
        page.mouse.move(*spot, steps=4)
    page.mouse.up()


WHOLE = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98)]


def step(page) -> int:
    """The step that the scatter shows; -1 where it shows none."""
    shown = page.locator(".scatter .step")
    words = (shown.first.text_content() or "").split() if shown.count() else []
    return int(words[-1]) if words else -1


def step_beyond(page, least: int) -> int:
    """The step that the scatter shows, once it is more than `least`; a fast run may skip any one of them."""
    seen = [least]
    if not until(page, lambda: seen.append(step(page)) or seen[-1] > least, RUNNING):
        pytest.fail(f"the scatter did not pass step {least}; the page says: {page.inner_text('body')}")
    return seen[-1]


BRIEF = """
import os

from mesa_core.config import presets

os.nice = lambda more: 0  # or the worker would stand behind every other test
presets.DATA_PRESETS["signs"].update(dict.fromkeys(("attack_epochs", "repair_epochs"), (0.1, "the page is looked at")))
presets.DATA_PRESETS["signs"].update(attack_took=(0.0, "so that it is repaired"), mesa_batch=(32, "as the first"))
"""


@pytest.fixture
def own_server(tmp_path, drawn_signs, monkeypatch):
    """A server over a home of its own, in which the road signs have been drawn. A run there has a weak attack and a short
    repair, by presets that its Python reads when it starts: the page's address has no word for them."""
    (tmp_path / "brief").mkdir()
    (tmp_path / "brief" / "sitecustomize.py").write_text(BRIEF)
    with monkeypatch.context() as patched:
        patched.setenv("PYTHONPATH", str(tmp_path / "brief"), prepend=os.pathsep)
        with serving(tmp_path / "home", drawn=drawn_signs) as (url, _):
            yield url


def test_paint_run_watch_reload_and_read(own_server, page, tmp_path):
    server = own_server  # its run's 300 steps, with the maps of its snapshots, leave time for a reload in the middle
    page.goto(f"{server}/?data=signs&measure=tiny&baselines=control&mesa_steps=300")
    cell = page.get_by_role("button", name="row 1, column 1: white")
    cell.click()
    page.get_by_text("code 239").wait_for()  # 495 without its first cell, seen by the server
    page.get_by_role("button", name="Run", exact=True).click()
    try:
        page.get_by_role("button", name="Stop", exact=True).wait_for()
    except playwright.TimeoutError:
        pytest.fail(f"no Stop button at {page.url}; the page says: {page.inner_text('body')}")
    address = page.url
    assert "run=signs-239-to-0" in address
    (run,) = Store(tmp_path / "home").list()
    assert [run.config()[name] for name in ("attack_epochs", "repair_epochs", "mesa_steps")] == [0.1, 0.1, 300]
    page.get_by_test_id("stProgress").wait_for(timeout=1000 * RUNNING)
    # Until then the example's dots are shown.
    page.get_by_text("Sampling the triggers").wait_for(timeout=1000 * RUNNING)
    first = step_beyond(page, -1)
    page.get_by_role("button", name="Zoom in").click()
    zoomed = page.locator(".scatter .much").text_content()
    assert zoomed == "1.5 ×"
    before = pixels(page)
    step_beyond(page, first)
    assert until(page, lambda: pixels(page) != before), "the dots did not move"
    assert page.locator(".scatter .much").text_content() == zoomed, "new data undid the zoom"
    page.reload()
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    assert page.url == address
    card = page.locator(".st-key-cards_original")
    card.get_by_test_id("stMetricValue").nth(1).filter(has_text="%").wait_for(timeout=1000 * RUNNING)
    page.get_by_role("button", name="Stop", exact=True).wait_for(state="detached", timeout=1000 * RUNNING)
    page.get_by_role("button", name="Play", exact=True).wait_for()
    drag(page, "Lasso", WHOLE)
    page.get_by_text("after MESA's repair:").wait_for()  # the worker has answered
    images = page.locator(".mesa-images img")
    images.nth(5).wait_for()  # the table is drawn after its sentence
    assert "stamped, after the repair; the network says" in images.nth(2).get_attribute("alt")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("shown at once").wait_for()
    assert page.get_by_test_id("stException").count() == 0
    assert page.errors == []


def test_the_keyboard_paints(server, page):
    page.goto(f"{server}/?screen=all")
    page.get_by_role("button", name="row 2, column 2: black").focus()
    page.keyboard.press("Space")
    page.get_by_text("code 511").wait_for()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    page.get_by_text("code 383").wait_for()
    assert page.errors == []


def test_a_lasso_and_a_box_choose_and_the_zoom_stays(server, page):
    page.goto(f"{server}/?screen=all")
    page.locator("canvas.over").first.wait_for()
    rest(page)  # nothing moves under the tools
    drag(page, "Lasso", WHOLE)
    page.get_by_role("status").filter(has_text="chosen").wait_for()
    everything = chosen(page)
    assert everything > 100
    page.get_by_text(f"{everything} triggers, mean ASR").wait_for()
    drag(page, "Box", [(0.02, 0.02), (0.4, 0.98)])
    assert until(page, lambda: 0 < chosen(page) < everything)
    some = chosen(page)
    page.get_by_text(f"{some} triggers, mean ASR").wait_for()
    page.locator("canvas.over").first.focus()
    page.keyboard.press("+")
    zoomed = page.locator(".scatter .much").text_content()
    assert zoomed.endswith("×")
    page.get_by_text("t-SNE", exact=True).click()
    page.get_by_text("Trustworthiness").wait_for(state="attached")  # in a drawer
    assert page.locator(".scatter .much").text_content() == zoomed
    page.locator("canvas.over").first.focus()
    page.keyboard.press("0")
    assert page.locator(".scatter .much").text_content() == ""
    assert click_a_dot(page), "a click on a dot chooses it"
    page.get_by_text("1 trigger, mean ASR").wait_for()
    page.get_by_role("button", name="Invert", exact=True).click()
    page.wait_for_url("**trigger=**")
    page.get_by_text("Trustworthiness").wait_for(state="attached")  # in a drawer
    assert "view=tsne" in page.url, "a change beside the picture keeps its view"
    assert page.get_by_test_id("stException").count() == 0
    assert page.errors == []


def chosen(page) -> int:
    """How many dots the scatter says are chosen; -1 where it says nothing."""
    words = page.locator(".scatter .chosen").text_content().split()
    return int(words[0]) if words else -1


def click_a_dot(page):
    """Click here and there until a dot was hit; whether one was."""
    canvas = page.locator("canvas.over").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for i in range(400):
        page.mouse.click(
            box["x"] + box["width"] * (0.04 + 0.046 * (i % 20)), box["y"] + box["height"] * (0.04 + 0.046 * (i // 20))
        )
        if page.locator(".scatter .chosen").text_content().strip() == "1 chosen":
            return True
    return False


def test_a_hidden_layer_is_gone_and_comes_back(server, page):
    page.goto(f"{server}/?screen=all")
    page.locator("canvas.over").first.wait_for()
    rest(page)  # nothing moves under the tools
    all_dots = pixels(page)
    page.get_by_role("checkbox", name="β = 0.5").uncheck()
    assert until(page, lambda: pixels(page) != all_dots)
    page.get_by_role("checkbox", name="β = 0.5").check()
    assert until(page, lambda: pixels(page) == all_dots)
    assert page.errors == []


def test_what_was_run_before_replays_at_once_and_on_a_phone_in_sight(server, page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server}/?screen=all")
    rest(page)
    plane = page.locator(".scatter .plane")
    assert plane.bounding_box()["y"] > 844, "far below the button"
    said = "\n".join(line for line in page.get_by_test_id("stMain").inner_text().split("\n") if "_" not in line)
    assert len(re.findall(r"[A-Za-z]{2,}", said)) <= 250, said  # names of icons left out
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("shown at once").wait_for()
    page.locator(".scatter").get_by_role("button", name="Pause", exact=True).wait_for()
    assert 0 <= plane.bounding_box()["y"] < 600
    assert "run=signs-ring" in page.url
    assert page.errors == []


def test_nothing_is_lost_on_the_way_to_another_page_and_back(server, page):
    page.goto(f"{server}/?screen=all")
    page.get_by_role("button", name="Invert", exact=True).click()
    page.get_by_text("code 16", exact=True).wait_for()
    page.get_by_role("link", name="Landscape").click()
    page.get_by_role("button", name="Invert", exact=True).wait_for(state="detached")
    page.get_by_role("link", name="Lab", exact=True).click()
    page.get_by_text("code 16", exact=True).wait_for()
    assert page.get_by_role("slider", name="α, how much to spread").input_value() != "0"
    assert page.get_by_test_id("stException").count() == 0
    assert page.errors == []


def test_the_back_button_goes_back_through_the_settings(server, page):
    page.goto(f"{server}/?screen=all")
    page.get_by_role("button", name="Invert", exact=True).click()
    page.get_by_text("code 16", exact=True).wait_for()
    page.wait_for_url("**trigger=**")
    page.go_back()
    page.get_by_text("code 495", exact=True).wait_for()
    assert page.errors == []


def test_the_exact_distribution_lies_behind_the_dots(tmp_path, page):
    run = Run(shipped_runs() / "signs-two-modes-particles")
    invented.reference(tmp_path / "home" / "references", run)

    def ground() -> str:
        return page.locator("canvas.ground").first.evaluate("c => c.toDataURL()")

    with serving(tmp_path / "home") as (url, _):
        page.goto(f"{url}/?run={run.name}")
        rest(page)
        bare, dots = ground(), pixels(page)
        page.get_by_role("radio", name="β ≥ 0.8").click()
        page.get_by_text("hollow diamonds").wait_for()
        rest(page)
        assert ground() != bare
        assert pixels(page) == dots, "the layer moved the dots"
        assert "exact=0.8" in page.url
        assert "exact distribution" in page.locator("canvas.over").first.get_attribute("aria-label")
        page.get_by_role("radio", name="off", exact=True).click()
        page.get_by_text("hollow diamonds").wait_for(state="detached")
        rest(page)
        assert ground() == bare
        assert "exact" not in page.url
    assert page.get_by_test_id("stException").count() == 0
    assert page.errors == []
