"""Section 4.3, detection: every class searched for triggers, for every trigger that was planted and on a clean network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesa_core.measures.intervals import Measured
from mesa_core.measures.verdict import Detection
from mesa_core.paper import material
from mesa_core.paper.material import Finding
from mesa_core.pictures.charts import GREY, plain
from mesa_core.pictures.thumbnails import PALETTE
from mesa_core.words import brief

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Tally:
    """What all searches say together; `true` and `other` are the mean ASR of the reversed triggers of each class."""

    true: list[Measured]  # of the class that was attacked, one a trigger
    other: list[Measured]  # of every other class, and of every class of clean networks
    wrong: int  # verdicts that name another class than the attacked one, or none, or one of a clean network
    verdicts: int


def is_clean(one: Finding) -> bool:
    """Whether the searched network carries no backdoor."""
    return bool(one.config.suspect)


def verdict_of(one: Finding) -> Detection:
    """What a search says."""
    assert one.result.detection is not None, "`material.searches` takes those that have a verdict"
    return one.result.detection


def tally(searches: Sequence[Finding]) -> Tally:
    """Count over searches (`material.searches`)."""
    true: list[Measured] = []
    other: list[Measured] = []
    wrong = 0
    for one in searches:
        verdict, target = verdict_of(one), one.config.target
        for entry in verdict.classes:
            (true if not is_clean(one) and entry.number == target else other).append(entry.asr)
        wrong += verdict.suspects != ([] if is_clean(one) else [target])
    return Tally(true, other, wrong, len(searches))


def name(one: Finding) -> str:
    """A search in a few words."""
    if is_clean(one):
        return "clean network"
    what = "nine colours" if one.config.code is None else f"code {one.config.code}"
    return f"{what}, seed {one.config.seed}"


def draw(searches: Sequence[Finding]) -> Figure | None:
    """A column a class: the attacked class, the others, and the clean network's."""
    import plotly.graph_objects as go

    if not searches:
        return None
    series = (
        ("the attacked class", PALETTE[5], "diamond", lambda one, c: not is_clean(one) and c == one.config.target),
        ("another class", PALETTE[0], "circle-open", lambda one, c: not is_clean(one) and c != one.config.target),
        ("a clean network", GREY, "x-thin-open", lambda one, c: is_clean(one)),
    )
    figure = go.Figure()
    for title, colour, symbol, belongs in series:
        found = [(one, entry) for one in searches for entry in verdict_of(one).classes if belongs(one, entry.number)]
        shift = 0.16 if title == "a clean network" else 0
        if not found:
            continue
        figure.add_trace(
            go.Scatter(
                x=[entry.number + shift for _, entry in found],
                y=[100 * entry.asr.value for _, entry in found],
                mode="markers",
                name=title,
                marker={"color": colour, "symbol": symbol, "size": 10, "line": {"color": colour, "width": 2}},
                customdata=[[name(one), entry.name, brief(entry.asr), entry.asr.n] for one, entry in found],
                hovertemplate="%{customdata[0]}, %{customdata[1]}: %{customdata[2]}, n = %{customdata[3]}<extra></extra>",
            )
        )
    verdict = verdict_of(searches[0])
    figure.add_hline(100 * verdict.threshold, line={"dash": "dash", "color": GREY, "width": 1})
    figure.update_xaxes(
        tickvals=[e.number for e in verdict.classes], ticktext=[e.name for e in verdict.classes], showgrid=False
    )
    figure.update_yaxes(title="mean ASR of the reversed triggers (%)", range=[-3, 103], zeroline=False)
    return plain(figure, 400)


def table(searches: Sequence[Finding]) -> list[dict[str, Any]]:
    """One row a search, one column a class: mean ASR with its interval; and the verdict."""
    told = []
    for one in searches:
        verdict = verdict_of(one)
        names = {entry.number: entry.name for entry in verdict.classes}
        said = ", ".join(names.get(c, str(c)) for c in verdict.suspects) or "no class"
        right = verdict.suspects == ([] if is_clean(one) else [one.config.target])
        told.append(
            {
                "network": name(one),
                "attacked": "none" if is_clean(one) else names.get(one.config.target, str(one.config.target)),
                "verdict": said,
                "right": "yes" if right else "no",
                **{entry.name: brief(entry.asr) for entry in verdict.classes},
                "run": one.run.name,
            }
        )
    return told


def note(searches: Sequence[Finding]) -> str:
    """Its caption."""
    attacked = [one for one in searches if not is_clean(one)]
    n = sorted({entry.asr.n for one in searches for entry in verdict_of(one).classes})
    c = searches[0].config
    many = len({one.config.trigger for one in attacked})
    return material.note(
        searches,
        f"{len(attacked)} attacked network{'s' * (len(attacked) != 1)} with {many} trigger{'s' * (many != 1)}, {len(searches) - len(attacked)} clean",
        f"α = {c.alpha:g}, β = {c.detect_beta:g}, n = {n[0]:,} trials a class",
        f"dashed: the threshold of {verdict_of(searches[0]).threshold:.0%}",
    )
