"""The six steps of Learn in a real browser, by keyboard alone; and on a phone's width."""

from __future__ import annotations

import re

import pytest
from serving import CHROMIUM, new_page, settle

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
MOST_TABS = 90
# The focused element, also inside a component's shadow root, and what it is called.
FOCUSED = """() => {
  let e = document.activeElement;
  while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
  return e ? `${e.tagName} ${e.getAttribute('aria-label') || e.innerText || e.value || ''}` : '';
}"""


def tab_to(page, pattern: str) -> str:
    """Press Tab until what has the focus is called so."""
    seen = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
        if re.search(pattern, seen[-1]):
            return seen[-1]
    pytest.fail(f"{pattern!r} was not reached by Tab; passed {seen}")


def wait_for_address(page, pattern: str) -> None:
    page.wait_for_url(re.compile(pattern))
    settle(page)


def test_the_six_steps_by_keyboard(server, page):
    page.goto(f"{server}/learn")
    settle(page)
    tab_to(page, "CANVAS A picture of the sign")
    page.keyboard.press("ArrowLeft")
    page.get_by_text("answers:").first.wait_for()
    for number in range(2, 7):
        tab_to(page, "BUTTON Next")
        page.keyboard.press("Enter")
        wait_for_address(page, f"step={number}")
        assert page.locator("h1").inner_text().startswith(f"{number} ·")
        assert page.get_by_test_id("stException").count() == 0
        if number == 2:
            tab_to(page, "CANVAS 512 triggers")
            for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
                page.keyboard.press(key)
            wait_for_address(page, "paint=")
        if number == 4:
            tab_to(page, "INPUT")
            page.keyboard.press("ArrowRight")
            wait_for_address(page, "alpha=0.1")
        if number == 5:
            tab_to(page, "INPUT (As much|0)")  # the question's first answer
            page.keyboard.press("ArrowDown")
            page.get_by_text("Yes.").wait_for()
    page.go_back()
    wait_for_address(page, "step=5")
    page.get_by_role("heading", name="5 · The staircase and β").wait_for()
    assert page.errors == []


def test_a_link_shows_the_same_elsewhere(server, page, browser):
    page.goto(f"{server}/learn?step=3&known=mesa&reach=2")
    settle(page)
    told = page.locator("p", has_text="triggers are valid").inner_text()
    other = new_page(browser)
    other.goto(page.url)
    settle(other)
    assert other.locator("p", has_text="triggers are valid").inner_text() == told
    other.goto(f"{server}/learn?step=3&known=point&reach=0")
    settle(other)
    assert other.locator("p", has_text="triggers are valid").inner_text() != told
    other.close()


def test_a_lesson_link_hides_what_was_ticked_off(server, page):
    page.goto(f"{server}/learn?step=5")
    settle(page)
    assert page.get_by_role("link", name="Compare").is_visible()
    page.get_by_role("button", name="Copy lesson link").click()
    page.get_by_text("Hide the navigation").click()
    page.locator("code", has_text="hide=nav").wait_for()
    page.goto(page.locator("code", has_text="hide=nav").inner_text())
    settle(page)
    page.get_by_text("Misplaced mass").wait_for()
    assert not page.get_by_role("link", name="Compare").is_visible()
    assert page.get_by_role("button", name="Next").count() == 0


@pytest.mark.parametrize("number", range(1, 7))
def test_nothing_sticks_out_on_a_phone(server, browser, number):
    page = new_page(browser, 360, 740)
    page.goto(f"{server}/learn?step={number}")
    settle(page)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("e => e.scrollWidth - e.clientWidth") <= 1
    page.close()
