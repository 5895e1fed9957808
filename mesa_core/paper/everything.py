"""Every figure and table of the paper by name, as `mesa-lab figures` writes and the page shows them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesa_core.disk.listed import results
from mesa_core.measures import breadth
from mesa_core.paper import detection, figure1, figure3, figure4, figure5, lottery, material, searched, verdicts
from mesa_core.paper.claims import Claim
from mesa_core.paper.judging import Answer
from mesa_core.paper.material import Finding, Sweep
from mesa_core.paper.rules import VERDICTS
from mesa_core.pictures import saving
from mesa_core.pictures.drawing import NoPicture
from mesa_core.store.shipped import shipped_lottery, shipped_searches
from mesa_core.words import counted

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LISTING = "figures.json"  # of a folder with figures: what was written there
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
    also: tuple[str, ...] = ()  # claims that it bears on, beside those that name it
    of_runs: bool = True  # whether it changes with the runs that are at hand


def _figure1(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    one = material.example(found)
    drawn = figure1.draw(one) if one else None
    if one is None or drawn is None:
        return None
    alt = "The original trigger beside a scatter of the triggers that MESA sampled."
    return Drawn(drawn, figure1.note(one), _levels([one]), alt)


def _figure3a(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    family = material.alpha_family(found)
    drawn = figure3.draw_alphas(family)
    alt = "Scatters of one sub-model's samples, a panel for each α, on the same axes."
    return Drawn(drawn, figure3.note_alphas(family), _levels(list(family.values())), alt) if drawn else None


def _figure3b(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    one = material.example(found)
    drawn = figure3.draw_betas(one) if one else None
    if one is None or drawn is None:
        return None
    alt = "Scatters of a run's samples, a panel for each β, on the same axes."
    return Drawn(drawn, figure3.note_betas(one), _levels([one]), alt)


def _figure4(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    if sweep is None:
        return None
    alt = (
        f"For each trigger what every defence leaves of the backdoor; {sweep.told()}. The table below has the numbers."
    )
    return Drawn(figure4.draw(sweep, measure), figure4.note(sweep), figure4.table(sweep), alt)


def _figure5(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    rings = material.rings(found)
    drawn = figure5.draw(sweep, rings) if sweep else None
    if sweep is None or drawn is None:
        return None
    runs = [one for _, one in figure5.panels(sweep, rings)]
    alt = (
        "Scatters of sampled triggers from an easy to a hard original, the original and a reversed trigger beside each."
    )
    return Drawn(drawn, figure5.note(sweep, rings), _levels(runs), alt)


def _detection(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    searches = material.searches(found)
    drawn = detection.draw(searches)
    alt = "Mean ASR of the reversed triggers for each class, the attacked class apart; the table below has the numbers."
    return Drawn(drawn, detection.note(searches), detection.table(searches), alt) if drawn else None


def _lottery(found: Sequence[Finding], sweep: Sweep | None, measure: str) -> Drawn | None:
    columns = lottery.read(shipped_lottery())
    drawn = lottery.draw(columns)
    alt = "What each of ten reversed triggers leaves beside MESA and the controls, while the repair, the search or the network changes; the table below has the numbers."
    return Drawn(drawn, lottery.note(columns), lottery.table(columns), alt) if drawn else None


FIGURES = {
    "figure4": Entry("Figure 4: all 51 triggers", "finished runs of a sweep over black-and-white triggers with the point defence", _figure4),
    "figure1b": Entry("Figure 1(b): one original, many triggers", "a run with α = 0.1 and several levels β", _figure1),
    "figure3a": Entry("Figure 3(a): α", "runs that differ in α only, on one attacked network", _figure3a),
    "figure3b": Entry("Figure 3(b): β", "a run with α = 0.1 and several levels β", _figure3b),
    "figure5": Entry("Figure 5: easy to hard", "finished runs of a sweep over black-and-white triggers with the point defence", _figure5),
    "detection": Entry("Detection over ten classes", "runs with --detect, or of mesa-lab detect", _detection),
    "lottery": Entry("When is one trigger a lottery?", "the measured cells that the product ships", _lottery, ("point", "worst_case"), False),
}  # fmt: skip


def draw(key: str, found: Sequence[Finding], sweep: Sweep | None, measure: str = "original") -> Drawn | None:
    """One of FIGURES from these runs; None where they do not suffice. Figure 4 alone asks for the `measure`."""
    return FIGURES[key].make(found, sweep, measure)


def _levels(runs: Sequence[Finding]) -> Rows:
    """Sub-models as a table: a row a run and level."""
    told = []
    for one in runs:
        for entry in one.levels:
            row: dict[str, Any] = {"code": one.config.code, "α": f"{one.config.alpha:g}", "β": f"{entry.beta:g}"}
            row |= {"mean ASR of its samples": counted(entry.mean_asr)}
            row |= breadth.columns(entry)
            wide = figure3.spread(one, one.level(entry.beta) or 0)
            row |= {
                "inside it by Appendix B's axes": counted(entry.nested_svd),
                "standard deviation": round(wide, 3) if wide is not None else "–",
                "modes": len(entry.modes),
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
            "verdict in the paper's terms": verdict(answer),
            "where we differ": answer.differs,
            "measured more strictly": answer.strictly,
            "stricter verdict": so_far(answer, answer.strict),
            "with another budget or network": " ".join(answer.beside),
            "figure": claim.figure,
            "rule": claim.rule,
            "stricter rule": claim.stricter,
        }
        for claim, answer in told
    ]


def verdict(answer: Answer) -> str:
    """The verdict in the paper's terms, in words: 'agrees so far' where some of the 51 are missing."""
    return so_far(answer, answer.verdict)


def so_far(answer: Answer, said: str) -> str:
    """One of an answer's verdicts in words."""
    return f"{said} so far" if answer.so_far and said in VERDICTS[:3] else said


def parts(found: Sequence[Finding]) -> list[tuple[str, Sequence[Finding]]]:
    """What is drawn and judged on its own: how its files' names begin, and its runs."""
    groups = material.of_protocol(found)
    if not groups["fast"] or not groups["paper"]:
        return [("", found)]
    return [("", groups["fast"]), ("paper-protocol-", groups["paper"])]


BEGINNINGS = ("", "paper-protocol-")  # of files' names, as `parts` gives them


def write(
    found: Sequence[Finding], out: Path, tell: Callable[[str], None], shipped: bool = True
) -> dict[str, list[str]]:
    """Write all figures as HTML and, where it can be done, SVG and PNG, and all tables as CSV; all of them or none.

    Runs by the paper's protocol have files of their own (`parts`); without `shipped` only what these runs show is drawn. `tell` is given a sentence for each. Returns the names
    of the files and of the figures whose runs are missing. Raises StoreError where a file of one of these names is in
    `out` that was not written from here.
    """
    files: list[str] = []
    missing: list[str] = []
    own = [
        *(f"{key}.{kind}" for key in FIGURES for kind in ("html", "svg", "png", "csv")),
        "submodels.csv",
        "claims.csv",
    ]
    may = [begin + name for begin in BEGINNINGS for name in own]
    with results(out, LISTING, may) as keep, contextlib.ExitStack() as stack:
        painter = stack.enter_context(saving.browser()) if saving.pictures() else None
        why = "SVG and PNG need kaleido (python -m pip install kaleido) and a Chromium"

        def put(name: str, data: bytes) -> None:
            keep(name, data)
            files.append(name)

        clean = searched.read(shipped_searches()) if shipped else []
        for begin, runs in parts(found):
            sweep = next(iter(material.sweeps(runs)), None)
            for key, entry in FIGURES.items():
                if not entry.of_runs and (begin or not shipped):
                    continue
                drawn = draw(key, runs, sweep)
                if drawn is None and not begin:
                    missing.append(key)
                    tell(f"{entry.title}: not drawn; it needs {entry.needs}.")
                if drawn is None:
                    continue
                put(f"{begin}{key}.html", saving.html_of(drawn.figure, drawn.note))
                for kind in ("svg", "png"):
                    try:
                        if painter is not None:
                            put(f"{begin}{key}.{kind}", painter.image_of(drawn.figure, drawn.note, kind))
                    except NoPicture as error:
                        painter, why = None, str(error).rstrip(".")
                put(f"{begin}{key}.csv", saving.csv_of(drawn.table))
                tell(f"{entry.title}: {drawn.note}")
            if sweep is not None:  # every run's sub-models, by which alpha and beta are judged
                put(f"{begin}submodels.csv", saving.csv_of(_levels(sweep.runs)))
            known = verdicts.evidence(runs, sweep, material.beside(sweep, found), clean)
            told = [*verdicts.answers(known), *verdicts.controls(known)]
            put(f"{begin}claims.csv", saving.csv_of(claim_rows(told)))
    files.append(LISTING)
    if painter is None:
        some = " from some point on" if any(file.endswith((".svg", ".png")) for file in files) else ""
        tell(f"Only HTML and CSV were written{some}: {why}.")
    return {"files": files, "missing": missing}
