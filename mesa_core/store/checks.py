"""Whether a run's arrays, and a reference, have the shape that they should have: such files may be old, damaged or foreign.

The shape of a result is declared in `mesa_core.store.results`.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from mesa_core import triggers
from mesa_core.measures.submodel import ReferenceLevel

PANEL = triggers.PANEL
FEWEST = 5  # samples of a reference at a level; with fewer there is no entropy by nearest neighbours


def _number(value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{value!r} is not from {low:g} to {high:g}")


def check_reference(told: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Raise KeyError, TypeError or ValueError where these are not a reference as `mesa_core.reference.build` makes it.

    `triggers` uint8 `(n, d)`; `level`, `asr`, `mode` `(n,)`; `pca`, `tsne` `(n, 2)`.
    """
    levels, n = told["levels"], len(arrays["triggers"])
    if arrays["triggers"].dtype != np.uint8 or arrays["triggers"].ndim != 2 or not n:
        raise ValueError("triggers")
    triggers.side_of(arrays["triggers"].shape[1])
    for name, form in (("level", (n,)), ("asr", (n,)), ("mode", (n,)), ("pca", (n, 2)), ("tsne", (n, 2))):
        if arrays[name].shape != form or arrays[name].dtype.kind not in "fiu" or not np.isfinite(arrays[name]).all():
            raise ValueError(name)
    if any(arrays[name].dtype.kind not in "iu" for name in ("level", "mode")):
        raise ValueError("level")
    if not ((arrays["asr"] >= 0) & (arrays["asr"] <= 1)).all():
        raise ValueError("asr")
    if (
        not isinstance(levels, list)
        or not levels
        or (np.bincount(arrays["level"], minlength=len(levels)) < FEWEST).any()
    ):
        raise ValueError("levels")
    if int(arrays["level"].max()) >= len(levels):
        raise ValueError("levels")
    betas = [ReferenceLevel.from_json(one).beta for one in levels]
    if any(low + 1e-9 > high for low, high in pairwise(betas)):
        raise ValueError("levels")
    for name in ("images", "sample_images", "particles", "repeats"):
        _number(told["options"][name], 1, 1e9)


MOST_PLACES = 512  # rows and columns of a map


def place_maps(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The maps of places.npz that are whole, as shares `(rows, columns)` by 'trigger-network', such as 'best-before'."""
    found = {}
    for name, hits in arrays.items():
        n = arrays.get(f"{name}-n")
        if n is None or hits.ndim != 2 or not 0 < max(hits.shape) <= MOST_PLACES or not hits.size:
            continue
        if hits.dtype.kind not in "iu" or n.dtype.kind not in "iu" or n.size != 1 or int(n.item()) < 1:
            continue
        share = hits.astype(np.float64) / int(n.item())
        if share.min() >= 0 and share.max() <= 1:
            found[name] = share
    return found


def answering(arrays: dict[str, np.ndarray]) -> np.ndarray | None:
    """The map of places-live.npz `(rows, columns)`, from 0 to 1, or None."""
    found = arrays.get("places")
    if (
        found is None
        or found.ndim != 2
        or found.dtype.kind != "f"
        or not 0 < max(found.shape) <= MOST_PLACES
        or not found.size
    ):
        return None
    return found.astype(np.float64) if ((found >= 0) & (found <= 1)).all() else None


def rates(arrays: dict[str, np.ndarray], name: str) -> np.ndarray | None:
    """A map `(512,)` of shares, or None."""
    found = arrays.get(name)
    if found is None or found.shape != (PANEL,) or found.dtype.kind != "f" or not np.isfinite(found).all():
        return None
    return found.astype(np.float64) if ((found >= 0) & (found <= 1)).all() else None


def samples(found: dict[str, np.ndarray], axes: dict[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """The measured samples with the axes' bounds, from samples.npz and axes.npz; None where they are not whole.

    `triggers` uint8 `(n, d)`, d three for each pixel, `level`, `asr`, `mode` `(n,)`, `pca`, `tsne` `(n, 2)`, with the axes'
    bounds `(4,)` and the places of the 512 as `codes_pca`, `codes_tsne` `(512, 2)`.
    """
    found = dict(found)
    try:
        n = len(found["triggers"])
        good = found["triggers"].ndim == 2 and found["triggers"].dtype == np.uint8 and n > 0
        triggers.side_of(found["triggers"].shape[1])
        for name in ("level", "asr", "mode"):
            good = good and found[name].shape == (n,) and np.isfinite(found[name]).all()
        for name in ("pca", "tsne"):
            bounds = axes[f"{name}_bounds"]
            good = good and found[name].shape == (n, 2) and np.isfinite(found[name]).all()
            good = good and bounds.shape == (4,) and np.isfinite(bounds).all()
            good = good and axes[name].shape == (PANEL, 2)
            found[f"{name}_bounds"], found[f"codes_{name}"] = bounds, axes[name]
    except (KeyError, TypeError, ValueError):
        return None
    return found if good else None
