"""A small sweep killed at random moments: python benchmarks/kills.py [--kills 30] [--seed 0].

The sweep is done once undisturbed, then again and again, by one worker or two in turns, each time in an empty store;
at random moments of its whole duration a worker is killed (SIGKILL) and started anew, until there were as many kills
as asked for. At the end of each of these sweeps every figure in every result, and every array in every snapshot, is
compared with the undisturbed one. Prints JSON; the exit status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from small_sweep import SETTINGS, draw_signs, figures  # noqa: E402

from mesa_core import events as ev  # noqa: E402
from mesa_core.cli.repeat import flag_of  # noqa: E402
from mesa_core.disk.files import read_json  # noqa: E402
from mesa_core.store import Run, Store, StoreError  # noqa: E402
from mesa_core.store.shipped import shipped_weights  # noqa: E402

LIVES = 2.0  # a worker lives for up to 1 / LIVES of the whole duration, so that kills come in its late parts, too
START = 4.0  # seconds that a worker needs before it begins, which come on top


class Worker(Protocol):
    """A process that works on the sweep, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self) -> int: ...
    def kill(self) -> None: ...


def command(folder: Path, root: Path, seeds: Sequence[int]) -> list[str]:
    """The words after mesa-lab. Two runs for each seed: with the shipped victim, and with one that is trained first."""
    words = ["--home", str(root), "sweep", "kills", "--data-dir", str(folder)]
    for name, value in SETTINGS.items():
        words += flag_of(name, tuple(value) if isinstance(value, list) else value)
    shipped = str(shipped_weights("signs", "resnet9-16"))
    return [*words, "--clean-epochs=2", "--over", "seed", *map(str, seeds), "--over", "weights", shipped, ""]


def start(words: Sequence[str]) -> Worker:
    """One worker of the sweep, given the words of its command."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    whole = [sys.executable, "-m", "mesa_core", *words]
    return subprocess.Popen(whole, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def doing(root: Path, pid: int) -> str:
    """The stage in which a worker is; 'starting or between runs' where it holds none."""
    for run in Store(root).list():
        try:
            if read_json(run.path / "lease.json")["pid"] != pid:
                continue
        except (StoreError, KeyError, TypeError):
            continue
        begun = [event.stage for _, event in run.events() if isinstance(event, ev.StageBegun)]
        return begun[-1] if begun else "beginning a run"
    return "starting or between runs"


def contents(run: Run) -> dict[str, Any]:
    """All that two ways to the same run must agree in."""
    found: dict[str, Any] = {"result": figures(run.result() or {})}
    for path in sorted((run.path / "snapshots").glob("*.npz")):
        found[path.name] = {name: array.tolist() for name, array in run.read_arrays(path.name).items()}
    return found


def differences(one: Store, other: Store) -> list[str]:
    """What of two stores' runs differs, as 'run: file'."""
    names = sorted({run.name for run in (*one.list(), *other.list())})
    found = []
    for name in names:
        try:
            first, second = contents(one.open(name)), contents(other.open(name))
        except StoreError as error:
            found.append(f"{name}: {error}")
            continue
        same = lambda part, a=first, b=second: json.dumps(a.get(part)) == json.dumps(b.get(part))
        found += [f"{name}: {part}" for part in sorted({*first, *second}) if not same(part)]
    return found


def disturbed(
    words: Sequence[str],
    root: Path,
    workers: int,
    longest: float,
    kills: int,
    draw: random.Random,
    begin: Callable[[Sequence[str]], Worker],
) -> tuple[list[str], int]:
    """A sweep whose workers are killed, `kills` times at most; returns what they were at, and how many were started."""
    alive, started = [begin(words) for _ in range(workers)], workers
    at: list[str] = []
    try:
        while alive:
            until = time.monotonic() + draw.uniform(0, longest)
            while time.monotonic() < until and any(worker.poll() is None for worker in alive):
                time.sleep(0.02)
            if any(worker.poll() for worker in alive):
                raise RuntimeError("A worker failed.")
            alive = [worker for worker in alive if worker.poll() is None]
            if alive and len(at) < kills:
                victim = alive.pop(draw.randrange(len(alive)))
                at.append(doing(root, victim.pid))
                victim.kill()
                victim.wait()
                alive.append(begin(words))
                started += 1
    finally:
        for worker in alive:
            worker.kill()
            worker.wait()
    return at, started


def measure(
    folder: Path,
    place: Path,
    kills: int,
    seed: int,
    seeds: Sequence[int] = (0, 1),
    begin: Callable[[Sequence[str]], Worker] = start,
) -> dict[str, Any]:
    """The undisturbed sweep, then disturbed ones until there were enough kills; `begin` starts a worker."""
    began = time.monotonic()
    if begin(command(folder, place / "whole", seeds)).wait():
        raise RuntimeError("The undisturbed sweep failed.")
    whole = Store(place / "whole")
    took, draw = time.monotonic() - began, random.Random(seed)
    at: list[str] = []
    differing: list[str] = []
    sweeps = 0
    while len(at) < kills:
        root = place / f"sweep-{sweeps}"
        words, longest = command(folder, root, seeds), START + took / LIVES
        more, started = disturbed(words, root, 1 + sweeps % 2, longest, kills - len(at), draw, begin)
        at, sweeps = at + more, sweeps + 1
        differing += differences(whole, Store(root))
        print(
            f"{len(at)} kills in {sweeps} sweeps, {started} workers in the last, {len(differing)} differences",
            file=sys.stderr,
        )
    return {
        "kills": len(at),
        "sweeps": sweeps,
        "runs compared": sweeps * len(whole.list()),
        "differences": differing,
        "killed at": dict(Counter(at).most_common()),
        "undisturbed seconds": round(took, 1),
        "seconds": round(time.monotonic() - began, 1),
        "hardware": (whole.list()[0].result() or {})["hardware"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        found = measure(draw_signs(Path(place) / "signs"), Path(place), chosen.kills, chosen.seed)
    print(json.dumps(found, indent=1))
    sys.exit(1 if found["differences"] else 0)


if __name__ == "__main__":
    main()
