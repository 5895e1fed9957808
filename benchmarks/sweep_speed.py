"""What sharing a sweep gains: python benchmarks/sweep_speed.py [--pieces 4].

The same small sweep (road signs, shipped victim) is done by one worker of one thread, by two of one thread each, and
by one worker with both cores. Drawn signs and the choice of number format are there beforehand; starting a worker
counts. Prints JSON with both ratios. Wants an otherwise idle machine of two cores or more; the load before and after
is told, so that one can see whether it was.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mesa_core.data import load_data  # noqa: E402
from mesa_core.store import Store  # noqa: E402
from mesa_core.victims import devices  # noqa: E402

VICTIM = "resnet9-16"
WORDS = (
    "--data signs --measure tiny --eval-images 2000 --mesa-steps 120 --attack-epochs 1 --attack-took 0 "
    f"--repair-epochs 1 --baselines control --victim {VICTIM}"
).split()


def load() -> float | None:
    """The load of the last minute, where the system tells it."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def timed(root: Path, cache: Path, workers: int, threads: int, pieces: int) -> dict[str, Any]:
    """Seconds until a sweep is done, with `workers` of `threads` threads each started at once in an empty store."""
    shutil.copytree(cache, root / "cache")
    seeds = [str(seed) for seed in range(pieces)]
    words = [sys.executable, "-m", "mesa_core", "--home", str(root), "sweep", "speed", *WORDS]
    env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | {"PYTHONPATH": str(ROOT)}
    before, began = load(), time.monotonic()
    started = [
        subprocess.Popen([*words, f"--threads={threads}", "--over", "seed", *seeds], env=env, stderr=subprocess.DEVNULL)
        for _ in range(workers)
    ]
    if any(worker.wait() for worker in started):
        raise RuntimeError("A worker failed.")
    seconds = time.monotonic() - began
    results = [run.result() or {} for run in Store(root).list()]
    each = [sum(result["timings"].values()) for result in results]
    print(f"{workers} x {threads}: {seconds:.1f} s", file=sys.stderr)
    return {
        "seconds": round(seconds, 1),
        "seconds a run": round(sum(each) / len(each), 1),
        "load before": before,
        "load after": load(),
        "hardware": results[0]["hardware"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=4, help="runs in the sweep, an even number")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        load_data("signs", "", cache=place / "cache")
        for threads in (1, 2):
            devices.remembered(place / "cache", "cpu", "auto", "auto", threads, VICTIM)
        ways = {"one of one thread": (1, 1), "two of one thread": (2, 1), "one of two threads": (1, 2)}
        found = {
            name: timed(place / name.replace(" ", "-"), place / "cache", *way, chosen.pieces)
            for name, way in ways.items()
        }
    seconds = {name: one["seconds"] for name, one in found.items()}
    told = {
        "runs": chosen.pieces,
        "two workers against one of one thread": round(seconds["one of one thread"] / seconds["two of one thread"], 2),
        "two workers against one with both cores": round(
            seconds["one of two threads"] / seconds["two of one thread"], 2
        ),
        "goals": [1.7, 1.1],
        "ways": found,
    }
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
