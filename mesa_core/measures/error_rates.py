"""How often a scan's verdict is wrong: measured once, on small networks of known making (`benchmarks/zoo.py`). Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from mesa_core.disk.shaped import Count, Damaged, Shaped, Unit
from mesa_core.disk.untrusted import Refused, parse_json, read_bytes
from mesa_core.measures.intervals import Measured, proportion
from mesa_core.measures.roc import area, curve, interval

LARGEST = 1 << 20  # bytes of the file


@dataclass(frozen=True)
class Examined(Shaped):
    """One network: how it was made (`kind`), its score by MESA's plan from 0 to 1, the highest anomaly index of Neural Cleanse
    at equal cost, and what each said: of an attacked network whether it named what was planted, of a clean one whether it called
    any class attacked."""

    _: KW_ONLY
    kind: str
    attacked: bool
    score: Unit
    index: float
    said: bool
    cleanse_said: bool


class Area(NamedTuple):
    """An area under a ROC curve with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class OfKind:
    """Networks attacked in one way: how many of them were found, by MESA's plan and by Neural Cleanse."""

    kind: str
    count: int
    found: int
    cleanse_found: int


@dataclass(frozen=True)
class ErrorRates(Shaped):
    """What such a scan finds and misses. `places` and `sizes` are what was searched, `networks` those that were examined,
    `alarms` the classes of clean networks that were called attacked, `left` the effective ASR of what was planted after the
    repair, one a repaired network, and `lost` the accuracy that the repair cost."""

    _: KW_ONLY
    when: str
    places: str
    sizes: list[Count]
    networks: list[Examined]
    alarms: Measured
    cleanse_alarms: Measured
    left: list[Unit]
    lost: list[float]

    @property
    def attacked(self) -> list[Examined]:
        """The networks with a backdoor."""
        return [one for one in self.networks if one.attacked]

    @property
    def clean(self) -> list[Examined]:
        """The networks without one."""
        return [one for one in self.networks if not one.attacked]

    @property
    def found(self) -> Measured:
        """The share of attacked networks that were found."""
        return proportion(sum(one.said for one in self.attacked), len(self.attacked))

    @property
    def kinds(self) -> list[OfKind]:
        """The same by kind of attack."""
        told = []
        for kind in dict.fromkeys(one.kind for one in self.attacked):
            own = [one for one in self.attacked if one.kind == kind]
            told.append(
                OfKind(kind, len(own), sum(one.said for one in own), sum(one.cleanse_said for one in own)),
            )
        return told

    def scores(self, cleanse: bool = False) -> tuple[list[float], list[float]]:
        """(those of attacked networks, those of clean ones)."""
        of = lambda own: [one.index if cleanse else one.score for one in own]
        return of(self.attacked), of(self.clean)

    @cached_property
    def areas(self) -> tuple[Area, Area]:
        """The areas under the ROC curves, by MESA's plan and by Neural Cleanse; a bootstrap, so it is made once."""
        ours, theirs = (Area(area(*one), *interval(*one)) for one in (self.scores(), self.scores(cleanse=True)))
        return ours, theirs

    def curve(self, cleanse: bool = False) -> tuple[list[float], list[float]]:
        """The ROC curve (see `roc.curve`)."""
        return curve(*self.scores(cleanse))

    def holds_for(self, places: str, sizes: Sequence[int]) -> bool:
        """Whether a scan of these `places` and `sizes` is such a scan."""
        return (places, list(sizes)) == (self.places, list(self.sizes))

    @property
    def words(self) -> str:
        """What 'nothing found' is worth, in one sentence."""
        found = self.found
        return (
            f"Of {found.n} small networks with backdoors of {len(self.kinds)} kinds such a scan found {told(found)}; of "
            f"{self.alarms.n} classes of {len(self.clean)} clean ones it called {told(self.alarms)} attacked."
        )


def told(part: Measured) -> str:
    """How many, and the 95 % interval of their share.

    >>> told(proportion(9, 10))
    '9 (95 %: 60 to 98 %)'
    """
    return f"{round(part.value * part.n)} (95 %: {100 * part.low:.0f} to {100 * part.high:.0f} %)"


def read(path: Path) -> ErrorRates | None:
    """The figures in a file; None where it is missing or damaged, or nothing was examined."""
    try:
        found = ErrorRates.from_json(parse_json(read_bytes(path, LARGEST)))
    except (OSError, Refused, ValueError, Damaged):
        return None
    return found if found.attacked and found.clean else None
