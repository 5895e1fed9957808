"""Every page after every other in a real browser, with a control changed before."""

from __future__ import annotations

import itertools
from urllib.parse import parse_qsl, urlsplit

import pytest
from serving import CHROMIUM, settle

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

NAMES = ("Lab", "Landscape", "Compare", "Paper", "Detect", "Learn")
PLAIN = ["Lab", "Compare", "Lab"]  # nothing touched: the fault was seen without a change, too
CHOICES = '[data-testid="stMain"] [data-testid^="stButtonGroup"] button[aria-checked="false"]'


def tour() -> list[str]:
    """A walk in which every ordered pair of pages is neighbours once."""
    ways = {a: [b for b in NAMES if b != a] for a in NAMES}
    stack, walk = [NAMES[0]], []
    while stack:  # Hierholzer's way through a complete directed graph
        if ways[stack[-1]]:
            stack.append(ways[stack[-1]].pop())
        else:
            walk.append(stack.pop())
    return walk[::-1]


def test_the_tour_holds_every_ordered_pair():
    walk = tour()
    assert {(a, b) for a, b in itertools.pairwise(walk)} == {(a, b) for a in NAMES for b in NAMES if a != b}


def changed(page) -> bool:
    """Choose another option of the first few choices of the page."""
    choices = page.locator(CHOICES)
    if not choices.count():
        return False
    choices.first.click()
    settle(page)
    return True


@pytest.fixture
def page(still):
    return still


@pytest.mark.parametrize(("walk", "change"), [(PLAIN, False), (tour(), True)], ids=["untouched", "changed"])
def test_no_page_breaks_after_another(server, page, walk, change):
    page.goto(f"{server}/?screen=all")
    settle(page)
    count = 0
    for name in walk[1:]:
        count += changed(page) if change else 1
        page.get_by_role("link", name=name, exact=True).first.click()
        page.wait_for_timeout(700)
        settle(page)
        found = page.get_by_test_id("stException").all_inner_texts()
        assert not found, (name, found[0])
        values = dict(parse_qsl(urlsplit(page.url).query, keep_blank_values=True))
        assert all(word != "None" and " " not in word and word.isascii() for word in values.values()), page.url
    assert count > len(walk) / 2  # most pages have something to choose
