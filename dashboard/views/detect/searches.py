"""Reading the searches that a store holds: nothing in a run's files is trusted, what is odd counts as absent."""

from __future__ import annotations

import contextlib
import os

import numpy as np

from dashboard.serving import queue
from mesa_core.config import SHIPPED, ConfigError, ExperimentConfig, make_config
from mesa_core.disk.shaped import Damaged
from mesa_core.measures.verdict import Detection
from mesa_core.opacity import seen_bytes
from mesa_core.store import Run, StoreError
from mesa_core.store.shipped import shipped_detections

MOST_LOOKED_AT = 60  # runs of the store, when one is sought to compare with


def prepared(name: str) -> Run | None:
    """A search that the product ships, or None."""
    run = Run(shipped_detections() / name)
    return run if os.path.isfile(run.path / "result.json") else None


def config_of(run: Run | None) -> ExperimentConfig | None:
    """A run's configuration, checked; None where it cannot be read."""
    try:
        return make_config(run.config()) if run else None
    except (StoreError, ConfigError):
        return None


def searches(config: ExperimentConfig | None) -> bool:
    """Whether a run searches its classes."""
    return bool(config and (config.detect or config.suspect))


def verdict_of(run: Run) -> Detection | None:
    """A finished search's verdict if it is whole, else None."""
    try:
        verdict = Detection.from_json((run.result() or {}).get("detection"))
    except (StoreError, Damaged):
        return None
    return verdict if verdict.classes else None


def clean_search(config: ExperimentConfig) -> Detection | None:
    """The verdict on a clean victim of the same data and architecture, searched for triggers of the same size: of this
    store, else the shipped one."""
    candidates = queue.store().list()[:MOST_LOOKED_AT]
    if shipped := prepared("clean"):
        candidates.append(shipped)
    for run in candidates:
        other = config_of(run)
        if (
            other is not None
            and other.suspect == SHIPPED
            and (other.size, other.data, other.victim) == (config.size, config.data, config.victim)
        ):
            with contextlib.suppress(StoreError):
                if found := verdict_of(run):
                    return found
    return None


def sampled(run: Run, file: str, count: int) -> np.ndarray | None:
    """The sampled triggers of every class, uint8 `(classes, n, 3*s*s)`, as they look on mid-grey where they have opacities; None
    where they are missing or odd."""
    try:
        found = run.read_arrays(file)["triggers"]
    except (StoreError, KeyError):
        return None
    if found.ndim != 3 or len(found) != count or found.dtype != np.uint8:
        return None
    try:
        return seen_bytes(found[:, :64])
    except ValueError:
        return None
