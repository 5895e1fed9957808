"""Whose turn it is: fair between addresses, and within an address between visitors. Pure; used for runs and questions.

One client may hold many sessions, and a whole class may sit behind one address. So addresses take turns first; within
an address nobody's second comes before anybody's first; among equals whoever was served longest ago is next.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

AT = "@"  # in front of an address, where it stands among visitors


@dataclass(frozen=True)
class Asked:
    """One thing that waits: its name, since when (seconds), and who asked from where ('' where that is not known)."""

    name: str
    since: float
    visitor: str = ""
    address: str = ""

    @property
    def who(self) -> str:
        """The visitor, or the thing itself where nobody is known for it."""
        return f"{self.address} {self.visitor}" if self.visitor else f"{self.address} {AT}{self.name}"


@dataclass(frozen=True)
class Limits:
    """How many may wait."""

    own: int  # of one visitor
    few: int  # at one address; from there on one of each visitor
    address: int  # at one address
    all: int  # of all, for addresses of which some wait already
    reserve: int  # places beyond `all` for addresses of which nothing waits

    @staticmethod
    def of(most: int, own: int) -> Limits:
        """Usual limits: `most` at one address, half as many again of all, and as many more in reserve."""
        return Limits(own, most // 3, most, most + most // 2, max(1, most // 2))


def in_turn(waiting: Sequence[Asked], served: Mapping[str, float] | None = None) -> list[Asked]:
    """What waits, the next one first. `served`: when each visitor (`who`) and address (with AT before it) last had a turn."""
    served = served or {}
    mine: Counter[str] = Counter()
    ranked: dict[str, list[tuple[int, float, float, str, Asked]]] = {}
    for one in sorted(waiting, key=lambda one: (one.since, one.name)):
        rank = (mine[one.who], served.get(one.who, 0.0), one.since, one.name, one)
        ranked.setdefault(one.address, []).append(rank)
        mine[one.who] += 1
    merged = []
    for address, many in ranked.items():
        for turn, entry in enumerate(sorted(many, key=lambda entry: entry[:4])):
            merged.append((turn, served.get(AT + address, 0.0), entry[2], entry[3], entry[4]))
    return [one for *_, one in sorted(merged, key=lambda entry: entry[:4])]


def refused(waiting: Sequence[Asked], new: Asked, limits: Limits) -> str:
    """Why one more may not wait: 'own', 'address' or 'all'; '' where it may."""
    own = sum(one.who == new.who for one in waiting) if new.visitor else 0
    here = sum(one.address == new.address for one in waiting)
    if own >= limits.own or (own and here >= limits.few):
        return "own"
    if here >= limits.address:
        return "address"
    if len(waiting) >= limits.all + (0 if here else limits.reserve):
        return "all"
    return ""


class Budget:
    """Time for small work beside a large one, which keeps at least half of it.

    Whatever the large work took since is added, up to `most` seconds, so that a long silence saves up no long stop;
    small work is begun only while something is left, and what it takes is taken off.
    """

    def __init__(self, most: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self.clock = most, clock
        self.left, self.since = 0.0, clock()

    def spend(self, work: Callable[[], bool]) -> int:
        """Do pieces of small work while there are any (`work` returns whether there was one) and time is left; how many."""
        now = self.clock()
        self.left = min(self.most, self.left + now - self.since)
        done, more = 0, True
        while more and self.left > 0:
            more = work()
            done += more
            later = self.clock()
            self.left, now = self.left - (later - now), later
        self.since = self.clock()
        return done
