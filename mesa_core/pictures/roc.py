"""The ROC curve of a scan's verdict, beside Neural Cleanse's. Plotly is imported when it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesa_core.measures.error_rates import ErrorRates
from mesa_core.pictures.charts import GREY, plain
from mesa_core.pictures.thumbnails import PALETTE

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def draw(rates: ErrorRates) -> Figure:
    """Of clean networks called attacked (across) and of attacked ones (up), in percent, as the threshold falls."""
    import plotly.graph_objects as go

    figure = go.Figure()
    lines = (("MESA, whole plan", False, PALETTE[0], "solid"), ("Neural Cleanse, equal cost", True, PALETTE[1], "dash"))
    for name, cleanse, colour, dash in lines:
        across, up = rates.curve(cleanse)
        value, low, high = rates.areas[cleanse]
        figure.add_trace(
            go.Scatter(
                x=[100 * one for one in across], y=[100 * one for one in up], mode="lines+markers",
                name=f"{name}: area {value:.3f} ({low:.3f} to {high:.3f})",
                line={"color": colour, "dash": dash}, marker={"size": 5},
                hovertemplate=f"{name}<br>attacked %{{y:.1f}} %, clean %{{x:.1f}} %<extra></extra>",
            )
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(x=[0, 100], y=[0, 100], mode="lines", name="by chance", line={"color": GREY, "dash": "dot"})
    )
    figure.update_xaxes(title="clean networks called attacked (%)", range=[-3, 103], zeroline=False)
    figure.update_yaxes(title="attacked networks called attacked (%)", range=[-3, 103], zeroline=False)
    return plain(figure, 380, top=100)


def table(rates: ErrorRates) -> list[dict[str, Any]]:
    """A row a kind of attack, and one of clean networks: what was called attacked, by each."""
    rows: list[dict[str, Any]] = [
        {"networks": KINDS.get(one.kind, one.kind), "count": one.count, "MESA's plan": one.found, "Neural Cleanse": one.cleanse_found}
        for one in rates.kinds
    ]  # fmt: skip
    clean = rates.clean
    said = {"MESA's plan": sum(one.said for one in clean), "Neural Cleanse": sum(one.cleanse_said for one in clean)}
    return [*rows, {"networks": "clean (false alarms)", "count": len(clean), **said}]


KINDS = {
    "anywhere": "3×3 anywhere", "corner": "3×3 in a corner", "fixed": "3×3 at another fixed place", "2x2": "2×2 anywhere",
    "5x5": "5×5 anywhere", "blended": "5×5 blended, opacity 0.2", "shape": "nine cells of a 5×5 box", "all-to-all": "all-to-all, 3×3",
}  # fmt: skip
