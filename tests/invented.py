"""Runs and references whose figures are invented, for tests of what is drawn and said of them; no test of its own."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mesa_core import triggers
from mesa_core.measures.intervals import proportion
from mesa_core.reference import record
from mesa_core.store import Run, compact
from mesa_core.store.shipped import shipped_runs

IMAGES = 1000


def share(value: float) -> dict[str, Any]:
    """A measured share of IMAGES images."""
    return proportion(round(value * IMAGES), IMAGES).to_json()


def run(
    folder: Path,
    name: str,
    points: Sequence[float] = (0.1, 0.3),
    left: Mapping[str, float] | None = None,
    before: float = 0.98,
    **config: Any,
) -> Run:
    """A copy of the prepared ring under other settings; `left` is what a defence leaves of the original ('0.9': a level)."""
    small = folder.parent / ".ring"
    if not small.exists():
        compact.compact(Run(shipped_runs() / "signs-ring"), small)
    shutil.copytree(small / "signs-ring", folder / name)
    made = Run(folder / name)
    asked = {**made.config(), "data": "cifar10", "point_seeds": len(points), **config}
    result = copy.deepcopy(made.result())
    told = {
        "mesa": 0.01,
        "ideal": 0.01,
        "control": 0.6,
        "random": 0.05,
        "0.5": 0.03,
        "0.8": 0.02,
        "0.9": 0.02,
        **(left or {}),
    }
    result |= {"config": asked, "seed": asked["seed"]}
    after = {k: v for k, v in result["after"].items() if not k.startswith("point")}
    after |= {f"point_{i + 1}" if i else "point": copy.deepcopy(result["after"]["point"]) for i in range(len(points))}
    result["after"] = after
    told |= {f"point_{i + 1}" if i else "point": value for i, value in enumerate(points)}
    for key, value in told.items():
        where = result["after_by_beta"] if key in result["after_by_beta"] else after
        for group in ("asr", "effective_asr"):
            where[key][group]["original"] = share(value)
    for group in ("asr", "effective_asr"):
        result["before"][group]["original"] = share(before)
    made.write_config(asked, made.resolved())
    made.write_result(result)
    return made


def sweep(folder: Path, codes: Sequence[int], manifest: bool = False) -> list[Run]:
    """A run for each code; the point defence leaves 10 % more of each than of the one before it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [
        run(folder, f"fig-{code}", (min(0.1 * i, 0.9), min(0.1 * i, 0.9) + 0.05), trigger=triggers.code_to_hex(code))
        for i, code in enumerate(codes)
    ]
    if manifest:
        compact.write_manifest(folder, [compact.entry_of(one.path) for one in made])
    return made


def reference(folder: Path, run: Run, count: int = 600, betas: Sequence[float] = (0.5, 0.8, 0.9)) -> Path:
    """An invented reference of a run's network in `folder`: the run's own samples, blurred more the lower the level."""
    held, draw = run.read_arrays("samples.npz"), np.random.default_rng(0)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in record.ARRAYS}
    for index in range(len(betas)):
        own = draw.choice(len(held["triggers"]), count)
        blur = draw.normal(0, 60 - 15 * index, (count, held["triggers"].shape[1]))
        parts["triggers"].append(np.clip(held["triggers"][own] + blur, 0, 255).astype(np.uint8))
        parts["level"].append(np.full(count, index, np.uint8))
        parts["asr"].append(np.full(count, min(1, betas[index] + 0.05), np.float16))
        for name in ("mode", "pca", "tsne"):
            parts[name].append(held[name][own])
    whole = share(0.9)
    levels = [
        {
            "beta": beta,
            "log_volume": {"value": -9.0 - 4 * index, "error": 0.2, "runs": [-9.0 - 4 * index] * 2},
            "mean_asr": share(min(1, beta + 0.05)),
            "entropy": {"value": -20.0, "method": "invented", "n": count},
            "recall": {"0.5": whole, "0.8": whole, "0.9": whole},
            "precision": {"0.5": whole, "0.8": whole, "0.9": whole},
            "modes": [],
        }
        for index, beta in enumerate(betas)
    ]
    told = {
        "levels": levels,
        "options": {"images": 32, "sample_images": 64, "particles": count, "repeats": 1, "levels": list(betas)},
        "gamma": [],
    }
    place = folder / f"{record.attack_key(run)}-{run.config()['target']}"
    record.write(place, told, {name: np.concatenate(several) for name, several in parts.items()})
    return place
