"""The result of a run: what `result.json` holds and `--json` prints, put together from the stages' values."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from typing import Any

from mesa_core.config import ExperimentConfig
from mesa_core.measures.coverage import Coverage
from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.intervals import Measured
from mesa_core.measures.mapped import Maps
from mesa_core.measures.submodel import Mode, Submodel
from mesa_core.measures.verdict import Detection, Judged
from mesa_core.store.results import Cleanse, Images, Noise, Result

LEVEL = "beta."  # how the name of a repair with one level's sub-model alone begins
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
) -> Result:
    """The whole result. `values` are the stages' values by name."""
    measure, before = values.get("measure", {}), values["before"]
    repaired = {name.removeprefix("after."): value for name, value in values.items() if name.startswith("after.")}
    after = {name: Evaluation.from_json(value["after"]) for name, value in repaired.items()}
    detection, noise = values.get("detect", {}).get("detection"), measure.get("uniform_noise")
    covered = Coverage.from_json({name: measure.get(name) for name in ("recall", "precision")})
    exact = measure.get("gamma_exact")  # Algorithm 1's, where all entropies are known exactly
    return Result(
        config=config.to_dict(),
        seed=config.seed,
        hardware=dict(hardware),
        versions=dict(versions),
        timings=dict(timings),
        reused=tuple(reused),
        data=Images.from_json(values["data"]),
        clean=_with_samples(before["clean"], measure.get("clean")) if before["clean"] else None,
        before=_with_samples(before["before"], measure.get("before")),
        after={name: e for name, e in after.items() if not name.startswith(LEVEL)},
        after_by_beta={name.removeprefix(LEVEL): e for name, e in after.items() if name.startswith(LEVEL)},
        target_known=not (config.detect or config.suspect),
        detection=None if detection is None else Detection.from_json(detection),
        submodels=_with_modes(measure.get("submodels", []), repaired.get("mesa", {}).get("modes")),
        gamma=tuple(measure.get("gamma", ())),
        gamma_exact=None if exact is None else tuple(exact),
        best_only=measure.get("best_only", False),  # every sub-model stayed below its level
        recall=covered.recall,
        precision=covered.precision,
        uniform_noise=None if noise is None else Noise.from_json(noise),
        judged=Judged.from_json(values["judged"]) if "judged" in values else None,
        places=Maps.from_json(values["places"]["maps"]) if "places" in values else None,
        neural_cleanse=Cleanse.from_json(values["cleanse"]) if "cleanse" in values else None,
    )


def _with_modes(submodels: list[Any], after: list[Any] | None) -> list[Submodel]:
    """The sub-models with each mode's medoid measured after MESA's repair (`after`, in their order)."""
    rest = iter(after or [])

    def told(mode: Mode) -> Mode:
        found = next(rest, None)
        return mode.telling(asr_after=None if found is None else Measured.from_json(found))

    entries = [Submodel.from_json(one) for one in submodels]
    return [replace(one, modes=[told(mode) for mode in one.modes]) for one in entries]


def _with_samples(evaluation: Any, sampled: Mapping[str, Any] | None) -> Evaluation:
    """An evaluation E that was made before the samples existed, with their ASR put in."""
    whole = Evaluation.from_json(evaluation)
    if sampled is None:
        return whole
    return whole.with_samples(*(Measured.from_json(sampled[name]) for name in ("asr", "effective_asr")))
