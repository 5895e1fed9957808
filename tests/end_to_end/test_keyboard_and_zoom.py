"""Every page by keyboard alone, and at 200 % zoom: all is reached and seen, nothing is cut off, covered or sticks out."""

from __future__ import annotations

import pytest
from reaching import FOCUSED, REACHABLE, covered, cut, wider
from serving import CHROMIUM, new_page, rest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
PAGES = {
    "stage": "/", "lab": "/?screen=all", "landscape": "/landscape", "compare": "/compare", "paper": "/paper",
    "detect": "/detect", "learn": "/learn?step=1",
}  # fmt: skip
MOST = 300  # presses of Tab until a page must have been gone through
# Of a group in which arrows lead on, Tab enters one; a table draws what has the focus in its own canvas.
GROUPED = '[role="radiogroup"], [data-testid="stButtonGroup"], [data-testid="stRadio"], .cells, .choices, .codemap'
IN_GROUP = f"""(number) => {{ const all = []; const walk = (r) => {{ for (const e of r.querySelectorAll('*')) {{ all.push(e); if (e.shadowRoot) walk(e.shadowRoot); }} }};
  walk(document.body); const e = all[number]; return Boolean(e && e.closest('{GROUPED}')); }}"""


def tabbed(page):
    """Numbers of the elements that Tab comes to, and what of them is not seen to have the focus."""
    reached, unseen, first = [], [], None
    for _ in range(MOST):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found is None or found["number"] == first:
            if len(reached) > 5:
                return reached, unseen
            continue
        first = found["number"] if first is None else first
        reached.append(found["number"])
        if not found["inside"] or not (found["marked"] or found["name"].startswith(("canvas", "g.cell"))):
            unseen.append(found["name"])
    raise AssertionError(f"the keyboard is caught at {found}")


def missed(page, reached):
    """Controls that Tab never came to, but for those of a group of which it came to one."""
    return [
        name
        for number, name, order in page.evaluate(REACHABLE)
        if order >= 0 and number not in reached and not page.evaluate(IN_GROUP, number)
    ]


@pytest.mark.parametrize("name", PAGES)
def test_every_control_is_reached_by_keyboard_and_seen_and_nothing_is_lost_at_200_percent(server, browser, name):
    page = new_page(browser, 1280, 720, reduced_motion="reduce")
    page.goto(server + PAGES[name])
    rest(page)
    reached, unseen = tabbed(page)
    assert (missed(page, reached), unseen) == ([], [])
    page.set_viewport_size({"width": 640, "height": 360})  # what 1280 by 720 is at 200 %
    rest(page)
    assert (wider(page), cut(page), covered(page)) == ([], [], [])
    assert page.evaluate(
        "() => { const m = document.querySelector('[data-testid=\"stMain\"]'); return m.scrollWidth <= m.clientWidth; }"
    )
    assert page.errors == []
    page.context.close()


def test_arrows_lead_through_a_group_and_move_a_trigger_on_a_picture(server, browser):
    page = new_page(browser, 1280, 720, reduced_motion="reduce")
    page.goto(f"{server}/learn?step=1")
    rest(page)
    page.get_by_role("radio", name="1 Backdoor").or_(page.get_by_role("button", name="1 Backdoor")).focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.activeElement.innerText") == "2 Many triggers"
    page.goto(server)
    page.locator(".stage.over").wait_for()
    photo = page.locator(".photo").first
    photo.focus()
    where = page.evaluate("() => { const s = mesaStage.stage; return [...s.base.places[s.base.shown[0]]]; }")
    page.keyboard.press("ArrowDown" if where[0] < 29 else "ArrowUp")
    page.wait_for_function("() => mesaStage.stage.moved && mesaStage.stage.done")
    moved = page.evaluate("() => { const s = mesaStage.stage; return [...s.base.places[s.base.shown[0]]]; }")
    assert (abs(moved[0] - where[0]), moved[1]) == (1, where[1])
    page.context.close()


def test_what_is_unreachable_unseen_too_wide_cut_or_covered_would_be_found(browser):
    page = new_page(browser, 640, 360)
    page.set_content(
        "<main>" + "".join(f"<button>{i}</button>" for i in range(8)) + "<button style='outline:none'>faint</button>"
        "<div style='width:900px'>wide</div><div style='width:60px;overflow:hidden;white-space:nowrap'>a text that is cut</div>"
        "<div style='position:relative;height:80px'><button style='position:absolute;left:0'>under</button>"
        "<button style='position:absolute;left:9px'>over</button></div></main>"
    )
    reached, unseen = tabbed(page)
    assert any("faint" in one for one in unseen)
    assert missed(page, reached) == []
    assert any("1" in one for one in missed(page, reached[:1] + reached[2:]))
    assert any("wide" in one for one in wider(page))
    assert any("cut" in one for one in cut(page))
    assert any("over" in one for one in covered(page))
    page.context.close()
