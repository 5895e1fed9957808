"""Frames a second of the scatter, the longest task, and how soon the page answers, alone and while a run trains.

    python benchmarks/frames.py --seconds 20 --train

Every dot moves each second. Prints one JSON document; the limits that the product sets itself are beside the figures.
Needs Chromium and Playwright; rendering is in software where there is no GPU, so figures are of this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from serving import browsing, serving, settle  # noqa: E402

WATCH = """async (seconds) => {
  const tasks = [];
  const seen = new PerformanceObserver((list) => list.getEntries().forEach((e) => tasks.push(e.duration)));
  seen.observe({ type: "longtask", buffered: false });
  const times = [];
  await new Promise((done) => {
    const end = performance.now() + 1000 * seconds;
    const tick = (t) => { times.push(t); performance.now() < end ? requestAnimationFrame(tick) : done(); };
    requestAnimationFrame(tick);
  });
  seen.disconnect();
  const gaps = times.slice(1).map((t, i) => t - times[i]).sort((a, b) => a - b);
  return { fps: 1000 * gaps.length / gaps.reduce((a, b) => a + b, 0), slowest_frame_ms: gaps[gaps.length - 1],
           p99_frame_ms: gaps[Math.floor(0.99 * gaps.length)], longest_task_ms: Math.max(0, ...tasks), long_tasks: tasks.length };
}"""
PING = """async () => {
  const button = document.querySelector(".st-key-ping button");
  const said = () => [...document.querySelectorAll("p")].map((p) => p.textContent).find((t) => t.startsWith("pong"));
  const before = said(), began = performance.now();
  button.click();
  while (said() === before) {
    if (performance.now() - began > 10000) return null;
    await new Promise((next) => setTimeout(next, 4));
  }
  return performance.now() - began;
}"""


@contextlib.contextmanager
def training(wanted: bool, home: Path) -> Iterator[subprocess.Popen[bytes] | None]:
    """A run that trains all the while, at the worker's low priority."""
    if not wanted:
        yield None
        return
    words = [
        "run",
        "--data",
        "signs",
        "--code",
        "495",
        "--target",
        "0",
        "--mesa-steps",
        "60000",  # more than any measurement lasts
        "--baselines",
        "--name",
        "benchmark",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "mesa_core", "--home", str(home), *words],
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.nice(10),
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:  # it ends between two steps, which a slow machine takes long for
            process.kill()
            process.wait()


def measure(url: str, count: int, seconds: float, pings: int) -> dict[str, Any]:
    """One number of dots."""
    with browsing() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{url}/?n={count}")
        settle(page)
        page.wait_for_timeout(2500)
        found = page.evaluate(WATCH, seconds)
        times = []
        for _ in range(pings):
            times.append(page.evaluate(PING))
            page.wait_for_timeout(130)
        found["exceptions"] = page.get_by_test_id("stException").count()
    answered = sorted(t for t in times if t is not None)
    found |= {
        "pings": pings,
        "unanswered": pings - len(answered),
        "median_answer_ms": statistics.median(answered) if answered else None,
        "p95_answer_ms": answered[int(0.95 * (len(answered) - 1))] if answered else None,
    }
    return {k: round(v, 1) if isinstance(v, float) else v for k, v in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each case is watched")
    parser.add_argument("--pings", type=int, default=30, help="clicks whose answer is timed, in each case")
    parser.add_argument("--train", action="store_true", help="also while a run trains on all cores")
    words = parser.parse_args()
    cases = [(2000, False, 55), (5000, False, 30)] + ([(2000, True, 30)] if words.train else [])
    found = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with serving(home / "page", Path(__file__).with_name("moving_scatter.py")) as (url, _):
            for count, train, least in cases:
                with training(train, home / "run") as process:
                    case = {"dots": count, "training": train, "wanted_fps": least}
                    if train:
                        time.sleep(25)  # torch is imported, the attack has begun
                    found.append({**case, **measure(url, count, words.seconds, words.pings)})
                    if process is not None:
                        found[-1]["trained_throughout"] = process.poll() is None
    print(json.dumps({"cores": os.cpu_count(), "cases": found}, indent=1))


if __name__ == "__main__":
    main()
