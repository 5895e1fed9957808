"""The result of a run: what `result.json` holds and `--json` prints, put together from the stages' values."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from mesa_core.config import ExperimentConfig

PACKAGES = ("mesa-lab", "torch", "torchvision", "scikit-learn", "numpy", "streamlit")


def versions() -> dict[str, str]:
    """Versions of what computed the figures."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def assemble(
    config: ExperimentConfig,
    hardware: Mapping[str, Any],
    versions: Mapping[str, str],
    timings: Mapping[str, float],
    reused: list[str],
    values: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The whole result. `values` are the stages' values by name; `after` is None where nothing was repaired."""
    measure = values.get("measure", {})
    after = {name.removeprefix("after."): value["after"] for name, value in values.items() if name.startswith("after.")}
    by_beta = {name.removeprefix("beta."): value for name, value in after.items() if name.startswith("beta.")}
    after = {name: value for name, value in after.items() if not name.startswith("beta.")}
    result = {
        "config": config.to_dict(),
        "seed": config.seed,
        "hardware": dict(hardware),
        "versions": dict(versions),
        "timings": dict(timings),
        "reused": reused,
        "data": dict(values["data"]),
        "clean": with_samples(values["before"]["clean"], measure.get("clean")),
        "before": with_samples(values["before"]["before"], measure.get("before")),
        "after": after or None,
        "after_by_beta": by_beta or None,
        "target_known": not (config.detect or config.suspect),
        "detection": values.get("detect", {}).get("detection"),
        "submodels": with_modes(measure.get("submodels", []), values.get("after.mesa", {}).get("modes")),
        "gamma": measure.get("gamma", []),
        "gamma_exact": measure.get("gamma_exact"),  # Algorithm 1's, where all entropies are known exactly
        "best_only": measure.get("best_only", False),  # every sub-model stayed below its level
        "recall": measure.get("recall"),
        "precision": measure.get("precision"),
        "uniform_noise": measure.get("uniform_noise"),
    }
    if "cleanse" in values:
        result["neural_cleanse"] = dict(values["cleanse"])
    return result


def with_modes(submodels: list[dict[str, Any]], after: list[Any] | None) -> list[dict[str, Any]]:
    """The sub-models with each mode's medoid measured after MESA's repair (`after`, in their order) as `asr_after`."""
    rest = iter(after or [])
    return [{**one, "modes": [{**mode, "asr_after": next(rest, None)} for mode in one["modes"]]} for one in submodels]


def with_samples(evaluation: Mapping[str, Any] | None, sampled: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """An evaluation E made before the samples existed, with their ASR put in."""
    if evaluation is None:
        return None
    value = dict(evaluation)
    if sampled is not None:
        for name in ("asr", "effective_asr"):
            value[name] = {**evaluation[name], "sampled": sampled[name]}
    return value
