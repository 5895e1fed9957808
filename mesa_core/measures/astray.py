"""An all-to-all backdoor: one trigger sends every class somewhere else, each to a class of its own. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from mesa_core.disk.shaped import Count, Shaped, Unit, rarely
from mesa_core.measures.goal import NOWHERE, EachTo
from mesa_core.measures.intervals import Measured, proportion

HALF = 0.5  # of a class's images that have to go to one and the same other class
MOST_ONE = 0.5  # of the classes that may all go to the same one; beyond, it is a backdoor to that class


@dataclass(frozen=True)
class Led(Shaped):
    """A class's images, once stamped: the class to which most of them go, and the share of them that does.

    Only images count that the network labels as their class unstamped, so that the share is an effective ASR.
    """

    number: Count
    to: Count
    share: Measured


@dataclass(frozen=True)
class AllToAll(Shaped):
    """What the one trigger does that leads most images astray: `astray` is the share of images that leave their class.

    `classes` say where each goes. `row` and `column` are where the trigger was put, None for random places; `trigger` is it,
    as hex colours, with the `opacity` of each cell where it has one. `threshold` is the share above which it counts as found.
    """

    _: KW_ONLY
    astray: Measured
    threshold: Unit
    classes: list[Led]
    row: Count | None
    column: Count | None
    trigger: str
    looks: Count
    passes: Count
    opacity: list[Unit] | None = rarely()

    @property
    def led(self) -> list[Led]:
        """The classes that go to a class of their own: at least half of their images to the same one, beyond chance."""
        return [one for one in self.classes if one.share.low > HALF]

    def goal(self, count: int) -> EachTo:
        """Where each of `count` classes is led."""
        to = {one.number: one.to for one in self.led}
        return EachTo(tuple(to.get(number, NOWHERE) for number in range(count)))

    @property
    def found(self) -> bool:
        """Whether most classes are led somewhere, and not most of them to one and the same class."""
        if self.astray.low <= self.threshold or len(self.led) <= len(self.classes) / 2:
            return False
        most = Counter(one.to for one in self.led).most_common(1)[0][1]
        return most <= max(1, MOST_ONE * len(self.led))

    def words(self, names: Sequence[str]) -> str:
        """What was found, class by class; '' where it was not. `names` are the classes', by number."""
        if not self.found:
            return ""
        said = [f"{names[one.number]} to {names[one.to]} ({one.share.value:.0%})" for one in self.led]
        where = "" if self.row is None else f" at row {self.row}, column {self.column}"
        return (
            f"This is an all-to-all backdoor: one trigger{where} leads {self.astray.value:.1%} "
            f"({self.astray.low:.1%} to {self.astray.high:.1%}, n={self.astray.n}) of the images away from their class, each "
            f"class to one of its own: {', '.join(said)}."
        )


def led(labels: Sequence[int], before: Sequence[int], after: Sequence[int], count: int) -> list[Led]:
    """Of `count` classes where their images go: true labels, and the network's answers unstamped and stamped, all `(n,)`.

    A class of which no image is labelled rightly is left out. An image that stays counts as not led.

    >>> [(one.number, one.to, one.share.value) for one in led([0, 0, 1, 1], [0, 0, 1, 0], [1, 1, 0, 0], 2)]
    [(0, 1, 1.0), (1, 0, 1.0)]
    """
    found = []
    for number in range(count):
        own = [now for label, was, now in zip(labels, before, after, strict=True) if label == was == number]
        if not own:
            continue
        gone = Counter(now for now in own if now != number).most_common(1)
        to, times = gone[0] if gone else (number, 0)
        found.append(Led(number, to, proportion(times, len(own)).rounded()))
    return found
