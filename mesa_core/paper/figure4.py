"""Figure 4: what every defence leaves of the backdoor, for all 51 triggers from easy to hard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mesa_core import triggers
from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.intervals import Measured
from mesa_core.paper import material
from mesa_core.paper.judging import rate
from mesa_core.paper.material import Row, Sweep
from mesa_core.pictures.charts import GREY, Evaluations, evaluations, plain
from mesa_core.pictures.thumbnails import PALETTE, trigger_uri
from mesa_core.words import brief, counted, named

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MEASURES = {
    "original": ("asr", "ASR of the original"),
    "effective": ("effective_asr", "effective ASR of the original"),
    "worst": ("asr", "ASR of the worst of 512"),
}
LEVELS = {0.5: ("triangle-up-open", -0.3), 0.8: ("square-open", -0.2), 0.9: ("diamond-open", 0.14)}
# evaluation -> symbol, colour, size, shift to the right of its column's middle, where the point defence stands
MARKS = {
    "before": ("line-ew-open", GREY, 9, 0),
    "after.mesa": ("diamond", PALETTE[0], 9, 0.26),
    "after.ideal": ("star-open", PALETTE[2], 8, 0.36),
    "after.random": ("cross-thin-open", PALETTE[4], 7, 0),
    "after.uniform": ("asterisk-open", PALETTE[3], 7, 0),
    "after.control": ("x-thin-open", GREY, 8, 0),
}
HIDDEN = {"after.uniform"}  # until it is asked for, in the legend
CROWDED = 40  # percent: where no defence leaves more than this, its marks get a panel to themselves
# the two panels, as shares of the height: what is left of the backdoor, magnified; and the whole scale above it
LOWER, UPPER = (0.0, 0.62), (0.68, 1.0)


def measured(evaluation: Evaluation, measure: str) -> Measured | None:
    """One of MEASURES of an evaluation."""
    return rate(evaluation, MEASURES[measure][0], "worst" if measure == "worst" else "original")


def draw(sweep: Sweep, measure: str = "original") -> Figure:
    """One column a trigger, its picture below it; equal columns from easy to hard by the point defence's mean."""
    import plotly.graph_objects as go

    figure, rows = go.Figure(), sweep.rows
    _points(figure, rows, measure)
    told = {id(one): evaluations(one.result) for one in sweep.runs}
    names = dict.fromkeys(name for found in told.values() for name in found)
    series = [name for name in names if name.startswith("after.beta.")]
    for name in (*series, *(n for n in MARKS if n in names)):
        if name in MARKS:
            symbol, colour, size, shift = MARKS[name]
        else:
            beta = float(name.removeprefix("after.beta."))
            (symbol, shift), colour, size = LEVELS.get(beta, ("circle-open", 0)), PALETTE[0], 7
        found = [
            (i, one, m)
            for i, row in enumerate(rows)
            for one in row.runs
            if name in told[id(one)] and (m := measured(told[id(one)][name], measure))
        ]
        figure.add_trace(
            go.Scatter(
                x=[i + shift for i, _, _ in found],
                y=[100 * m.value for _, _, m in found],
                mode="markers",
                name="MESA, mixture" if name == "after.mesa" else named(name),
                visible="legendonly" if name in HIDDEN else True,
                marker={"symbol": symbol, "color": colour, "size": size, "line": {"color": colour, "width": 1.6}},
                customdata=[[one.run.name, rows[i].code, brief(m), m.n] for i, one, m in found],
                hovertemplate=f"code %{{customdata[1]}}, {named(name)}: %{{customdata[2]}}, n = %{{customdata[3]}}<extra></extra>",
            )
        )
    top = _magnified(list(told.values()), measure)
    depth = 9 if top is None else 0.14 * top
    _pictures(figure, rows, depth)
    title = f"{MEASURES[measure][1]} (%)"
    if top is None:
        figure.update_yaxes(title=title, range=[-depth, 103], tickvals=list(range(0, 101, 20)), zeroline=False)
        return plain(figure, 500, top=104)
    _split(figure, top, depth, title)
    return plain(figure, 620, top=104)


def _magnified(told: Sequence[Evaluations], measure: str) -> float | None:
    """To which percentage the lower panel reaches, just above what any defence leaves; None: one panel is enough."""
    left = [
        100 * m.value
        for found in told
        for name, e in found.items()
        if name.startswith("after.") and name not in {"after.control", *HIDDEN} and (m := measured(e, measure))
    ]
    return max(2.0, 1.05 * max(left)) if left and max(left) <= CROWDED else None


def _split(figure: Figure, top: float, depth: float, title: str) -> None:
    """Two panels on one row of triggers: 0 to `top` below, and the rest of the scale above; a mark stands in one."""
    for trace in list(figure.data):
        high = [i for i, y in enumerate(trace.y) if y > top]
        rest = [i for i, y in enumerate(trace.y) if y <= top]
        if not rest:
            trace.yaxis = "y2"
        elif high:
            twin = {**trace.to_plotly_json(), "legendgroup": trace.name}
            trace.update(legendgroup=trace.name, **_some(twin, rest))
            figure.add_trace({**twin, **_some(twin, high), "yaxis": "y2", "showlegend": False})
    figure.update_layout(
        yaxis={"domain": LOWER, "range": [-depth, top], "zeroline": False, "title": title},
        yaxis2={"domain": UPPER, "range": [top, 103], "anchor": "x", "zeroline": False, "nticks": 6},
    )
    figure.add_annotation(
        text=f"below: 0 to {top:.0f} %, magnified", xref="paper", yref="paper", x=1, y=(LOWER[1] + UPPER[0]) / 2,
        xanchor="right", yanchor="middle", showarrow=False, font={"size": 12, "color": GREY},
    )  # fmt: skip


def _some(trace: Mapping[str, Any], kept: Sequence[int]) -> dict[str, Any]:
    """What changes of a trace when it keeps some of its points; no bar of the point defence ever crosses."""
    return {key: [trace[key][i] for i in kept] for key in ("x", "y", "customdata")}


def _points(figure: Figure, rows: Sequence[Row], measure: str) -> None:
    """The point defence: every seed a small circle, their mean a large one, a bar from the lowest to the highest."""
    import plotly.graph_objects as go

    found = [
        (i, row, [100 * m.value for m in row.values(lambda one: [measured(e, measure) for e in one.result.points])])
        for i, row in enumerate(rows)
    ]
    found = [entry for entry in found if entry[2]]
    colour = PALETTE[5]
    figure.add_trace(
        go.Scatter(
            x=[i for i, _, seeds in found for _ in seeds],
            y=[v for _, _, seeds in found for v in seeds],
            mode="markers",
            name="point defence, each seed",
            marker={"symbol": "circle-open", "color": colour, "size": 5, "opacity": 0.8},
            customdata=[[row.runs[0].run.name, row.code] for _, row, seeds in found for _ in seeds],
            hovertemplate="code %{customdata[1]}, one seed of the point defence: %{y:.1f} %<extra></extra>",
        )
    )
    means = [float(np.mean(seeds)) for _, _, seeds in found]
    figure.add_trace(
        go.Scatter(
            x=[i for i, _, _ in found],
            y=means,
            error_y={
                "type": "data", "symmetric": False, "thickness": 1.4, "width": 3,
                "array": [max(s) - m for (_, _, s), m in zip(found, means, strict=True)],
                "arrayminus": [m - min(s) for (_, _, s), m in zip(found, means, strict=True)],
            },
            mode="markers",
            name="point defence, mean and range of its seeds",
            marker={"symbol": "circle", "color": colour, "size": 8},
            customdata=[[row.runs[0].run.name, row.code, len(s)] for _, row, s in found],
            hovertemplate="code %{customdata[1]}, mean of %{customdata[2]} seeds of the point defence: %{y:.1f} %<extra></extra>",
        )
    )  # fmt: skip


def _pictures(figure: Figure, rows: Sequence[Row], depth: float) -> None:
    """The triggers as ticks in the `depth` percent below zero, each with a mark over it for the pointer."""
    import plotly.graph_objects as go

    room = {"y": -depth * 2 / 9, "sizex": 0.84, "sizey": depth * 2 / 3}
    place = {"xref": "x", "yref": "y", "xanchor": "center", "yanchor": "top", **room}
    pictures = [{"source": trigger_uri(triggers.from_code(row.code)), "x": i, **place} for i, row in enumerate(rows)]
    figure.update_layout(images=pictures)  # at once: plotly looks at all of them whenever one is added
    figure.add_trace(
        go.Scatter(
            x=list(range(len(rows))),
            y=[room["y"] - room["sizey"] / 2] * len(rows),
            mode="markers",
            opacity=0,
            showlegend=False,
            marker={"size": 16, "symbol": "square"},
            customdata=[[row.runs[0].run.name, row.code, i + 1] for i, row in enumerate(rows)],
            hovertemplate="trigger %{customdata[2]}: code %{customdata[1]}<extra></extra>",
        )
    )
    shown = list(range(len(rows))) if len(rows) <= 12 else list(range(0, len(rows), 5))
    figure.update_xaxes(
        title="from easy to hard, by the point defence", range=[-0.8, max(len(rows), 8) - 0.2],
        tickvals=shown, ticktext=[str(i + 1) for i in shown], showgrid=False, zeroline=False,
    )  # fmt: skip


def table(sweep: Sweep) -> list[dict[str, Any]]:
    """The figure in numbers: one row a trigger and seed, shares in percent with their interval and n."""
    told = []
    for i, row in enumerate(sweep.rows, 1):
        for one in row.runs:
            line: dict[str, Any] = {"ID": i, "code": row.code, "seed": one.config.seed}
            for name, e in evaluations(one.result).items():
                for measure, (_, words) in MEASURES.items():
                    m = measured(e, measure)
                    line[f"{named(name)}: {words}"] = counted(m)
                line[f"{named(name)}: clean accuracy"] = brief(e.clean_accuracy)
            told.append({**line, "run": one.run.name})
    return told


def note(sweep: Sweep) -> str:
    """Its caption."""
    seeds = sorted({len(one.result.points) for one in sweep.runs})
    many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    n = sorted({m.n for one in sweep.runs if (m := one.result.before.asr.original)})
    return material.note(
        sweep.runs,
        sweep.told(),
        f"{many} seeds of the point defence, bars from the lowest to the highest",
        f"each ASR from n = {' or '.join(f'{v:,}' for v in n)} images; intervals in the table",
    )
