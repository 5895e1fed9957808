"""Plotly figures as pure functions of results and arrays. Plotly is imported when a figure is first drawn.

Shares are drawn in percent, with their 95 % intervals as bars. Colours are told apart by colour-blind readers and hold
on light and dark; a figure has no template of its own, so that the page and an export can give it theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mesa_core import triggers
from mesa_core.defences import DEFENCES, Mark, split
from mesa_core.measures.coverage import Levels
from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.intervals import Measured
from mesa_core.pictures.thumbnails import PALETTE, VIRIDIS, trigger_uri
from mesa_core.store.results import Result
from mesa_core.words import named

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Evaluations = Mapping[str, Evaluation]  # 'clean', 'before', 'after.mesa', ... -> an evaluation


class Covering(Protocol):
    """What has recall and precision by level: a sub-model, a result's mixture, a reference, noise."""

    @property
    def recall(self) -> Levels: ...
    @property
    def precision(self) -> Levels: ...


SCALE = [[i / (len(VIRIDIS) - 1), f"rgb{colour}"] for i, colour in enumerate(VIRIDIS)]
GREY = "#8a8a8a"
MEASURES = {
    "original": "ASR of the original trigger",
    "sampled": "ASR of the sampled triggers",
    "worst": "ASR of the worst of 512",
    "clean_accuracy": "clean accuracy",
    "target_accuracy": "accuracy on the target class",
}


def evaluations(result: Result | Mapping[str, Any]) -> dict[str, Evaluation]:
    """Every evaluation of a result by name, in the order in which it is told. Raises Damaged for JSON of another shape."""
    result = Result.read(result)
    found = {"clean": result.clean} if result.clean else {}
    found |= {"before": result.before}
    found |= {f"after.{name}": e for name, e in result.after.items()}
    found |= {f"after.beta.{name}": e for name, e in result.after_by_beta.items()}
    return {name: found[name] for name in sorted(found, key=_rank)}


def kind_of(name: str) -> str:
    """What is drawn alike: 'after.point' for 'after.point_2', 'after.beta' for 'after.beta.0.5'."""
    if name.startswith("after.beta."):
        return "after.beta"
    return f"after.{split(name.removeprefix('after.'))[0]}" if name.startswith("after.") else name


def order() -> list[str]:
    """The kinds of evaluation in the order in which they are told: MESA's levels after MESA."""
    first, *others = (f"after.{name}" for name in DEFENCES)
    return ["clean", "before", first, "after.beta", *others]


def _rank(name: str) -> tuple[int, int, str]:
    """Where an evaluation stands: its kind, then its number."""
    kinds, kind = order(), kind_of(name)
    return kinds.index(kind) if kind in kinds else len(kinds), split(name.removeprefix("after."))[1], name


def measured(evaluation: Evaluation, measure: str) -> Measured | None:
    """One figure of MEASURES."""
    found: Measured | None = getattr(evaluation if measure.endswith("accuracy") else evaluation.asr, measure)
    return found


def caption(result: Result | Mapping[str, Any], bars: bool = True) -> str:
    """Images, seed, hardware: what a figure's reader has to know; `bars` where the figure has intervals."""
    result = Result.read(result)
    n, hardware = result.before.clean_accuracy.n, result.hardware
    said = ", bars: 95 % intervals" if bars else ""
    where = ", ".join(str(hardware[k]) for k in ("name", "device", "precision") if hardware.get(k))
    size = triggers.size_of(result.config["trigger"])
    panel = f"; triggers {triggers.sized(size)}, the 512 of them drawn" if triggers.drawn(size) else ""
    return f"{n:,} evaluation images, seed {result.seed}{said}{panel}; computed on {where}."


def defences(runs: Mapping[str, Evaluations], measure: str = "original") -> Figure:
    """Every victim and defence on a line, one mark a run of `runs` (by name)."""
    import plotly.graph_objects as go

    rows = sorted({name for found in runs.values() for name in found}, key=_rank)[::-1]
    figure = go.Figure()
    for number, (run, found) in enumerate(runs.items()):
        shown = [(i, m) for i, name in enumerate(rows) if name in found and (m := measured(found[name], measure))]
        shift = 0.24 * ((len(runs) - 1) / 2 - number)
        figure.add_trace(
            go.Scatter(
                x=[100 * m.value for _, m in shown],
                y=[i + shift for i, _ in shown],
                error_x=_bars([m for _, m in shown]),
                mode="markers",
                name=run,
                marker={
                    "color": PALETTE[number % 8],
                    "size": 11,
                    "symbol": ["circle", "diamond", "square"][number % 3],
                },
                customdata=[[named(rows[i]), said(m)] for i, m in shown],
                hovertemplate="%{customdata[0]}: %{customdata[1]}<extra></extra>",
            )
        )
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=[named(n) for n in rows], range=[-0.6, len(rows) - 0.4]
    )
    figure.update_xaxes(title=f"{MEASURES[measure]} (%)", range=[-3, 103], zeroline=False)
    return plain(figure, 90 + 34 * len(rows), legend=len(runs) > 1)


def coverage(result: Result | Mapping[str, Any]) -> Figure:
    """Recall and precision by level, for each sub-model, the mixture, and uniform noise."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    result = Result.read(result)
    series: list[tuple[str, Covering, str, str]] = [
        (f"β = {one.beta:g}", one, PALETTE[i % 8], "circle") for i, one in enumerate(result.submodels)
    ]
    series.append(("mixture", result, PALETTE[3], "diamond"))
    for i, one in enumerate(result.submodels):
        if one.reference:  # the exact distribution at this level, where somebody has sampled it
            series.append((f"exact distribution, β = {one.beta:g}", one.reference, PALETTE[i % 8], "star-open"))
    if result.uniform_noise:
        series.append(("uniform noise", result.uniform_noise, GREY, "x"))
    # Larger triggers have no recall, since their 512 are drawn.
    shown = [
        what for what in ("recall", "precision") if any(any(_levels(found, what).values()) for _, found, *_ in series)
    ]
    figure = make_subplots(1, max(1, len(shown)), subplot_titles=[what.capitalize() for what in shown])
    for number, (name, found, colour, symbol) in enumerate(series):
        for column, what in enumerate(shown, 1):
            entries = [(level, m) for level, m in _levels(found, what).items() if m]
            shift = 0.13 * (number - (len(series) - 1) / 2)
            figure.add_trace(
                go.Scatter(
                    x=[_place(level, result, what) + shift for level, _ in entries],
                    y=[100 * m.value for _, m in entries],
                    error_y=_bars([m for _, m in entries]),
                    mode="markers",
                    name=name,
                    legendgroup=name,
                    showlegend=column == 1,
                    marker={"color": colour, "symbol": symbol, "size": 10},
                    customdata=[[level, said(m)] for level, m in entries],
                    hovertemplate=f"{name}, {what} at %{{customdata[0]}}: %{{customdata[1]}}<extra></extra>",
                ),
                row=1,
                col=column,
            )
    levels = list(result.precision)
    figure.update_xaxes(
        tickvals=list(range(len(levels))), ticktext=[f"ASR ≥ {v}" for v in levels], range=[-0.6, len(levels) - 0.4]
    )
    figure.update_yaxes(range=[-3, 103], zeroline=False, ticksuffix=" %")
    return plain(figure, 380, top=86)


def _levels(found: Covering, what: str) -> Levels:
    return found.recall if what == "recall" else found.precision


def _place(level: str, result: Result, what: str) -> int:
    levels = list(_levels(result, what))
    return levels.index(level) if level in levels else 0


def marks_of() -> dict[str, Mark]:
    """How each kind of evaluation is drawn in `seeds`, from the top of a line down."""
    own = {f"after.{name}": one.mark for name, one in DEFENCES.items()}
    own |= {"before": Mark("line-ns-open", None, 14), "after.beta": Mark("diamond-open", 0, 8)}
    return {kind: own[kind] for kind in order() if kind in own}


def seeds(runs: Sequence[tuple[str, str, Evaluations]], measure: str = "original") -> Figure:
    """Point against distribution: `runs` are (title, trigger in hex, evaluations); equal titles share a line.

    Lines are sorted by MESA's figure. Every point seed, level and control has a mark of its own.
    """
    import plotly.graph_objects as go

    def worth(title: str) -> float:
        found = [
            m.value
            for t, _, e in runs
            if t == title and "after.mesa" in e and (m := measured(e["after.mesa"], measure))
        ]
        return sum(found) / len(found) if found else 2.0

    titles = sorted(dict.fromkeys(t for t, _, _ in runs), key=worth, reverse=True)
    drawn = marks_of()
    marks: dict[str, list[tuple[float, str, Measured]]] = {name: [] for name in drawn}
    for title, _, found in runs:
        for name, e in found.items():
            kind, m = kind_of(name), measured(e, measure)
            if kind in drawn and m is not None:
                shift = 0.085 * ((len(drawn) - 1) / 2 - list(drawn).index(kind))
                marks[kind].append((titles.index(title) + shift, f"{title}: {named(name)}", m))
    figure = go.Figure()
    for kind, shown in marks.items():
        if not shown:
            continue
        own = drawn[kind]
        colour = GREY if own.colour is None else PALETTE[own.colour]
        figure.add_trace(
            go.Scatter(
                x=[100 * m.value for _, _, m in shown],
                y=[y for y, _, _ in shown],
                error_x=_bars([m for _, _, m in shown]) | {"thickness": 1, "width": 0},
                mode="markers",
                name="MESA, one β alone" if kind == "after.beta" else named(kind),
                marker={"symbol": own.symbol, "color": colour, "size": own.size, "line": {"color": colour, "width": 2}},
                customdata=[[words, said(m)] for _, words, m in shown],
                hovertemplate="%{customdata[0]}: %{customdata[1]}<extra></extra>",
            )
        )
    for title, trigger, _ in {t: (t, h, e) for t, h, e in runs}.values():
        figure.add_layout_image(
            source=trigger_uri(triggers.from_hex(trigger)), xref="x", yref="y", x=-2.5, y=titles.index(title),
            sizex=8, sizey=0.6, xanchor="right", yanchor="middle",
        )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(titles))),
        ticktext=[one.replace(", ", ",<br>") for one in titles],
        range=[-0.6, len(titles) - 0.4],
    )
    figure.update_xaxes(
        title=f"{MEASURES[measure]} after the repair (%)", range=[-11, 103], tickvals=list(range(0, 101, 20))
    )
    figure.update_xaxes(zeroline=False)
    return plain(figure, 130 + 84 * len(titles))


def curves(steps: Sequence[tuple[int, Mapping[str, float]]]) -> Figure:
    """How often the samples succeed while the sub-models train; `steps` are (step, metrics) of MESA's progress."""
    import plotly.graph_objects as go

    names = sorted({name for _, m in steps for name in m if name.startswith("asr_")}, key=lambda n: float(n[4:]))
    figure = go.Figure()
    for i, name in enumerate(names):
        line = [(step, 100 * m[name]) for step, m in steps if name in m]
        figure.add_trace(
            go.Scatter(
                x=[s for s, _ in line],
                y=[v for _, v in line],
                mode="lines",
                name=f"β = {name[4:]}",
                line={"color": PALETTE[i % 8]},
            )
        )
    figure.update_xaxes(title="training step of the sub-models")
    figure.update_yaxes(title="F of a training batch (%)", range=[-3, 103], zeroline=False)
    return plain(figure, 340)


def _bars(found: Sequence[Measured]) -> dict[str, Any]:
    """Interval bars for plotly, in percent."""
    up, down = [100 * (m.high - m.value) for m in found], [100 * (m.value - m.low) for m in found]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.4, "width": 4}


def said(m: Measured | Mapping[str, Any] | None) -> str:
    """'1.2 % (0.8 to 1.9), n = 1096'."""
    if m is None:
        return "–"
    m = Measured.read(m)
    return f"{100 * m.value:.1f} % ({100 * m.low:.1f} to {100 * m.high:.1f}), n = {m.n}"


def plain(figure: Figure, height: int, legend: bool = True, top: int = 62) -> Figure:
    """Size, margins and a legend above everything else; `top` pixels are kept for it."""
    figure.update_layout(
        height=height + (40 if legend else 0),
        margin={"l": 10, "r": 20, "t": top if legend else 46, "b": 10},
        showlegend=legend,
        legend={"orientation": "h", "yref": "container", "yanchor": "top", "y": 0.99, "x": 0, "xanchor": "left"},
    )
    return figure
