"""What a search over all classes says (step 1 of the defence). Needs no torch."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from mesa_core.disk.shaped import Count, Shaped, Unit, called, later
from mesa_core.measures.intervals import Measured


@dataclass(frozen=True)
class ClassFound(Shaped):
    """One class: how often the triggers that were found for it succeed, all images counted, and without those that go there unstamped."""

    _: KW_ONLY
    number: Count = called("class")
    name: str
    asr: Measured
    effective_asr: Measured | None = later()


@dataclass(frozen=True)
class Detection(Shaped):
    """The verdict: `target` is the strongest class above the `threshold`, None where there is none; `suspects` all above it.

    `classes` are in the data's order, `beta` is the level that was searched at.
    """

    _: KW_ONLY
    target: Count | None = later()
    suspects: list[Count]
    threshold: Unit
    beta: Unit | None = later()
    classes: list[ClassFound]
