"""How a claim is judged: what an answer holds, and the few measures and comparisons that all answers are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mesa_core.config import PROTOCOLS, ExperimentConfig
from mesa_core.measures.evaluation import Evaluation, Rates
from mesa_core.measures.intervals import Measured, of_rates
from mesa_core.paper.claims import share
from mesa_core.paper.material import ORBITS, Finding, Sweep
from mesa_core.paper.rules import UNKNOWN
from mesa_core.paper.searched import Search
from mesa_core.words import brief

Pick = Callable[[Finding], Iterable[Measured | None]]


@dataclass(frozen=True)
class Answer:
    """What we say to a claim: the figures in words, the verdict ('' for a control), and where we differ.

    `measured` and `verdict` are in the paper's own terms, `strictly` and `strict` by the claim's stricter rule ('' where
    it has none, or what it needs is missing).
    """

    measured: str
    verdict: str = UNKNOWN
    differs: str = ""
    strictly: str = ""
    strict: str = ""
    so_far: bool = False  # from fewer than all 51 triggers
    beside: tuple[
        str, ...
    ] = ()  # what other sweeps or searches say, where the claim hangs on the budget or the network


@dataclass(frozen=True)
class Evidence:
    """All runs at hand, in the groups that the claims are about."""

    sweep: Sweep | None  # on CIFAR-10 only: the paper's numbers are about those images
    shown: Sweep | None  # the same, or one on other images where there is none
    family: Mapping[float, Finding]
    example: Finding | None
    searches: Sequence[Finding]
    clean: Sequence[Search] = ()  # searches of networks that nobody attacked
    others: Sequence[Sweep] = ()  # by the other protocol or on another network, to be cited beside
    rings: Sequence[Finding] = ()  # runs of the ring's kind with many samples, likewise

    @property
    def judged(self) -> Sweep:
        """The `sweep`, for claims that are asked only where there is one."""
        assert self.sweep is not None, "no answer from the sweep is asked for without one"
        return self.sweep


def values(sweep: Sweep, pick: Pick) -> list[tuple[int, list[Measured]]]:
    """(code, figures) for every trigger that has any."""
    found = [(row.code, row.values(pick)) for row in sweep.rows]
    return [(code, figures) for code, figures in found if figures]


def average(found: Sequence[tuple[int, Sequence[Measured]]]) -> tuple[float, str]:
    """The mean over triggers, each the mean of its runs, and the same in words with interval and n."""
    rates = np.array([np.mean([m.value for m in figures]) for _, figures in found])
    n = int(found[0][1][0].n)
    m = of_rates(np.clip(rates, 0, 1), n).rounded()
    return float(rates.mean()), f"mean {brief(m)} over {len(found)} of {ORBITS} triggers, n = {n:,} images each"


def extreme(found: Sequence[tuple[int, Sequence[Measured]]], pick: Callable[..., Any]) -> tuple[Measured, str]:
    """The highest or lowest figure (`pick` is max or min), and in words with its interval, n and trigger."""
    code, m = pick(((code, m) for code, figures in found for m in figures), key=lambda entry: entry[1].value)
    return m, f"{'highest' if pick is max else 'lowest'} {brief(m)}, n = {m.n:,} (code {code})"


def budget(config: ExperimentConfig) -> str:
    """'With 30.0 % of the images stamped, a rate of 0.005 and 2 passes (the paper: 1.0 %, 0.001 and 10)'; what a repair may do."""
    paper = {name: value for name, (value, _) in PROTOCOLS["paper"].items()}
    theirs = f" (the paper: {share(paper['repair_ratio'])}, {paper['repair_lr']:g} and {paper['repair_epochs']:g})"
    same = all(getattr(config, name) == paper[name] for name in ("repair_ratio", "repair_lr", "repair_epochs"))
    ours = f"{share(config.repair_ratio)} of the images stamped, a rate of {config.repair_lr:g} and {config.repair_epochs:g} passes"
    return f"With {ours}{', as in the paper' if same else theirs}"


def apart(ours: float, paper: float) -> str:
    """'Ours is 3.1 points below the paper's 98.7 %.'; '' where they are nearly equal."""
    gap = 100 * (ours - paper)
    side = "above" if gap > 0 else "below"
    return f"Ours is {abs(gap):.1f} points {side} the paper's {share(paper)}." if abs(gap) >= 0.05 else ""


def rate(e: Evaluation, group: str, part: str) -> Measured | None:
    """One ASR of an evaluation: 'asr' or 'effective_asr', of the 'original' or the 'worst'."""
    rates: Rates = getattr(e, group)
    found: Measured | None = getattr(rates, part)
    return found


def after(name: str, group: str = "asr", part: str = "original") -> Pick:
    """Picks the original's ASR, or its 'effective_asr', after a defence of a run; or that of the 'worst' of 512."""
    return lambda one: [rate(e, group, part) for key, e in one.result.after.items() if key == name]


def by_beta(only: str | None = None, group: str = "asr", part: str = "original") -> Pick:
    """The same after each level's sub-model alone, or after that of one level."""
    return lambda one: [rate(e, group, part) for key, e in one.result.after_by_beta.items() if only in (None, key)]


def points(one: Finding) -> list[Measured | None]:
    """The original's ASR after each seed of the point defence."""
    return [e.asr.original for e in one.result.points]
