"""Figures whose points are pictures: the 512 as a map, and sampled triggers on small planes that share their axes.

Triggers are drawn into one transparent picture a panel, with invisible marks above it for the pointer; hundreds of
single pictures would make a figure slow. Plotly is imported when a figure is first drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mesa_core import triggers
from mesa_core.pictures.charts import GREY, SCALE, plain
from mesa_core.pictures.orders import Group
from mesa_core.pictures.thumbnails import flow, plane, png_uri, viridis

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def landscape(
    maps: Mapping[str, np.ndarray],
    groups: Sequence[Group],
    n: int,
    breaks: bool = False,
    size: int = triggers.SIZE,
) -> Figure:
    """The 512 triggers of a size, each drawn as itself and framed in the colour of its ASR; `maps` `(512,)` by title."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    places, wide, high = flow(groups, 33, breaks)
    figure = make_subplots(1, len(maps), subplot_titles=list(maps), horizontal_spacing=0.03)
    flat = np.rint(triggers.panel(size).reshape(triggers.PANEL, -1) * 255).astype(np.uint8)
    shown = ~np.isnan(places[:, 0])
    bounds = (-0.6, wide - 0.4, high - 0.4, -0.6)  # downwards: the first line on top
    for column, asr in enumerate(maps.values(), 1):
        pixels = (round(36 * wide), round(36 * high))
        down = (bounds[0], bounds[1], -bounds[2], -bounds[3])
        drawn = plane(flat[shown], places[shown] * [1, -1], down, viridis(asr[shown]), pixels, 21, 6)
        _picture(figure, drawn, bounds, column)
        figure.add_trace(
            go.Scatter(
                x=places[shown, 0],
                y=places[shown, 1],
                mode="markers",
                showlegend=False,
                opacity=0,
                marker={"size": 14, "color": 100 * asr[shown], "coloraxis": "coloraxis"},
                customdata=np.stack([triggers.panel_codes(size)[shown], 100 * asr[shown]], 1),
                hovertemplate=f"code %{{customdata[0]}}: ASR %{{customdata[1]:.1f}} %, n = {n} images<extra></extra>",
            ),
            row=1,
            col=column,
        )
    figure.update_xaxes(visible=False, range=bounds[:2], constrain="domain")
    for column in range(1, len(maps) + 1):
        name = f"x{column}" if column > 1 else "x"  # square cells
        figure.update_yaxes(visible=False, range=bounds[2:], constrain="domain", scaleanchor=name, row=1, col=column)
    figure.update_layout(coloraxis={"colorscale": SCALE, "cmin": 0, "cmax": 100, "colorbar": {"title": "ASR (%)"}})
    return plain(figure, round(80 + 34 * high * (0.6 if len(maps) > 1 else 1)), legend=False)


def scatter(
    panels: Sequence[Sequence[Mapping[str, Any] | None]], columns: Sequence[str], rows: Sequence[str]
) -> Figure:
    """Small multiples of sampled triggers, each drawn as itself. `panels` by row and column; None where there is none.

    A panel is `{triggers, places, asr, bounds, ground, valid}`: uint8 `(n, d)`, `(n, 2)`, `(n,)`, `(4,)`, and the
    places `(512, 2)` and ASR `(512,)` of the black-and-white triggers, a faint ground.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(
        len(rows),
        len(columns),
        column_titles=list(columns),
        row_titles=list(rows),
        horizontal_spacing=0.02,
        vertical_spacing=0.03,
    )
    figure.update_annotations(yshift=4)
    known = next((p for line in panels for p in line if p is not None), {"bounds": (0, 1, 0, 1)})
    for r, line in enumerate(panels, 1):
        for c, panel in enumerate(line, 1):
            axis = (r - 1) * len(columns) + c
            if panel is None:
                x0, x1, y0, y1 = _square(figure, known["bounds"], r, c, axis)
                middle = {"x": (x0 + x1) / 2, "y": (y0 + y1) / 2}
                figure.add_annotation(text="not run yet", showarrow=False, **middle, row=r, col=c)
                continue
            draw_samples(figure, panel, r, c, axis, 900 if len(columns) < 3 else 600)
    frame(figure)
    return plain(figure, 70 + (310 if len(rows) > 1 else 400) * len(rows), legend=False)


def apart(
    panels: Sequence[Sequence[Mapping[str, Any] | None]], columns: Sequence[str], rows: Sequence[str]
) -> list[list[Figure]]:
    """The same panels, each a figure of its own without the bar of colours, for a page whose columns may stack."""
    found = []
    for line, row in zip(panels, rows, strict=True):
        titles = [", ".join(filter(None, (row, column))) for column in columns]
        found.append([scatter([[panel]], [title], [""]) for panel, title in zip(line, titles, strict=True)])
    for one in (figure for line in found for figure in line):
        one.update_layout(coloraxis_showscale=False, height=340, margin={"l": 4, "r": 4, "t": 44, "b": 14})
    return found


def panel_of(
    samples: Mapping[str, np.ndarray], level: int | None, view: str, valid: np.ndarray | None
) -> dict[str, Any] | None:
    """The measured samples (see `checks.samples`) of one level (None: all) as a panel; None where there are none.

    `view` is 'pca' or 'tsne'; `valid` `(512,)` is the ASR of the black-and-white triggers, where it was measured.
    """
    chosen = np.ones(len(samples["level"]), bool) if level is None else samples["level"] == level
    if not chosen.any():
        return None
    return {
        "triggers": samples["triggers"][chosen],
        "places": samples[view][chosen].astype(float),
        "asr": samples["asr"][chosen].astype(float),
        "bounds": samples[f"{view}_bounds"],
        "ground": samples[f"codes_{view}"],
        "valid": np.zeros(triggers.PANEL) if valid is None else valid,
    }


def draw_samples(figure: Figure, panel: Mapping[str, Any], row: int, column: int, axis: int, wide: int) -> None:
    """One panel of samples, `wide` pixels, into a figure with subplots; `axis` is the number of its axes."""
    import plotly.graph_objects as go

    x0, x1, y0, y1 = bounds = _square(figure, panel["bounds"], row, column, axis)
    ground, asr, places = panel["ground"], panel["asr"], panel["places"]
    dots = {"color": GREY, "opacity": 0.35, "size": 2 + 5 * panel["valid"]}
    figure.add_trace(
        go.Scatter(x=ground[:, 0], y=ground[:, 1], mode="markers", marker=dots, hoverinfo="skip", showlegend=False),
        row,
        column,
    )
    size = (wide, max(60, min(3000, round(wide * (y1 - y0) / max(x1 - x0, 1e-9)))))
    _picture(figure, plane(panel["triggers"], places, bounds, viridis(asr), size, 27), (x0, x1, y0, y1), axis)
    figure.add_trace(
        go.Scatter(
            x=places[:, 0],
            y=places[:, 1],
            mode="markers",
            opacity=0,
            showlegend=False,
            marker={"size": 12, "color": 100 * asr, "coloraxis": "coloraxis"},
            customdata=100 * asr[:, None],
            hovertemplate="sampled trigger, ASR %{customdata[0]:.0f} %<extra></extra>",
        ),
        row,
        column,
    )


def _square(figure: Figure, bounds: Sequence[float], row: int, column: int, axis: int) -> list[float]:
    """Give a panel its bounds, equal scales on both axes (or thumbnails would not be square); returns them."""
    x0, x1, y0, y1 = [float(v) for v in bounds]
    figure.update_xaxes(range=[x0, x1], constrain="domain", row=row, col=column)
    name = f"x{axis}" if axis > 1 else "x"
    figure.update_yaxes(range=[y0, y1], constrain="domain", scaleanchor=name, row=row, col=column)
    return [x0, x1, y0, y1]


def bar_below(figure: Figure) -> None:
    """Put the bar of colours right below the panels, where it takes none of their width."""
    steps = list(range(0, 101, 20))
    figure.update_layout(
        coloraxis_colorbar={
            "orientation": "h", "yref": "paper", "y": -0.02, "yanchor": "top", "ypad": 4, "thickness": 12, "len": 0.8,
            "title": {"text": ""}, "tickvals": steps, "ticktext": ["ASR 0 %", *(f"{v} %" for v in steps[1:])],
        },
        margin_b=56,
    )  # fmt: skip
    figure.update_yaxes(constraintoward="top")  # on a narrow screen panels stay below their titles


def frame(figure: Figure) -> None:
    """Panels with a frame and no ticks, and one bar for the colours of all."""
    figure.update_xaxes(
        showticklabels=False, showgrid=False, zeroline=False, showline=True, mirror=True, linecolor=GREY
    )
    figure.update_yaxes(
        showticklabels=False, showgrid=False, zeroline=False, showline=True, mirror=True, linecolor=GREY
    )
    figure.update_layout(coloraxis={"colorscale": SCALE, "cmin": 0, "cmax": 100, "colorbar": {"title": "ASR (%)"}})


def _picture(figure: Figure, pixels: np.ndarray, bounds: Sequence[float], axis: int) -> None:
    """One transparent picture over the whole of a panel."""
    x0, x1, y0, y1 = bounds
    name = "" if axis == 1 else str(axis)
    figure.add_layout_image(
        source=png_uri(pixels), xref=f"x{name}", yref=f"y{name}", x=x0, y=y1, sizex=x1 - x0, sizey=abs(y1 - y0),
        xanchor="left", yanchor="top", sizing="stretch", layer="above",
    )  # fmt: skip
