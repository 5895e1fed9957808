"""The page to take away on a phone: opened from disk without a network, painted on by a finger, nothing wider than the screen."""

import re

import pytest
from exported import by_itself, played
from reaching import covered, wider
from serving import CHROMIUM, browsing, new_page

from mesa_core.stage.export import export
from mesa_core.store import Run
from mesa_core.store.shipped import shipped_runs

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
FINGER = 24  # pixels of the smallest thing that a finger is to hit, by WCAG 2.2


def drag(page, *cells):
    """A finger goes over the painter's cells, by their numbers."""
    boxes = [page.locator(".cells button").nth(i).bounding_box() for i in cells]
    points = [{"x": b["x"] + b["width"] / 2, "y": b["y"] + b["height"] / 2} for b in boxes]
    touch = page.context.new_cdp_session(page)
    for kind, at in (("touchStart", points[0]), *(("touchMove", p) for p in points[1:])):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_it_plays_is_painted_on_by_touch_and_answers_within_the_screen(tmp_path):
    out = tmp_path / "ring.html"
    out.write_text(export(Run(shipped_runs() / "signs-ring")).html, "utf-8")
    with browsing() as browser:
        page = new_page(browser, 390, 844, has_touch=True, is_mobile=True, device_scale_factor=2)
        asked = played(page, out)
        for part in (".headline", ".signs", ".cells", ".track"):
            box = page.locator(part).bounding_box()
            assert box["y"] >= 0, f"{part} is not in sight"
            assert box["y"] + box["height"] <= 844, f"{part} is not in sight"
        drag(page, 0, 1, 2)  # white on white turns the first cell black, and all that follow
        page.wait_for_function("() => stage.done === true")
        names = page.locator(".cells button").evaluate_all("all => all.map((b) => b.ariaLabel)")
        assert [name.endswith("black") for name in names] == [True, True, True, False, True, *[False] * 4]
        assert re.match("^This (trigger|one)", page.locator(".sentence").inner_text())
        assert re.match(r"of 54 signs read", page.locator(".of").inner_text())
        assert page.evaluate("() => scrollY") == 0, "the page scrolled under the finger"
        small = page.locator(".inks button, .cells button, .tools button, .go").evaluate_all(
            f"all => all.map((b) => b.getBoundingClientRect()).filter((r) => Math.min(r.width, r.height) < {FINGER}).length"
        )
        assert small == 0
        for width in (390, 320):
            page.set_viewport_size({"width": width, "height": 844})
            assert (wider(page), covered(page)) == ([], [])
            for opener in (".why", ".numbers", ".presets"):
                page.locator(opener).tap()
                page.locator(".drawer:visible, .menu:visible").wait_for()
                assert wider(page) == [], f"{opener} at {width}"
                page.keyboard.press("Escape")
        page.evaluate("() => stage.root.insertAdjacentHTML('beforeend', '<p style=\"width:500px\">too wide</p>')")
        assert wider(page), "what is too wide would be found"
        assert by_itself(asked)
        assert page.errors == []
