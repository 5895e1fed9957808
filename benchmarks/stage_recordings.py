"""Make recordings for the stage from finished runs, and put them on the shelf `assets/stage`.

    python benchmarks/stage_recordings.py RUN_DIRECTORY ... [--into FOLDER]

A run's own weights say what its networks read on the stage's pictures; a run that has none, such as a prepared one
whose networks are those of the lessons, is looked up there. Runs that have not finished are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mesa_core import triggers
from mesa_core.stage import pictures, shelf
from mesa_core.stage.export import networks_of
from mesa_core.stage.recording import recording
from mesa_core.store import Run, StoreError
from mesa_core.victims.numpy_resnet9 import NumpyNet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="directories of finished runs on the signs")
    parser.add_argument("--into", type=Path, default=shelf.shelf(), help="the shelf; assets/stage unless given")
    known, words = pictures.read(), parser.parse_args()
    for run in map(Run, words.runs):
        if run.result() is None:
            print(f"{run.name}: {run.state()}, left out")
            continue
        config = run.config()
        try:
            found = networks_of(run, known)
            nets = {k: NumpyNet.of(v, list(known.mean), list(known.std)) for k, v in found.items()}
            read = pictures.readings(known, config["target"], triggers.from_hex(config["trigger"]), nets)
        except (StoreError, ValueError) as error:
            print(f"{run.name}: without readings, {error}")
            read = None
        block = recording(run, [event for _, event in run.events()], read)
        entry = shelf.put(block, words.into)
        size = (words.into / f"{entry['id']}.bin").stat().st_size
        print(f"{run.name}: {size:,} bytes, ASR {entry['before'][0]:.3f} -> {entry['after'][0]:.3f}")
    told = shelf.index(words.into)
    total = sum(path.stat().st_size for path in words.into.glob("*.bin"))
    missing = sorted({orbit[0] for orbit in triggers.orbits()} - {one["orbit"] for one in told})
    print(
        f"{len(told)} recordings, {total:,} bytes in all; kinds without one: {', '.join(map(str, missing)) or 'none'}"
    )


if __name__ == "__main__":
    main()
