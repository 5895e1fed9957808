"""What a search over sizes covered, what it took, and which size it believes. Needs no torch."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Annotated

from mesa_core.disk.shaped import Count, Shaped, Unit, Within, called, rarely
from mesa_core.measures.intervals import Measured
from mesa_core.triggers import sized
from mesa_core.words import duration, series


@dataclass(frozen=True)
class SizeTried(Shaped):
    """One size at which every class was searched: the class that answers most, `others` the median of the other classes.

    `found` where one looks attacked; `looks` are images with their gradient, `passes` without.
    """

    _: KW_ONLY
    size: Count
    number: Count = called("class")
    effective_asr: Measured
    others: Unit
    found: bool
    looks: Count
    passes: Count


@dataclass(frozen=True)
class SizeNear(Shaped):
    """How often the strongest triggers of another size open the class that was found."""

    size: Count
    effective_asr: Measured


@dataclass(frozen=True)
class BySize(Shaped):
    """A search over the `listed` sizes, of which those `tried` were needed; `near` are the sizes beside the one that answered.

    `believed` is the side in pixels of the smallest triggers that open the network as well as any, None where nothing was
    found; with these a scan goes on. `planted` is the size that the attacker's is believed to have, by how far the target leads,
    where that was looked for. All costs are of the whole search: `looks` images with their gradient, `passes` without,
    `seconds` of time.
    """

    _: KW_ONLY
    listed: list[Count]
    tried: list[SizeTried]
    near: list[SizeNear]
    believed: Count | None = rarely()
    planted: Count | None = rarely()
    looks: Count
    passes: Count
    seconds: Annotated[float, Within(0, 1e12)]

    @property
    def original(self) -> int | None:
        """The side of the attacker's trigger, as far as it can be told."""
        return self.planted or self.believed

    @property
    def words(self) -> str:
        """What was covered, at what cost, and what is believed, in one or two sentences."""
        sides = [sized(one.size) for one in self.tried]
        sought = series(sides)
        left = len(self.listed) - len(self.tried)
        stopped = ", and the search stopped there, since a class was found" if left > 0 else ""
        took = f"{self.looks:,} images with their gradient, {self.passes:,} without, {duration(self.seconds)} for all of it"
        believed = ""
        if self.believed is not None and self.original is not None:
            believed = f" The trigger is believed to be of {sized(self.original)} pixels."
            if self.believed < self.original:
                believed += f" Parts of {sized(self.believed)} open the network, too; such are sampled and repaired."
        return f"Sizes {sought} were searched{stopped} ({took}).{believed}"
