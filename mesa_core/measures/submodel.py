"""What was measured of the samples of one sub-model, and what an exact reference says beside it. Needs no torch."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Annotated

import numpy as np

from mesa_core.disk.shaped import Count, Damaged, Shaped, Unit, Within, empty, later, rarely
from mesa_core.measures.coverage import Levels
from mesa_core.measures.intervals import Measured
from mesa_core.opacity import heard

Nats = Annotated[float, Within(-1e4, 1e4)]


@dataclass(frozen=True)
class Spread(Shaped):
    """How wide `n` samples lie: an entropy in nats, or effective dimensions, and by which `method`."""

    value: Nats
    _: KW_ONLY
    method: str | None = rarely()
    n: Annotated[int, Within(0, 1e9)]
    error: Annotated[float, Within(0, 1e4)] | None = rarely()


@dataclass(frozen=True)
class Mode(Shaped):
    """A cluster of the samples: its share of them, its mean ASR, its medoid; `asr_after` MESA's repair.

    The medoid is told as hex colours, with the `opacity` of each cell, row by row, where it has opacities.
    """

    share: Unit
    asr: Measured
    trigger: str
    _: KW_ONLY
    asr_after: Measured | None = rarely()
    opacity: list[Unit] | None = rarely()

    @property
    def pixels(self) -> np.ndarray:
        """The medoid, float32 `(3 or 4, s, s)`."""
        return heard(self.trigger, self.opacity)

    def check(self) -> None:
        try:
            heard(self.trigger, self.opacity)
        except ValueError as error:
            raise Damaged(str(error), "trigger") from None


@dataclass(frozen=True)
class Volume(Shaped):
    """The log volume of a level's set in nats, with one standard error over independent `runs`."""

    value: Annotated[float, Within(-1e4, 10)]
    error: Annotated[float, Within(0, 1e4)]
    _: KW_ONLY
    runs: tuple[float, ...] = later(())


@dataclass(frozen=True)
class ReferenceLevel(Shaped):
    """One level of an exact reference: its set's log volume, and what its samples are worth."""

    beta: Annotated[float, Within(1e-9, 1)]
    log_volume: Volume
    mean_asr: Measured
    _: KW_ONLY
    entropy: Spread | None = later()
    recall: Levels = empty(later=True)
    precision: Levels = empty(later=True)
    modes: list[Mode]


@dataclass(frozen=True)
class ModeFound(Shaped):
    """A mode of the reference: its share of the mass, and whether some sample lies in it."""

    share: Unit
    found: bool


@dataclass(frozen=True)
class ModesFound(Shaped):
    """How many of how many modes of the reference were found."""

    found: Annotated[int, Within(0, 1e6)]
    of: Annotated[int, Within(0, 1e6)]
    _: KW_ONLY
    modes: tuple[ModeFound, ...] = later(())

    def check(self) -> None:
        if self.found > self.of:
            raise Damaged(f"is {self.found} of {self.of}", "found")


@dataclass(frozen=True)
class Beside(Shaped):
    """What the exact reference at a level says of a sub-model's samples; entropies are of equally many samples."""

    log_volume: Volume
    entropy: Spread
    entropy_of_samples: Spread
    _: KW_ONLY
    recall: Levels = empty(later=True)  # of the reference's own samples, as is the precision
    precision: Levels = empty(later=True)
    n: Count = later(0)
    modes_found: ModesFound
    inside: Measured


@dataclass(frozen=True)
class Submodel(Shaped):
    """One sub-model: its level β, whether Algorithm 1 keeps it, and what its samples are worth.

    `mean_asr` is measured on the evaluation images, `defender_asr`, by which it is kept or skipped, on the defender's.
    `entropy` is estimated from the samples, `density` that of a kind which knows its own. `nested` is the share of the
    samples inside the next lower level, in all dimensions, in the scatter's axes, and in Appendix B's.
    """

    _: KW_ONLY
    kind: str = later("mine")
    beta: Unit
    kept: bool
    mean_asr: Measured
    defender_asr: Measured | None = later()
    entropy: Spread | None = later()
    density: Spread | None = later()
    recall: Levels = empty(later=True)
    precision: Levels = empty(later=True)
    modes: list[Mode]
    nested: Measured | None = later()
    reference: Beside | None = later()
    dimensions: Spread | None = later()
    nested_axes: Measured | None = later()
    nested_svd: Measured | None = later()
