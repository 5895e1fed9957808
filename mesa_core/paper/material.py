"""The runs behind the paper's figures: read once, checked, and put into the groups that a figure compares.

Runs are compared only where they differ in nothing but what the figure varies. Where several groups could fill a
figure, CIFAR-10 (the paper's data) comes before other images, then the group that fills more of it.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.config import ConfigError, ExperimentConfig, make_config
from mesa_core.config.identity import MORE, identity_of
from mesa_core.disk.untrusted import Refused, parse_json, read_bytes
from mesa_core.measures import breadth
from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.intervals import Measured
from mesa_core.measures.submodel import Submodel
from mesa_core.measures.verdict import Detection
from mesa_core.store import MOST_EVENTS, NAME, Run, StoreError, checks
from mesa_core.store.results import Result

ORBITS = len(triggers.orbits())
ALPHAS = (0.0, 0.1, 10.0)
LEVEL = 0.8  # of Figure 3(a) and of the detection
RING, PATTERN = (triggers.orbit_of(code) for code in (495, 170))  # kinds: the ring of Figure 5(c), the authors' pattern
MANY = 2000  # samples of a level, as in the pictures of Figure 5
FEW = 3  # triggers from which on a group of runs is worth a choice and a citation
PROTOCOLS = {"fast": "Fast protocol", "paper": "The paper's protocol"}
NAMES = {"cifar10": "CIFAR-10", "signs": "road signs"}


@dataclass(frozen=True)
class Finding:
    """A finished run: where it lies, what it was asked, what came of it."""

    run: Run
    config: ExperimentConfig
    result: Result

    @functools.cached_property
    def levels(self) -> list[Submodel]:
        """The sub-models with every measure; those of an older result are computed from its samples (`breadth`)."""
        return breadth.complete(self.result.submodels, samples(self))

    def level(self, beta: float) -> int | None:
        """The place of a level among the run's, None where it has no such level."""
        return next((i for i, b in enumerate(self.config.beta) if abs(b - beta) < 1e-9), None)


def read(folders: Iterable[Path]) -> list[Finding]:
    """Every finished run in these folders of run directories; what cannot be read is left out."""
    found, names = [], set()
    for folder in folders:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            one = finding(Run(path)) if NAME.fullmatch(path.name) and path.name not in names else None
            if one is not None:
                found.append(one)
                names.add(path.name)
    return found


def finding(run: Run) -> Finding | None:
    """A run as a finding; None where it has not finished or cannot be read, or has other triggers than the paper's 3x3."""
    try:
        if not (run.path / "result.json").is_file():
            return None
        result = run.outcome()
        config = make_config(run.config())
        return Finding(run, config, result) if result is not None and config.size == triggers.SIZE else None
    except (StoreError, ConfigError):
        return None


# -- arrays and marks of one run
def samples(one: Finding) -> dict[str, np.ndarray] | None:
    """Its measured samples (see `checks.samples`), None where they are missing or damaged."""
    try:
        return checks.samples(one.run.read_arrays("samples.npz"), one.run.read_arrays("axes.npz"))
    except StoreError:
        return None


def valid(one: Finding) -> np.ndarray | None:
    """The ASR of the 512 on its attacked network `(512,)`, or None."""
    try:
        return checks.rates(one.run.read_arrays("axes.npz"), "codes_asr")
    except StoreError:
        return None


def point_triggers(one: Finding) -> list[np.ndarray]:
    """The triggers that the point defence reversed, each `(3, 3, 3)`, in the order of its seeds."""
    found, drawn = {}, []
    with contextlib.suppress(OSError, Refused):
        for line in read_bytes(one.run.path / "events.jsonl", MOST_EVENTS).splitlines():
            if b'"Mark"' in line:  # few of many hundred lines
                with contextlib.suppress(ValueError, AttributeError):
                    mark = ev.from_json(parse_json(line))
                    if isinstance(mark, ev.Mark) and mark.name.startswith("point"):
                        found[mark.name] = mark.trigger
    for name in sorted(found, key=lambda name: (len(name), name)):
        try:
            drawn.append(triggers.from_hex(found[name]))
        except ValueError:
            continue
    return drawn


# -- groups
def of_protocol(found: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Runs by PROTOCOLS: 'paper' those by the paper's protocol on the paper's images, 'fast' all others.

    They are told apart before anything is judged: the two have other budgets, and so other answers.
    """
    parts: dict[str, list[Finding]] = {name: [] for name in PROTOCOLS}
    for one in found:
        papers = one.config.protocol == "paper" and one.config.data == "cifar10"
        parts["paper" if papers else "fast"].append(one)
    return parts


def same_but(config: ExperimentConfig, *varied: str) -> str:
    """All that decides a run's figures but what is varied, as text."""
    return json.dumps({k: v for k, v in identity_of(config).items() if k not in (*varied, *MORE)}, sort_keys=True)


def _groups(found: Iterable[Finding], *varied: str) -> list[list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for one in found:
        groups.setdefault(same_but(one.config, *varied), []).append(one)
    return list(groups.values())


def _own(config: ExperimentConfig) -> bool:
    """Whether the run staged an attack of its own, its target known to the defender."""
    return not config.suspect and not config.detect


@dataclass(frozen=True)
class Row:
    """One trigger of a sweep, with a run for each seed."""

    code: int
    runs: tuple[Finding, ...]

    def values(self, pick: Callable[[Finding], Iterable[Measured | None]]) -> list[Measured]:
        """What `pick` takes of each run, without what is missing."""
        return [m for one in self.runs for m in pick(one) if m is not None]


@dataclass(frozen=True)
class Sweep:
    """Runs that differ in their trigger and seed only, one row an orbit, from easy to hard triggers."""

    rows: tuple[Row, ...]

    @property
    def config(self) -> ExperimentConfig:
        return self.rows[0].runs[0].config

    @property
    def runs(self) -> list[Finding]:
        return [one for row in self.rows for one in row.runs]

    def told(self) -> str:
        """'12 of 51 triggers so far' or 'all 51 triggers'."""
        n = len(self.rows)
        return f"all {ORBITS} triggers" if n == ORBITS else f"{n} of {ORBITS} triggers so far"


def sweeps(found: Iterable[Finding]) -> list[Sweep]:
    """Every group of runs over the black-and-white triggers, the fullest on the paper's data first."""
    own = [one for one in found if _own(one.config) and one.config.code is not None and "point" in one.config.baselines]
    made = [Sweep(_rows(group)) for group in _groups(own, "trigger", "seed")]
    return sorted(made, key=_fullness)


@dataclass(frozen=True)
class Beside:
    """What is cited beside a sweep: other sweeps, and runs of the ring's kind with MANY samples."""

    sweeps: tuple[Sweep, ...] = ()
    rings: tuple[Finding, ...] = ()

    @property
    def runs(self) -> list[Finding]:
        """All runs that are cited."""
        return [*(one for sweep in self.sweeps for one in sweep.runs), *self.rings]


def beside(shown: Sweep | None, every: Sequence[Finding]) -> Beside:
    """Of each other protocol or network on the same images the fullest sweep, from FEW triggers on; and the rings."""
    if shown is None:
        return Beside()
    cited: dict[tuple[str, str], Sweep] = {_setting(shown): shown}
    for one in sweeps(every):
        if one.config.data == shown.config.data and len(one.rows) >= FEW:
            cited.setdefault(_setting(one), one)
    return Beside(tuple(cited.values())[1:], tuple(rings(every)))


def rings(found: Iterable[Finding]) -> list[Finding]:
    """Runs of the ring's kind on the paper's images with MANY samples a level, one a kind of sub-model, the paper's kind first."""
    kinds: dict[str, Finding] = {}
    for one in found:
        c = one.config
        if c.code is None or c.data != "cifar10" or c.samples < MANY or not _own(c) or not one.result.submodels:
            continue
        if triggers.orbit_of(c.code) == RING:
            kinds.setdefault(c.kind, one)
    return sorted(kinds.values(), key=lambda one: (one.config.kind != "mine", one.config.kind))


def _setting(one: Sweep) -> tuple[str, str]:
    return one.config.protocol, one.config.victim


def _fullness(one: Sweep) -> tuple[Any, ...]:
    return one.config.data != "cifar10", one.config.alpha != 0.1, -len(one.rows), -len(one.runs), one.config.victim


def _rows(group: Sequence[Finding]) -> tuple[Row, ...]:
    by_orbit: dict[int, dict[int, dict[int, Finding]]] = {}
    for one in group:
        code = one.config.code
        if code is not None:
            by_orbit.setdefault(triggers.orbit_of(code), {}).setdefault(code, {}).setdefault(one.config.seed, one)
    rows = {}
    for codes in by_orbit.values():
        code = min(codes)  # of an orbit one member is shown, its first where there is a choice
        rows[code] = Row(code, tuple(codes[code][seed] for seed in sorted(codes[code])))
    order = by_difficulty(
        {code: [point_asr(e) for one in row.runs for e in one.result.points] for code, row in rows.items()}
    )
    return tuple(rows[code] for code in order)


def point_asr(evaluation: Evaluation) -> float:
    """What a defence left of the original's ASR."""
    m = evaluation.asr.original
    return float(m.value) if m else 0.0


def by_difficulty(points: Mapping[int, Sequence[float]]) -> list[int]:
    """Codes from easy to hard: by the mean of what the point defence leaves over its seeds, as the paper sorts them."""
    return sorted(points, key=lambda code: (float(np.mean(points[code])) if len(points[code]) else 2.0, code))


def alpha_family(found: Iterable[Finding]) -> dict[float, Finding]:
    """Runs that differ in alpha only, on one attacked network; {} where no two are there."""
    best: tuple[tuple[Any, ...], dict[float, Finding]] = ((), {})
    for group in _groups([one for one in found if _own(one.config)], "alpha"):
        if len({one.config.alpha for one in group}) < 2:
            continue  # before any file is read
        members = {one.config.alpha: one for one in reversed(group) if one.result.submodels and samples(one)}
        if not members:
            continue
        first = next(iter(members.values()))
        grounds = {alpha: held["codes_pca"] for alpha, one in members.items() if (held := samples(one))}
        same = {a: one for a, one in members.items() if np.allclose(grounds[a], grounds[first.config.alpha], atol=1e-4)}
        rank = (first.config.data == "cifar10", sum(a in same for a in ALPHAS), len(same))
        if len(same) > 1 and rank > best[0]:
            best = (rank, dict(sorted(same.items())))
    return best[1]


def example(found: Sequence[Finding]) -> Finding | None:
    """The run for a figure of one trigger: alpha = 0.1 and several levels, if possible the one of Figure 3(a)."""
    family = alpha_family(found).get(0.1)
    fit = [one for one in found if _own(one.config) and one.config.alpha == 0.1 and len(one.result.submodels) > 1]

    def rank(one: Finding) -> tuple[bool, bool, int]:
        kind = -1 if one.config.code is None else triggers.orbit_of(one.config.code)
        return one.config.data != "cifar10", one is not family, {RING: 0, PATTERN: 1}.get(kind, 2)

    return next((one for one in sorted(fit, key=rank) if samples(one)), None)


def searches(found: Iterable[Finding]) -> list[Finding]:
    """Runs that searched every class, of one kind of images: the paper's where there is an attacked network."""
    all_of = [one for one in found if (one.config.detect or one.config.suspect) and is_verdict(one.result.detection)]
    cifar = [one for one in all_of if one.config.data == "cifar10"]
    chosen = "cifar10" if any(one.config.detect for one in cifar) else "signs"
    return sorted(
        (one for one in all_of if one.config.data == chosen and one.config.suspect in ("", "shipped")),
        key=lambda one: (bool(one.config.suspect), one.config.code or 0, one.config.seed),
    )


def is_verdict(value: Detection | None) -> bool:
    """Whether a search has a verdict on any class."""
    return value is not None and bool(value.classes)


# -- words
def what(config: ExperimentConfig) -> str:
    """Data, network and protocol in a few words."""
    kind = "" if config.kind == "mine" else f", sub-models of the kind {config.kind}"
    return f"{NAMES.get(config.data, config.data)}, {config.victim}, {config.protocol} protocol{kind}"


def note(found: Sequence[Finding], *more: str) -> str:
    """What a reader of a figure has to know: data, images, seeds, hardware."""
    images = sorted({one.result.before.clean_accuracy.n for one in found})
    seeds = ", ".join(map(str, sorted({one.config.seed for one in found})))
    keys = ("name", "device", "precision")
    machines = sorted(
        {", ".join(str(one.result.hardware[k]) for k in keys if one.result.hardware.get(k)) for one in found}
    )
    own = "; ".join(sorted({what(one.config) for one in found}))
    told = [
        own,
        *more,
        f"{' or '.join(f'{n:,}' for n in images)} evaluation images",
        f"seed{'s' if ',' in seeds else ''} {seeds}",
    ]
    return "; ".join(told) + f"; computed on {' and '.join(machines)}."
