"""What a result tells of its maps of places; the maps themselves lie in places.npz. Needs no torch."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from mesa_core.disk.shaped import Count, Shaped, Unit, rarely
from mesa_core.measures.intervals import Measured

ORIGINAL, BEST = "original", "best"  # the attacker's trigger, and the best that was sampled
CLEAN, BEFORE, AFTER = "clean", "before", "after"  # networks


@dataclass(frozen=True)
class Told(Shaped):
    """One trigger on one network: its success at the place where it is highest, and at the median place."""

    trigger: str
    network: str
    _: KW_ONLY
    row: Count
    column: Count
    highest: Measured
    median: Unit
    words: str


@dataclass(frozen=True)
class Maps(Shaped):
    """Exact maps of places, `n` images at each; `colours` are the triggers as hex colours, by name ('original', 'best'), with the
    `opacities` of their cells where they have such."""

    _: KW_ONLY
    n: Count
    colours: dict[str, str]
    each: list[Told]
    opacities: dict[str, list[Unit]] | None = rarely()

    def of(self, trigger: str, network: str) -> Told | None:
        """What is told of one map; None where there is none."""
        return next((one for one in self.each if (one.trigger, one.network) == (trigger, network)), None)
