"""How soon the stage answers what is painted, and its frames a second while it plays and while one paints.

    python benchmarks/stage.py --clicks 20 --seconds 10

Real clicks in the real page at 1280x720; every time is from the click to the frame that shows the answer: the first
sign, all six by both networks, the estimate on all images. Prints one JSON document with the goals and the machine's
load beside the figures. Needs Chromium and Playwright; where there is no GPU, rendering is in software.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from frames import WATCH  # noqa: E402
from serving import browsing, serving  # noqa: E402

GOALS = {"first_ms": 100, "six_ms": 400, "all_ms": 1000, "playing_fps": 55, "painting_fps": 55}
# Waits for the next click on a cell, then for the frames that show its answers.
CLICK = """() => { window.answered = new Promise((done) => {
  const stage = window.mesaStage.stage, cells = stage.find(".cells");
  cells.addEventListener("pointerdown", (e) => {
    const begun = e.timeStamp, found = {}, heard = new Set(); // heard of in a frame, seen in the next
    const tick = () => {
      const now = performance.now();
      for (const [name, at] of [["first_ms", stage.firstAt], ["six_ms", stage.sixAt], ["all_ms", stage.allAt]])
        if (at > 0 && !found[name]) heard.has(name) ? (found[name] = now - begun) : heard.add(name);
      found.all_ms || now - begun > 60000 ? done(found) : requestAnimationFrame(tick);
    };
    stage.firstAt = stage.sixAt = stage.allAt = 0;
    requestAnimationFrame(tick);
  }, { once: true });
}); }"""


def watched(page: Any, seconds: float) -> float:
    """Frames a second from now on."""
    return float(page.evaluate(WATCH, seconds)["fps"])


def painting(page: Any, seconds: float) -> float:
    """Frames a second while a hand paints from cell to cell, stroke after stroke."""
    box = page.locator(".cells").bounding_box()
    page.evaluate("([watch, seconds]) => { window.watched = eval(watch)(seconds); }", [f"({WATCH})", seconds])
    page.evaluate("() => { window.over = false; window.watched.then(() => { window.over = true; }); }")
    spots = [(c / 6, r / 6) for r in (1, 3, 5) for c in (1, 3, 5)]
    while not page.evaluate("() => window.over"):
        page.mouse.move(*_at(box, spots[0]))
        page.mouse.down()
        for spot in spots[1:]:
            page.mouse.move(*_at(box, spot), steps=3)
        page.mouse.up()
    return float(page.evaluate("() => window.watched.then((found) => found.fps)"))


def _at(box: dict[str, float], spot: tuple[float, float]) -> tuple[float, float]:
    return box["x"] + box["width"] * spot[0], box["y"] + box["height"] * spot[1]


def answers(page: Any, clicks: int) -> list[dict[str, float]]:
    """Times of as many clicks, each on another cell, once the one before is answered."""
    found = []
    for i in range(clicks):
        page.evaluate(CLICK)
        page.locator(".cells button").nth(i % 9).click()
        found.append(page.evaluate("() => window.answered"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=18, help="cells that are painted, one after another")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long frames are counted in each case")
    words = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (url, _), browsing() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(url)
        page.locator(".stage.over").wait_for(timeout=120_000)
        page.wait_for_function("() => window.mesaStage.stage.asker.ready", timeout=120_000)
        page.locator(".go").click()  # from the beginning
        found: dict[str, Any] = {"playing_fps": watched(page, min(words.seconds, 11.0))}
        page.locator(".stage.over").wait_for(timeout=120_000)
        times = answers(page, words.clicks)
        for name in ("first_ms", "six_ms", "all_ms"):
            known = sorted(one[name] for one in times if name in one)
            found[name] = statistics.median(known)
            found[name.replace("_ms", "_p95_ms")] = known[int(0.95 * (len(known) - 1))]
        how = page.evaluate("() => window.mesaStage.stage.asker.how")
        images = page.evaluate("() => window.mesaStage.stage.counts.attacked[1]")
        found["painting_fps"] = painting(page, words.seconds)
    told = {k: round(v, 1) for k, v in found.items()}
    print(
        json.dumps(
            {
                "cores": os.cpu_count(), "load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1),
                "answered_by": how, "clicks": words.clicks, "images": images, "found": told, "goals": GOALS,
            },
            indent=1,
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
