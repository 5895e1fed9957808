"""A real browser walks the map of the 512: points, arranges, marks, walks by keyboard, and paints one in the Lab."""

from __future__ import annotations

import re

import pytest
from serving import CHROMIUM, until

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

FOCUSED = """() => { let at = document.activeElement; while (at && at.shadowRoot) at = at.shadowRoot.activeElement;
 return at && at.getAttribute('aria-label'); }"""


def cell(page, code):
    return page.locator(f".codemap [data-code='{code}']").first


def away(one, other) -> float:
    """How far two boxes are from each other."""
    return abs(one["x"] - other["x"]) + abs(one["y"] - other["y"])


@pytest.fixture
def page(still):
    return still


def test_point_arrange_mark_walk_and_paint(server, page):
    page.goto(f"{server}/landscape?run=signs-ring")
    cell(page, 487).wait_for()
    assert page.locator(".codemap").first.locator("svg [tabindex='0']").count() >= 1  # one stop for the Tab key a map

    cell(page, 487).hover()
    words = page.locator(".codemap .words").inner_text()
    assert "Code 487, 7 white cells" in words
    assert re.search(r"after the attack \d+ % \(\d+ % to \d+ %\)", words)
    assert "n = 16 images" in words

    was = cell(page, 487).bounding_box()
    cell(page, 487).evaluate("cell => { cell.marked = true; }")
    page.locator(".st-key-landscape_order").get_by_text("t-SNE", exact=True).click()
    page.wait_for_url("**order=tsne**")
    assert until(page, lambda: away(cell(page, 487).bounding_box(), was) > 30)
    page.wait_for_timeout(700)  # the cells move for 0.6 s
    assert cell(page, 487).evaluate("cell => cell.marked === true")  # moved, not drawn anew

    assert page.locator(".cell.dim").count() == 0
    page.locator(".st-key-landscape_looks").get_by_text("β = 0.8", exact=True).click()
    page.locator(".cell.dim").first.wait_for()
    said = re.search(r"β = 0.8: 256 samples on (\d+) of the 512", page.locator(".codemap .legend").inner_text())
    maps = page.locator(".codemap figure").count()
    assert page.locator(".cell.dim").count() == maps * (512 - int(said[1]))

    cell(page, 487).focus()
    page.keyboard.press("ArrowRight")
    label = page.evaluate(FOCUSED)
    assert label.startswith("Code ")
    assert not label.startswith("Code 487,")
    code = int(re.match(r"Code (\d+)", label)[1])
    page.keyboard.press("Enter")  # holds it, and goes to the button
    cell(page, 3).dispatch_event("pointerover")
    assert page.locator(".codemap .words").inner_text().startswith(f"Code {code},")
    assert "/landscape" in page.url
    page.keyboard.press("Enter")
    page.get_by_text(f"code {code}", exact=True).wait_for()
    assert page.evaluate("location.search").startswith("?run=signs-ring")
    assert page.locator("[data-testid=stException]").count() == 0

    page.get_by_role("link", name="Landscape").click()
    page.wait_for_url("**/landscape?run=signs-ring")  # the run that the Lab showed
    cell(page, 20).wait_for()
    cell(page, 20).click()
    cell(page, 3).dispatch_event("pointerover")
    page.get_by_role("button", name="Paint it in the Lab").click()
    page.get_by_text("code 20", exact=True).wait_for()
    assert page.errors == []
