"""The image as a map: each place coloured by how often a trigger there opens the network. Plotly is imported when drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mesa_core.pictures.charts import plain
from mesa_core.pictures.trigger_maps import frame

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def place_maps(maps: Mapping[str, np.ndarray], n: int, place: tuple[int, int] | None = None) -> Figure:
    """One panel a network: ASR `(rows, columns)` by title, of one trigger on `n` images, at each place of its top left pixel.

    `place` is ringed: row and column of where the trigger lies, or was found.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(1, len(maps), subplot_titles=list(maps), horizontal_spacing=0.03)
    for column, asr in enumerate(maps.values(), 1):
        figure.add_trace(
            go.Heatmap(
                z=100 * asr,
                coloraxis="coloraxis",
                hovertemplate=f"row %{{y}}, column %{{x}}: ASR %{{z:.0f}} %, n = {n} images<extra></extra>",
            ),
            row=1,
            col=column,
        )
        if place is not None:
            ring = {"size": 15, "color": "rgba(0,0,0,0)", "line": {"color": "#ff4d4d", "width": 2.5}}
            figure.add_trace(
                go.Scatter(
                    x=[place[1]],
                    y=[place[0]],
                    mode="markers",
                    marker=ring,
                    cliponaxis=False,
                    showlegend=False,
                    hoverinfo="skip",
                ),
                row=1,
                col=column,
            )
        rows, columns = asr.shape
        name = f"x{column}" if column > 1 else "x"  # square places, the first row on top
        figure.update_yaxes(
            range=[rows - 0.5, -0.5], scaleanchor=name, constrain="domain", constraintoward="top", row=1, col=column
        )
        figure.update_xaxes(range=[-0.5, columns - 0.5], constrain="domain", row=1, col=column)
    frame(figure)
    return plain(figure, 420, legend=False)
