"""Every figure and table of the paper by name, as `mesa-lab figures` writes and the page shows them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesa_core.disk.files import write_atomically
from mesa_core.paper import detection, figure1, figure3, figure4, figure5, material, verdicts
from mesa_core.paper.claims import Claim
from mesa_core.paper.judging import Answer
from mesa_core.paper.material import Finding, Sweep
from mesa_core.pictures import saving
from mesa_core.words import brief

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Drawn:
    """A figure with its caption, the table of its numbers, and its words for who cannot see it."""

    figure: Figure
    note: str
    table: Rows
    alt: str


@dataclass(frozen=True)
class Entry:
    """A figure of the paper: its title, what it needs where it cannot be drawn, and how to draw it."""

    title: str
    needs: str
    make: Callable[[Sequence[Finding], Sweep | None, str], Drawn | None]


def _figure1(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    one = material.example(found)
    drawn = figure1.draw(one) if one else None
    alt = "The original trigger beside a scatter of the triggers that MESA sampled."
    return Drawn(drawn, figure1.note(one), _levels([one]), alt) if drawn else None


def _figure3a(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    family = material.alpha_family(found)
    drawn = figure3.draw_alphas(family)
    alt = "Scatters of one sub-model's samples, a panel for each α, on the same axes."
    return Drawn(drawn, figure3.note_alphas(family), _levels(list(family.values())), alt) if drawn else None


def _figure3b(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    one = material.example(found)
    drawn = figure3.draw_betas(one) if one else None
    alt = "Scatters of a run's samples, a panel for each β, on the same axes."
    return Drawn(drawn, figure3.note_betas(one), _levels([one]), alt) if drawn else None


def _figure4(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    if sweep is None:
        return None
    alt = (
        f"For each trigger what every defence leaves of the backdoor; {sweep.told()}. The table below has the numbers."
    )
    return Drawn(figure4.draw(sweep, measure), figure4.note(sweep), figure4.table(sweep), alt)


def _figure5(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    drawn = figure5.draw(sweep) if sweep else None
    if drawn is None:
        return None
    runs = [one for _, one in figure5.chosen(sweep)]
    alt = (
        "Scatters of sampled triggers from an easy to a hard original, the original and a reversed trigger beside each."
    )
    return Drawn(drawn, figure5.note(sweep), _levels(runs), alt)


def _detection(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    searches = material.searches(found)
    drawn = detection.draw(searches)
    alt = "Mean ASR of the reversed triggers for each class, the attacked class apart; the table below has the numbers."
    return Drawn(drawn, detection.note(searches), detection.table(searches), alt) if drawn else None


FIGURES = {
    "figure4": Entry("Figure 4: all 51 triggers", "finished runs of a sweep over black-and-white triggers with the point defence", _figure4),
    "figure1b": Entry("Figure 1(b): one original, many triggers", "a run with α = 0.1 and several levels β", _figure1),
    "figure3a": Entry("Figure 3(a): α", "runs that differ in α only, on one attacked network", _figure3a),
    "figure3b": Entry("Figure 3(b): β", "a run with α = 0.1 and several levels β", _figure3b),
    "figure5": Entry("Figure 5: easy to hard", "finished runs of a sweep over black-and-white triggers with the point defence", _figure5),
    "detection": Entry("Detection over ten classes", "runs with --detect, or of mesa-lab detect", _detection),
}  # fmt: skip


def draw(key: str, found: Sequence[Finding], sweep: Sweep | None, measure: str = "original") -> Drawn | None:
    """One of FIGURES from these runs; None where they do not suffice. Figure 4 alone asks for the `measure`."""
    return FIGURES[key].make(found, sweep, measure)


def _levels(runs: Sequence[Finding]) -> Rows:
    """Sub-models as a table: a row a run and level."""
    told = []
    for one in runs:
        for entry in one.result["submodels"]:
            row: dict[str, Any] = {"code": one.config.code, "α": f"{one.config.alpha:g}", "β": f"{entry['beta']:g}"}
            row |= {"mean ASR of its samples": f"{brief(entry['mean_asr'])}, n = {entry['mean_asr']['n']}"}
            inside = entry.get("nested")
            row |= {"inside the next lower β": f"{brief(inside)}, n = {inside['n']}" if inside else "–"}
            wide = figure3.spread(one, one.level(entry["beta"]) or 0)
            row |= {
                "spread": round(wide, 3) if wide is not None else "–",
                "modes": len(entry["modes"]),
                "run": one.run.name,
            }
            told.append(row)
    return told


def claim_rows(told: Sequence[tuple[Claim, Answer]]) -> Rows:
    """Claims and answers as a table."""
    return [
        {
            "place": claim.place,
            "the paper": claim.words(),
            "we measured": answer.measured,
            "verdict": verdict(answer),
            "where we differ": answer.differs,
            "figure": claim.figure,
            "rule": claim.rule,
        }
        for claim, answer in told
    ]


def verdict(answer: Answer) -> str:
    """The verdict in words: 'agrees so far' where some of the 51 are missing."""
    later = answer.so_far and answer.verdict in ("agrees", "partly", "differs")
    return f"{answer.verdict} so far" if later else answer.verdict


def write(found: Sequence[Finding], out: Path, tell: Callable[[str], None]) -> dict[str, list[str]]:
    """Write all figures as HTML and, where it can be done, SVG and PNG, and all tables as CSV.

    `tell` is given a sentence for each. Returns the names of the files and of the figures whose runs are missing.
    """
    sweep, pictures = next(iter(material.sweeps(found)), None), saving.pictures()
    files: list[str] = []
    missing: list[str] = []

    def put(name: str, data: bytes) -> None:
        write_atomically(out / name, data)
        (out / name).chmod(0o644)
        files.append(name)

    with saving.browser() if pictures else contextlib.nullcontext():
        for key, entry in FIGURES.items():
            drawn = draw(key, found, sweep)
            if drawn is None:
                missing.append(key)
                tell(f"{entry.title}: not drawn; it needs {entry.needs}.")
                continue
            put(f"{key}.html", saving.html_of(drawn.figure, drawn.note))
            for kind in ("svg", "png") if pictures else ():
                put(f"{key}.{kind}", saving.image_of(drawn.figure, drawn.note, kind))
            put(f"{key}.csv", saving.csv_of(drawn.table))
            tell(f"{entry.title}: {drawn.note}")
    known = verdicts.evidence(found)
    put("claims.csv", saving.csv_of(claim_rows([*verdicts.answers(known), *verdicts.controls(known)])))
    if not pictures:
        tell("Only HTML and CSV were written: SVG and PNG need kaleido (pip install mesa-lab[figures]) and a Chromium.")
    return {"files": files, "missing": missing}
