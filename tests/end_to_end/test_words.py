"""How many words a page has in sight before anybody opens a drawer, counted as on the Lab."""

from __future__ import annotations

import re

import pytest
from serving import CHROMIUM, rest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


def words(page) -> int:
    """Words of two letters or more in sight; names of icons, which have a line each, are left out."""
    said = "\n".join(line for line in page.get_by_test_id("stMain").inner_text().split("\n") if "_" not in line)
    return len(re.findall(r"[A-Za-z]{2,}", said))


@pytest.fixture
def page(still):
    return still


def test_the_paper_page_is_short_and_its_drawers_hold_the_rest(server, page):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{server}/paper")
    rest(page)
    shown = words(page)
    assert shown <= 700
    page.evaluate("() => document.querySelectorAll('.mesa-claims details').forEach((one) => { one.open = true; })")
    assert words(page) > shown + 600, "what was measured is in the drawers"
    assert page.errors == []
