"""Whether what a run's files hold has the shape that it should have: such files may be old, damaged or foreign."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mesa_core import triggers
from mesa_core.config import make_config

PANEL = triggers.PANEL
FEWEST = 5  # samples of a reference at a level; with fewer there is no entropy by nearest neighbours


def _measured(m: Any) -> None:
    for name in ("value", "low", "high"):
        if isinstance(m[name], bool) or not math.isfinite(m[name]) or not -1 <= m[name] <= 1:
            raise ValueError(name)
    if isinstance(m["n"], bool) or int(m["n"]) != m["n"] or m["n"] < 0:
        raise ValueError("n")


def _maybe(m: Any) -> None:
    if m is not None:
        _measured(m)


def _evaluation(e: Any) -> None:
    for name in ("clean_accuracy", "target_accuracy", "natural_rate"):
        _measured(e[name])
    for group in ("asr", "effective_asr"):
        for part in ("original", "sampled", "worst"):
            _maybe(e[group][part])


def _levels(found: Any) -> None:
    for name in ("recall", "precision"):
        for level, m in (found.get(name) or {}).items():
            float(level)
            _maybe(m)


def check_result(r: dict[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError where `r` is not a result as `mesa_core.experiment.results` makes it."""
    make_config(r["config"])
    _evaluation(r["before"])
    if r["clean"] is not None:
        _evaluation(r["clean"])
    for name, e in [*(r["after"] or {}).items(), *(r.get("after_by_beta") or {}).items()]:
        if not name.replace("_", "").replace(".", "").isalnum():
            raise ValueError(name)
        _evaluation(e)
    for one in r["submodels"]:
        float(one["beta"]), bool(one["kept"])
        _measured(one["mean_asr"])
        _maybe(one.get("nested"))
        _levels(one)
        if one.get("reference"):
            _levels(one["reference"])
        for mode in one["modes"]:
            float(mode["share"]), triggers.from_hex(mode["trigger"])
            _measured(mode["asr"])
            _maybe(mode.get("asr_after"))
    _levels(r)
    if r.get("uniform_noise"):
        _levels(r["uniform_noise"])
    for name in ("hardware", "versions", "timings", "data"):
        dict(r[name])
    for seconds in r["timings"].values():
        float(seconds)


def _number(value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{value!r} is not from {low:g} to {high:g}")


def check_beside(found: Any) -> None:
    """Raise KeyError, TypeError or ValueError where `found` is not what `reference.record.beside` says of a sub-model."""
    _number(found["log_volume"]["value"], -1e4, 10)
    _number(found["log_volume"]["error"], 0, 1e4)
    for name in ("entropy", "entropy_of_samples"):
        _number(found[name]["value"], -1e4, 1e4)
        _number(found[name]["n"], 1, 1e9)
    _measured(found["inside"])
    modes = found["modes_found"]
    _number(modes["of"], 0, 1e6)
    _number(modes["found"], 0, modes["of"])
    _levels(found)


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
    below = 0.0
    for one in levels:
        _number(one["beta"], below + 1e-9, 1)
        below = one["beta"]
        _number(one["log_volume"]["value"], -1e4, 10)
        _number(one["log_volume"]["error"], 0, 1e4)
        _measured(one["mean_asr"])
        _levels(one)
        list(one["modes"])
    for name in ("images", "sample_images", "particles", "repeats"):
        _number(told["options"][name], 1, 1e9)


def rates(arrays: dict[str, np.ndarray], name: str) -> np.ndarray | None:
    """A map `(512,)` of shares, or None."""
    found = arrays.get(name)
    if found is None or found.shape != (PANEL,) or found.dtype.kind != "f" or not np.isfinite(found).all():
        return None
    return found.astype(np.float64) if ((found >= 0) & (found <= 1)).all() else None


def samples(found: dict[str, np.ndarray], axes: dict[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """The measured samples with the axes' bounds, from samples.npz and axes.npz; None where they are not whole.

    `triggers` uint8 `(n, d)`, d = 27, 48 or 75, `level`, `asr`, `mode` `(n,)`, `pca`, `tsne` `(n, 2)`, with the axes' bounds `(4,)` and
    the places of the 512 as `codes_pca`, `codes_tsne` `(512, 2)`.
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
