"""Which kind shows best what α and β say, and which repairs best? python benchmarks/seeing.py SWEEP... [--out FILE]

Reads the finished runs of sweeps over kinds, α and triggers, and prints a table in Markdown, a row a kind; one run each
for the runs of an equal kind, α and trigger, one that was repaired before one that was not. The rules:

- *α spreads*: a step up of α raises the entropy of a level's samples by at least 2.6 nats (27 ln
  1.1: a tenth wider in every direction), the rule by which the Paper page judges.
- *β sits*: how far the mean ASR of a level's samples lies from its β, at α = 0.1, in points.
- *levels nest*: share of a level's samples inside the next lower level, in all dimensions, at each α.
- *β widens*: a step down of β raises the entropy, by 2.6 nats as well, at α = 0.1.
- *modes*: share of the valid black-and-white triggers of level β that the samples find (recall), at α = 0.1.
- *left*: effective ASR of the original after the repair with the kind's samples, at α = 0.1, and clean accuracy lost.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mesa_core import triggers
from mesa_core.disk.files import write_json
from mesa_core.measures.submodel import Submodel
from mesa_core.paper.rules import TENTH
from mesa_core.store import Store, home
from mesa_core.store.results import Result
from mesa_core.sweeps.grid import runs_of

USUAL = 0.1  # α
SOME = 0.1  # passes of a repair, below which there was none


@dataclass(frozen=True)
class One:
    """A finished run: what was asked, its sub-models, and what its repair left, if it had one."""

    data: str
    code: int
    kind: str
    alpha: float
    levels: tuple[Submodel, ...]
    left: float | None
    lost: float | None

    @property
    def trigger(self) -> tuple[str, int]:
        """Of which images, and which."""
        return self.data, self.code


def read(store: Store, sweeps: Iterable[str]) -> list[One]:
    """The finished runs of sweeps."""
    found: dict[tuple[Any, ...], One] = {}
    for run in (run for sweep in sweeps for run in runs_of(store, sweep)):
        if (run.path / "result.json").is_file() and run.state() == "finished":
            one = read_one(run.config(), Result.from_json(run.result()))
            key = (one.trigger, one.kind, one.alpha)
            if key not in found or found[key].left is None:
                found[key] = one
    return list(found.values())


def read_one(config: dict[str, Any], result: Result) -> One:
    """One run."""
    code = triggers.code_of(triggers.from_hex(config["trigger"])) or 0
    after, left, lost = result.after.get("mesa"), None, None
    if after is not None and after.effective_asr and after.effective_asr.original and config["repair_epochs"] > SOME:
        left = 100 * after.effective_asr.original.value
        lost = 100 * (result.before.clean_accuracy.value - after.clean_accuracy.value)
    return One(config["data"], code, config["kind"], config["alpha"], tuple(result.submodels), left, lost)


def figures(runs: Sequence[One]) -> dict[str, Any]:
    """Every figure of one kind, over its triggers."""
    usual = [one for one in runs if one.alpha == USUAL]
    by_trigger: dict[tuple[str, int], list[One]] = {}
    for one in sorted(runs, key=lambda one: one.alpha):
        by_trigger.setdefault(one.trigger, []).append(one)
    spreads: dict[str, list[bool]] = {}
    for own in by_trigger.values():
        for a, b in pairwise(own):
            steps = [e - d >= TENTH for d, e in zip(entropies(a), entropies(b), strict=True)]
            spreads.setdefault(f"{a.alpha:g} to {b.alpha:g}", []).extend(steps)
    sits = [abs(100 * (s.mean_asr.value - s.beta)) for one in usual for s in one.levels]
    widens = [a - b >= TENTH for one in usual for a, b in pairwise(entropies(one))]
    nests = {
        f"{alpha:g}": rounded(
            [100 * s.nested.value for one in runs if one.alpha == alpha for s in one.levels if s.nested]
        )
        for alpha in sorted({one.alpha for one in runs})
    }
    recalls = [100 * c.value for one in usual for s in one.levels if (c := s.recall.get(f"{s.beta:g}")) is not None]
    left, lost = ([v for one in usual if (v := getattr(one, name)) is not None] for name in ("left", "lost"))
    return {
        "triggers": len({one.trigger for one in runs}),
        "spreads": {step: [sum(grew), len(grew)] for step, grew in spreads.items()},
        "sits": rounded(sits),
        "nests": nests,
        "widens": [sum(widens), len(widens)],
        "recall": rounded(recalls),
        "left": rounded(left),
        "lost": rounded(lost),
    }


def entropies(one: One) -> list[float]:
    """Of every level's samples, the lowest β first."""
    return [s.entropy.value if s.entropy else float("nan") for s in one.levels]


def rounded(values: Sequence[float]) -> dict[str, float] | None:
    """Mean, median, least and most, and of how many."""
    if not values:
        return None
    told = {"mean": mean(values), "median": median(values), "least": min(values), "most": max(values)}
    return {**{name: round(value, 2) for name, value in told.items()}, "n": len(values)}


def table(found: dict[str, dict[str, Any]]) -> str:
    """The figures as Markdown."""
    head = ["kind", "triggers", "α spreads", "β sits", "levels nest", "β widens", "modes", "left", "accuracy lost"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for kind, f in found.items():
        cells = [
            kind,
            str(f["triggers"]),
            ", ".join(f"{step}: {grew}/{of}" for step, (grew, of) in f["spreads"].items()),
            spelt(f["sits"], "mean", "most"),
            "; ".join(f"α = {alpha}: {spelt(one, 'median', 'least')}" for alpha, one in f["nests"].items()),
            "{}/{}".format(*f["widens"]),
            spelt(f["recall"], "mean", "least"),
            spelt(f["left"], "mean", "most"),
            spelt(f["lost"], "mean", "most"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spelt(one: dict[str, float] | None, *names: str) -> str:
    """Two of the figures: '4.1 (most 9.0)'."""
    if one is None:
        return "–"
    first, second = names
    return f"{one[first]:.1f} ({second} {one[second]:.1f})"


def main() -> None:
    """Print the table, and write its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="+")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    asked = parser.parse_args()
    runs = read(Store(home()), asked.sweeps)
    kinds = dict.fromkeys(one.kind for one in runs)
    found = {kind: figures([one for one in runs if one.kind == kind]) for kind in kinds}
    print(table(found))
    if asked.out:
        write_json(asked.out, found)


if __name__ == "__main__":
    main()
