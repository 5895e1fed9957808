"""What a search over all classes says (step 1 of the defence). Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from math import ceil
from statistics import median

from mesa_core.apply.places import Box
from mesa_core.disk.shaped import Count, Shaped, Unit, called, later, rarely
from mesa_core.measures.astray import AllToAll
from mesa_core.measures.by_opacity import ByOpacity
from mesa_core.measures.by_size import BySize
from mesa_core.measures.goal import Goal
from mesa_core.measures.intervals import Measured

# By size: how much lies between the limit and 1, as a part of what does at 3x3.
LARGER = {4: 0.4, 5: 0.2, 6: 0.14, 7: 0.1, 8: 0.07}
USUAL = 32  # pixels on a side of the images on which that was chosen
LEAD = 0.25  # by which a class has to exceed the median of the others where several sizes are searched


def limit(threshold: float, size: int, side: int = USUAL) -> float:
    """From which effective ASR on a class looks attacked by triggers of `size` pixels: the `threshold` up to 3×3, and more beyond.

    The larger a trigger, the more images it turns in a network that nobody attacked, too. Chosen on networks of known making
    (`benchmarks/zoo.py`, the half that tunes) for images of 32×32; on larger ones, `side` pixels the shorter way, a trigger
    counts as what it would measure there.

    >>> limit(0.5, 3), limit(0.5, 5), limit(0.5, 8)
    (0.5, 0.9, 0.965)
    >>> limit(0.5, 5, side=64), limit(0.5, 8, side=64)
    (0.5, 0.8)
    """
    return round(1 - (1 - threshold) * LARGER.get(ceil(size * USUAL / max(side, USUAL)), 1.0), 6)


def strength(rate: float, size: int) -> float:
    """At which threshold a class with this effective ASR by triggers of `size` pixels would just be called attacked, 0 at least:
    the inverse of `limit`, by which rates of several sizes can be compared.

    >>> strength(0.9, 5), strength(0.5, 3), strength(0.1, 5)
    (0.5, 0.5, 0.0)
    """
    return round(max(0.0, 1 - (1 - rate) / LARGER.get(size, 1.0)), 6)


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
class Placed(Shaped):
    """A class whose triggers work at one place: row and column of their top left pixel, by which `part` of the plan it was
    found, how often MESA's samples succeed there, and `elsewhere` the trigger that named the place, at the median place."""

    _: KW_ONLY
    number: Count = called("class")
    row: Count
    column: Count
    part: str
    asr: Measured
    effective_asr: Measured
    elsewhere: Unit

    @property
    def box(self) -> Box:
        """The one place."""
        return Box(self.row, self.column, self.row, self.column)


@dataclass(frozen=True)
class Searched(Shaped):
    """What a search by a plan of places covered with triggers of an `opacity`, and at what cost.

    `parts` of the image in the `plan`, `pairs` of class and part that were glanced at (0: one was found at random places, and
    its place was mapped), of which `left` were looked at to the end; `looks` are images with their gradient, `passes` without,
    both beside the search at random places. With `own_opacities` each cell of a trigger had one of its own, of `opacity` at most.
    """

    _: KW_ONLY
    plan: str
    parts: Count
    pairs: Count
    left: Count
    looks: Count
    passes: Count
    opacity: Unit
    found: list[Placed]
    own_opacities: bool | None = rarely()

    @property
    def words(self) -> str:
        """One sentence: what was covered, and what it took."""
        took = (
            f"{self.looks:,} images with their gradient and {self.passes:,} without, beside the search at random places"
        )
        if not self.pairs:
            return f"Where the found triggers work was mapped over all places ({took}); the rest of the plan was not needed."
        return f"{self.pairs:,} pairs of class and part of the image were glanced at, {self.left} of them to the end ({took})."


@dataclass(frozen=True)
class Detection(Shaped):
    """The verdict: `target` is the strongest class above the `threshold`, None where there is none; `suspects` all above it.

    `classes` are in the data's order, `beta` is the level that was searched at, `places` what a search by a plan of places
    covered, where there was one, `sizes` one over sizes, and `opacities` one over opacities; `all_to_all` is the trigger that leads most images astray, where
    that was looked for.
    """

    _: KW_ONLY
    target: Count | None = later()
    suspects: list[Count]
    threshold: Unit
    beta: Unit | None = later()
    classes: list[ClassFound]
    places: Searched | None = rarely()
    sizes: BySize | None = rarely()
    all_to_all: AllToAll | None = rarely()
    opacities: ByOpacity | None = rarely()

    @property
    def found(self) -> bool:
        """Whether the network looks attacked at all."""
        return self.target is not None or self.astray is not None

    @property
    def astray(self) -> AllToAll | None:
        """The trigger of an all-to-all backdoor, where there is one."""
        return self.all_to_all if self.all_to_all is not None and self.all_to_all.found else None

    def attacked(self, threshold: float) -> list[ClassFound]:
        """The classes that look attacked at a threshold, the strongest first; over several sizes, those that stand out."""
        ranked = sorted(self.classes, key=lambda one: -one.rate.value)
        if self.sizes is None:
            return [one for one in ranked if one.rate.value > threshold]
        out = stand_out(self.classes, threshold)
        return [one for one in ranked if one.number in out]

    @property
    def place(self) -> Placed | None:
        """Where the target's triggers work; None where that is anywhere, or not known, or nothing was found."""
        found = [] if self.places is None else self.places.found
        return next((one for one in found if one.number == self.target), None)

    def goal(self, classes: int) -> Goal | None:
        """Where what was found sends images of so many `classes`: to the target, or each class to one of its own; None for nowhere."""
        return self.astray.goal(classes) if self.astray is not None and self.target is None else self.target

    @property
    def box(self) -> Box | None:
        """The same as the places at which a defender stamps."""
        at: Placed | AllToAll | None = self.astray if self.target is None else self.place
        if at is None or at.row is None or at.column is None:
            return None
        return Box(at.row, at.column, at.row, at.column)

    def judged(self) -> Detection:
        """The same with target and suspects by the effective ASR, as far as that was measured.

        A network that answers one class for nearly everything would else look attacked with that class.
        """
        if not self.classes or any(one.effective_asr is None for one in self.classes):  # an older result
            return self
        above = [one.number for one in self.attacked(self.threshold)]
        return replace(self, target=above[0] if above else None, suspects=above)


def stand_out(classes: Sequence[ClassFound], threshold: float) -> list[int]:
    """The classes that look attacked by this network's own others, the strongest first.

    The rate exceeds the threshold, and the median of the other classes by LEAD: large patches turn many images of any
    network, to most classes a little.
    """
    found = []
    for one in sorted(classes, key=lambda c: -c.rate.value):
        others = median(c.rate.value for c in classes if c is not one) if len(classes) > 1 else 0.0
        if one.rate.value > threshold and one.rate.value > others + LEAD:
            found.append(one.number)
    return found


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
