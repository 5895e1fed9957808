"""Make `assets/lessons` from a finished run on the signs: two networks and a few pictures for the Learn page.

    python benchmarks/lesson_assets.py RUN_DIRECTORY

The pictures are the first few of each class among the run's evaluation images, on which neither attack nor repair
trained; none is chosen by how a network answers it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from mesa_core.config import make_config
from mesa_core.data import load_data, split
from mesa_core.disk.files import write_atomically, write_json
from mesa_core.store import Run, home
from mesa_core.store.shipped import assets_dir
from mesa_core.victims import weights
from mesa_core.victims.architectures import build

EACH = 6  # pictures of each class


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="directory of a finished run on the signs, with its weights")
    run = Run(parser.parse_args().run)
    config, result, out = make_config(run.config()), run.result(), assets_dir() / "lessons"
    if result is None:
        raise SystemExit(f"{run.name} is not finished.")
    data = load_data(config.data, cache=home() / "cache")
    held = split(data, config.seed).evaluation
    chosen = torch.cat([(held.labels == label).nonzero()[:EACH, 0] for label in range(len(data.classes))])
    out.mkdir(parents=True, exist_ok=True)
    for name in ("attacked", "repaired"):
        model = build(config.victim, len(data.classes))
        weights.load_into(model, weights.read(run.path / "weights" / f"{name}.safetensors"))
        weights.save(model, out / f"{name}.safetensors", half=True)
    pictures = held.take(chosen)
    write_atomically(out / "pictures.bin", pictures.images.numpy().tobytes())
    write_json(
        out / "card.json",
        {
            "run": run.name,
            "config": {k: config.to_dict()[k] for k in ("data", "victim", "trigger", "target", "seed", "protocol")},
            "mean": list(data.mean),
            "std": list(data.std),
            "classes": list(data.classes),
            "labels": pictures.labels.tolist(),
            "chosen": f"the first {EACH} of each class among the evaluation images",
        },
    )


if __name__ == "__main__":
    main()
