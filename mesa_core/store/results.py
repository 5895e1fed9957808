"""The result of a run: what `result.json` holds and `--json` prints, read and checked. Needs no torch.

A result that an older or a newer version wrote is read as well: what it lacks is None or empty, what it has besides is kept,
and `to_json` gives back what was read.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from mesa_core.config import ConfigError, make_config
from mesa_core.disk.shaped import Count, Damaged, Shaped, Word, empty, later, rarely
from mesa_core.measures.coverage import Levels
from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.intervals import Measured
from mesa_core.measures.mapped import Maps
from mesa_core.measures.submodel import Submodel
from mesa_core.measures.verdict import Detection, Judged

POINT = "point"  # the defence that is repeated with several seeds


@dataclass(frozen=True)
class Images(Shaped):
    """What was measured on: a fingerprint of the data, its classes, and how many images each party has."""

    _: KW_ONLY
    fingerprint: str = later("")
    classes: tuple[str, ...] = later(())
    sizes: dict[str, Count] = empty(later=True)


@dataclass(frozen=True)
class Noise(Shaped):
    """Triggers of uniformly random colours beside the sampled ones."""

    mean_asr: Measured
    _: KW_ONLY
    recall: Levels = empty(later=True)
    precision: Levels = empty(later=True)


@dataclass(frozen=True)
class Cleanse(Shaped):
    """Neural Cleanse: of each class the norm of its mask, and by how many deviations that is small; above `alarm` is an alarm."""

    norms: list[float]
    anomaly_index: list[float]
    alarm: float


@dataclass(frozen=True)
class Result(Shaped):
    """All that came of a run.

    `after` holds an evaluation for each defence ('mesa', 'point', 'point_2', 'ideal', ...), `after_by_beta` one for each
    level's sub-model alone ('0.5'); both are empty where nothing was repaired. `clean` is None where the network was
    brought. `gamma` are the sub-models' weights in the mixture, `gamma_exact` Algorithm 1's, where all entropies are known;
    `best_only` says that every sub-model stayed below its level. `recall` and `precision` are the mixture's, by level.
    """

    config: dict[str, Any]  # as `ExperimentConfig.to_dict` gave it
    _: KW_ONLY
    seed: int = later(0)
    hardware: dict[str, Any]
    versions: dict[str, Any]
    timings: dict[str, float]
    reused: tuple[str, ...] = later(())  # stages that were found in the store
    data: Images
    clean: Evaluation | None
    before: Evaluation
    after: dict[Word, Evaluation] = empty()
    after_by_beta: dict[Word, Evaluation] = empty(later=True)
    target_known: bool = later(True)
    detection: Detection | None = later()
    submodels: list[Submodel]
    gamma: tuple[float, ...] = later(())
    gamma_exact: tuple[float, ...] | None = later()
    best_only: bool = later(False)
    recall: Levels = empty(later=True)
    precision: Levels = empty(later=True)
    uniform_noise: Noise | None = later()
    neural_cleanse: Cleanse | None = rarely()
    places: Maps | None = rarely()  # where triggers work; the maps themselves are in places.npz
    judged: Judged | None = rarely()  # of a scanned network that was repaired

    def check(self) -> None:
        try:
            make_config(self.config)
        except ConfigError as error:
            raise Damaged(str(error).rstrip("."), "config") from None

    @property
    def points(self) -> list[Evaluation]:
        """The evaluations after each seed of the point defence."""
        return [e for name, e in self.after.items() if name == POINT or name.startswith(f"{POINT}_")]
