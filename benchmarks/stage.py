"""How soon the stage answers what is painted, and its frames a second while it plays, while one paints, while a run trains.

    python benchmarks/stage.py --clicks 20 --seconds 10 --train --questions 30

Real clicks in the real page at 1280x720; every time is from the click to the frame that shows the answer: the first
sign, all six by both networks, the estimate on all images. `--train` counts frames once more while a run trains on this
machine; `--questions` asks the server's worker as many questions at once, as visitors do who look at a run of their own
with all controls (six images by both networks each), and times the last answer. Prints one JSON document with the goals, what was missed, and the machine's
load beside the figures. Needs Chromium and Playwright; where there is no GPU, rendering is in software.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from frames import WATCH, training  # noqa: E402
from serving import browsing, serving  # noqa: E402

from mesa_core import triggers  # noqa: E402
from mesa_core.probe import questions  # noqa: E402
from mesa_core.store import Run, Store  # noqa: E402
from mesa_core.store.shipped import assets_dir, shipped_runs  # noqa: E402

GOALS = {
    "first_ms": 100, "six_ms": 400, "all_ms": 1000, "playing_fps": 55, "painting_fps": 55,
    "training_playing_fps": 30, "training_painting_fps": 30, "questions_ms": 1000,
}  # fmt: skip
BEGUN = 25.0  # seconds until a run that trains has imported torch and begun its attack
PATIENCE = 600.0  # seconds for the worker's first answer, for which it draws the images
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


def replayed(page: Any, seconds: float) -> float:
    """Frames a second of the run, played from the beginning."""
    page.locator(".go").click()
    found = watched(page, min(seconds, 11.0))
    page.locator(".stage.over").wait_for(timeout=120_000)
    return found


def asked(home: Path, count: int) -> float:
    """Milliseconds from as many questions, put at once about a run of this machine, to the last answer."""
    prepared, names = Run(shipped_runs() / "signs-ring"), ("attacked", "repaired")
    run = Store(home).create(prepared.config(), "asked")
    (run.path / "weights").mkdir(exist_ok=True)
    for name in names:
        shutil.copy(assets_dir() / "lessons" / f"{name}.safetensors", run.path / "weights")
    shutil.copy(prepared.path / "result.json", run.path / "result.json")
    environment = dict(os.environ, MESA_LAB_HOME=str(home), PYTHONPATH=str(ROOT), OMP_WAIT_POLICY="PASSIVE")
    worker = subprocess.Popen([sys.executable, "-m", "dashboard.worker", str(os.getpid())], env=environment, stderr=subprocess.DEVNULL)  # fmt: skip

    def answered(wanted: list[int], patience: float) -> float:
        begun, waits = time.monotonic(), []
        for i, code in enumerate(wanted):
            rows = (tuple(round(255 * float(v)) for v in triggers.from_code(code).ravel()),)
            waits.append(questions.ask(home, questions.Question(run.name, rows, repaired=True, rates=False), f"visitor {i}", f"address {i}"))  # fmt: skip
        while waits := [one for one in waits if questions.answer_to(home, one) is None]:
            if time.monotonic() - begun > patience or worker.poll() is not None:
                raise RuntimeError("The worker did not answer.")
            time.sleep(0.005)
        return 1000 * (time.monotonic() - begun)

    try:
        begun = time.monotonic()
        while not (home / "worker.json").exists():  # before it lives it sweeps the home
            if time.monotonic() - begun > PATIENCE or worker.poll() is not None:
                raise RuntimeError("The worker did not begin.")
            time.sleep(0.1)
        codes = random.Random(0).sample(range(512), count + 1)
        answered(codes[:1], PATIENCE)  # images and networks are there now
        return answered(codes[1:], PATIENCE)
    finally:
        worker.terminate()
        worker.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=18, help="cells that are painted, one after another")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long frames are counted in each case")
    parser.add_argument("--train", action="store_true", help="count frames while a run trains, too")
    parser.add_argument("--questions", type=int, default=0, help="how many questions the server is asked at once")
    words = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (url, _), browsing() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(url)
        page.locator(".stage.over").wait_for(timeout=120_000)
        page.wait_for_function("() => window.mesaStage.stage.asker.ready", timeout=120_000)
        found: dict[str, Any] = {"playing_fps": replayed(page, words.seconds)}
        times = answers(page, words.clicks)
        for name in ("first_ms", "six_ms", "all_ms"):
            known = sorted(one[name] for one in times if name in one)
            found[name] = statistics.median(known)
            found[name.replace("_ms", "_p95_ms")] = known[int(0.95 * (len(known) - 1))]
        how = page.evaluate("() => window.mesaStage.stage.asker.how")
        images = page.evaluate("() => window.mesaStage.stage.counts.attacked[1]")
        found["painting_fps"] = painting(page, words.seconds)
        if words.train:
            with training(True, Path(folder) / "run") as process:
                time.sleep(BEGUN)
                found["training_playing_fps"] = replayed(page, words.seconds)
                found["training_painting_fps"] = painting(page, words.seconds)
                if process is None or process.poll() is not None:
                    raise RuntimeError("The run did not train throughout.")
        if words.questions:
            found["questions_ms"] = asked(Path(folder) / "asked", words.questions)
    told = {k: round(v, 1) for k, v in found.items()}
    missed = [
        name for name, goal in GOALS.items()
        if name in found and (found[name] < goal if name.endswith("fps") else found[name] > goal)
    ]  # fmt: skip
    print(
        json.dumps(
            {
                "cores": os.cpu_count(), "load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1),
                "answered_by": how, "clicks": words.clicks, "images": images, "found": told, "goals": GOALS, "missed": missed,
            },
            indent=1,
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
