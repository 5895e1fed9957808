"""What a search over all classes says (step 1 of the defence). Needs no torch."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace

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

    @property
    def rate(self) -> Measured:
        """By which it is judged: the effective ASR; the plain one where an older result has no other."""
        return self.effective_asr or self.asr


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

    def judged(self) -> Detection:
        """The same with target and suspects by the effective ASR, as far as that was measured.

        A network that answers one class for nearly everything would else look attacked with that class.
        """
        rates = [(c, c.effective_asr) for c in self.classes]
        known = [(c.number, rate.value) for c, rate in rates if rate is not None]
        if not rates or len(known) < len(rates):  # an older result
            return self
        above = [number for number, value in sorted(known, key=lambda one: -one[1]) if value > self.threshold]
        return replace(self, target=above[0] if above else None, suspects=above)


@dataclass(frozen=True)
class Round(Shaped):
    """One round of a repair that judges itself: the steps of the repair, and what MESA, trained anew, reached after it.

    `effective_asr` is each level's, in the order of the levels, on the defender's images.
    """

    steps: Count
    effective_asr: list[Measured]

    @property
    def worst(self) -> Measured:
        """That of the sub-model with the strongest triggers."""
        return max(self.effective_asr, key=lambda one: one.value)


@dataclass(frozen=True)
class Judged(Shaped):
    """What a repair says of itself: healed where no sub-model's effective ASR exceeds the `limit` after the last round."""

    healed: bool
    limit: Unit
    rounds: list[Round]

    @property
    def words(self) -> str:
        """One sentence for people."""
        count, steps = len(self.rounds), sum(one.steps for one in self.rounds)
        worst = self.rounds[-1].worst
        took = f"{count} round{'s' if count > 1 else ''} of repair, {steps} steps"
        if self.healed:
            return (
                f"The repair holds: MESA, trained anew on the repaired network, finds no triggers with an effective ASR above "
                f"{self.limit:.0%} (highest: {worst.value:.1%}). It took {took}."
            )
        return (
            f"THE REPAIR FAILED: after {took} MESA, trained anew on the repaired network, still finds triggers with an "
            f"effective ASR of {worst.value:.1%}, above {self.limit:.0%}. Do not rely on this network; give more images, or "
            "more rounds (--repair-rounds)."
        )
