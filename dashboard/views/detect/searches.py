"""Reading the searches that a store holds: nothing in a run's files is trusted, what is odd counts as absent."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from dashboard.serving import queue
from mesa_core import triggers
from mesa_core.config import SHIPPED, ConfigError, make_config
from mesa_core.store import Run, StoreError
from mesa_core.store.shipped import shipped_detections

MOST_LOOKED_AT = 60  # runs of the store, when one is sought to compare with


def prepared(name: str) -> Run | None:
    """A search that the product ships, or None."""
    run = Run(shipped_detections() / name)
    return run if (run.path / "result.json").is_file() else None


def config_of(run: Run | None) -> dict[str, Any]:
    """A run's configuration, checked; empty where it cannot be read."""
    try:
        return make_config(run.config()).to_dict() if run else {}
    except (StoreError, ConfigError):
        return {}


def searches(config: dict[str, Any]) -> bool:
    """Whether a run searches its classes."""
    return bool(config.get("detect") or config.get("suspect"))


def verdict_of(run: Run) -> dict[str, Any] | None:
    """A finished search's verdict if it is whole, else None."""
    try:
        verdict = (run.result() or {}).get("detection")
        for one in verdict["classes"]:
            for key in ("value", "low", "high", "n"):
                float(one["asr"][key])
            str(one["name"]), int(one["class"])
        float(verdict["threshold"])
        return verdict if verdict["classes"] else None
    except (StoreError, KeyError, TypeError, ValueError, AttributeError):
        return None


def clean_search(config: dict[str, Any]) -> dict[str, Any] | None:
    """The verdict on a clean victim of the same data and architecture, searched for triggers of the same size: of this
    store, else the shipped one."""
    candidates = queue.store().list()[:MOST_LOOKED_AT]
    if shipped := prepared("clean"):
        candidates.append(shipped)
    for run in candidates:
        other = config_of(run)
        if (
            other.get("suspect") == SHIPPED
            and _size(other) == _size(config)
            and all(other[k] == config.get(k) for k in ("data", "victim"))
        ):
            with contextlib.suppress(StoreError):
                if found := verdict_of(run):
                    return found
    return None


def _size(config: dict[str, Any]) -> int:
    return triggers.size_of(config["trigger"]) if config else triggers.SIZE


def sampled(run: Run, file: str, count: int) -> np.ndarray | None:
    """The sampled triggers of every class, uint8 `(classes, n, d)`, or None where they are missing or odd."""
    try:
        found = run.read_arrays(file)["triggers"]
    except (StoreError, KeyError):
        return None
    widths = [3 * side * side for side in triggers.SIZES]
    good = found.ndim == 3 and len(found) == count and found.shape[2] in widths and found.dtype == np.uint8
    return found[:, :64] if good else None
