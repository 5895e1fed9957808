"""A finished run whose pictures are not the shipped signs, made in no time: signs as a folder, and the prepared run's networks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mesa_core.config import make_config
from mesa_core.store import Run, Store
from mesa_core.store.shipped import assets_dir, shipped_runs


def finished(store: Store, folder: Path, name: str = "own", **more: Any) -> Run:
    """A run named so on the pictures in `folder`, as `small_sweep.draw_signs` makes them.

    Its figures are those of the prepared run, and so are the two networks: what they answer is real.
    """
    prepared = Run(shipped_runs() / "signs-ring")
    kept = {k: prepared.config()[k] for k in ("trigger", "target", "victim", "alpha", "beta")}
    run = store.create(make_config(data="folder", data_dir=str(folder), **{**kept, **more}).to_dict(), name)
    shutil.copytree(prepared.path / "snapshots", run.path / "snapshots", dirs_exist_ok=True)
    for file in ("events.jsonl", "result.json"):
        shutil.copy(prepared.path / file, run.path / file)
    (run.path / "weights").mkdir(exist_ok=True)
    for net in ("attacked", "repaired"):
        shutil.copy(assets_dir() / "lessons" / f"{net}.safetensors", run.path / "weights")
    return run
