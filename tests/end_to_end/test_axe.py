"""axe-core on every page, light and dark: no serious or critical finding.

axe-core comes with the package axe-playwright-python, of which nothing else is used; the variable AXE names another one.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from serving import CHROMIUM, new_page, rest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
BAD = ("serious", "critical")
PAGES = {
    "stage": "/",
    "lab": "/?screen=all",
    "landscape": "/landscape",
    "compare": "/compare",
    "paper": "/paper",
    "paper-figure-4": "/paper?show=figure4",
    "paper-lottery": "/paper?show=lottery",
    "detect": "/detect",
    **{f"learn-{i}": f"/learn?step={i}" for i in range(1, 7)},
}


def axe() -> Path | None:
    """axe.min.js, if it is there."""
    named = [Path(os.environ["AXE"])] if os.environ.get("AXE") else []
    package = find_spec("axe_playwright_python")
    within = [Path(place) / "axe.min.js" for place in (package.submodule_search_locations or ())] if package else []
    return next((path for path in (*named, *within) if path.is_file()), None)


pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(axe() is None, reason="axe-core is not here: pip install axe-playwright-python"),
    pytest.mark.slow,
]


def findings(page) -> list[str]:
    """What axe finds that is serious or critical, each in a line."""
    page.evaluate(axe().read_text("utf-8"))
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [
        f"{one['impact']} {one['id']}: {one['help']}: {node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found
        if one["impact"] in BAD
        for node in one["nodes"]
    ]


def darkness(page) -> float:
    """How dark the page's ground is: 0 white, 1 black."""
    rgb = page.evaluate(
        "getComputedStyle(document.querySelector('[data-testid=\"stApp\"]')).backgroundColor.match(/\\d+/g)"
    )
    return 1 - sum(map(int, rgb[:3])) / 765


def looked_at(page) -> None:
    """No finding in light, nor in dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        rest(page)
        assert (darkness(page) > 0.5) == (scheme == "dark"), darkness(page)
        found = findings(page)
        assert not found, "\n".join([scheme, *found])


@pytest.mark.parametrize("name", PAGES)
def test_no_serious_finding(server, browser, name):
    # Without motion, so that nothing is looked at while it fades in.
    page = new_page(browser, 1440, 1000, color_scheme="light", reduced_motion="reduce")
    page.goto(server + PAGES[name])
    rest(page)
    looked_at(page)
    for answer in (
        page.locator(".st-key-lesson_question").get_by_role("radio").all()[:2]
    ):  # right and wrong: what is said then is looked at, too
        answer.check(force=True)
        rest(page)
        looked_at(page)
    assert page.get_by_test_id("stException").count() == 0
    page.context.close()


def test_a_fault_would_be_found(server, browser):
    page = new_page(browser)
    page.goto(server + "/learn")
    rest(page)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<button style=\"width:40px;height:40px\"></button>')")
    assert any("button-name" in line for line in findings(page))
    page.close()
