"""How a claim is judged: what an answer holds, and the few measures and comparisons that all answers are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mesa_core.measures.intervals import of_rates
from mesa_core.paper.claims import share
from mesa_core.paper.material import ORBITS, Finding, Sweep
from mesa_core.words import brief

VERDICTS = ("agrees", "partly", "differs", "not measured yet")
UNKNOWN = VERDICTS[3]
ABOVE, FAR_ABOVE = 0.01, 0.03  # by how much an ASR that should be low may exceed the paper's
BELOW, FAR_BELOW = 0.02, 0.05  # by how much one that should be high may stay below it
CHEAP, DEAR = 0.005, 0.02  # clean accuracy lost
Measured = Mapping[str, Any]
Pick = Callable[[Finding], Iterable[Measured | None]]


@dataclass(frozen=True)
class Answer:
    """What we say to a claim: the figures in words, the verdict ('' for a control), and where we differ."""

    measured: str
    verdict: str = UNKNOWN
    differs: str = ""
    so_far: bool = False  # from fewer than all 51 triggers


@dataclass(frozen=True)
class Evidence:
    """All runs at hand, in the groups that the claims are about."""

    sweep: Sweep | None  # on CIFAR-10 only: the paper's numbers are about those images
    shown: Sweep | None  # the same, or one on other images where there is none
    family: Mapping[float, Finding]
    example: Finding | None
    searches: Sequence[Finding]


def values(sweep: Sweep, pick: Pick) -> list[tuple[int, list[Measured]]]:
    """(code, figures) for every trigger that has any."""
    found = [(row.code, row.values(pick)) for row in sweep.rows]
    return [(code, figures) for code, figures in found if figures]


def average(found: Sequence[tuple[int, Sequence[Measured]]]) -> tuple[float, str]:
    """The mean over triggers, each the mean of its runs, and the same in words with interval and n."""
    rates = np.array([np.mean([m["value"] for m in figures]) for _, figures in found])
    n = int(found[0][1][0]["n"])
    m = of_rates(np.clip(rates, 0, 1), n).to_json()
    return float(rates.mean()), f"mean {brief(m)} over {len(found)} of {ORBITS} triggers, n = {n:,} images each"


def extreme(found: Sequence[tuple[int, Sequence[Measured]]], pick: Callable[..., Any]) -> tuple[Measured, str]:
    """The highest or lowest figure (`pick` is max or min), and in words with its interval, n and trigger."""
    code, m = pick(((code, m) for code, figures in found for m in figures), key=lambda entry: entry[1]["value"])
    return m, f"{'highest' if pick is max else 'lowest'} {brief(m)}, n = {m['n']:,} (code {code})"


def lower(ours: float, paper: float, near: float = ABOVE, far: float = FAR_ABOVE) -> str:
    """The verdict on a figure that should be at most the paper's."""
    return "agrees" if ours <= paper + near else "partly" if ours <= paper + far else "differs"


def higher(ours: float, paper: float) -> str:
    """The verdict on a figure that should be at least the paper's."""
    return lower(-ours, -paper, BELOW, FAR_BELOW)


def apart(ours: float, paper: float) -> str:
    """'Ours is 3.1 points below the paper's 98.7 %.'; '' where they are nearly equal."""
    gap = 100 * (ours - paper)
    side = "above" if gap > 0 else "below"
    return f"Ours is {abs(gap):.1f} points {side} the paper's {share(paper)}." if abs(gap) >= 0.05 else ""


def after(name: str, group: str = "asr") -> Pick:
    """Picks the original's ASR, or its 'effective_asr', after a defence of a run."""
    return lambda one: [e[group]["original"] for key, e in (one.result["after"] or {}).items() if key == name]


def by_beta(only: str | None = None, group: str = "asr") -> Pick:
    """The same after each level's sub-model alone, or after that of one level."""
    return lambda one: [
        e[group]["original"] for key, e in (one.result["after_by_beta"] or {}).items() if only in (None, key)
    ]


def points(one: Finding) -> list[Measured | None]:
    """The original's ASR after each seed of the point defence."""
    return [e["asr"]["original"] for e in one.points]
