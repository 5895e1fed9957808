"""Figure 1(b): one original trigger, and the distribution of triggers that work like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesa_core import triggers
from mesa_core.paper import material
from mesa_core.paper.material import Finding
from mesa_core.pictures import trigger_maps
from mesa_core.pictures.charts import plain, said
from mesa_core.pictures.thumbnails import trigger_uri

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def draw(one: Finding) -> Figure | None:
    """The original on the left, all sampled triggers on the right, by PCA; None where the samples are missing."""
    from plotly.subplots import make_subplots

    found = material.samples(one)
    panel = trigger_maps.panel_of(found, None, "pca", material.valid(one)) if found else None
    if panel is None:
        return None
    figure = make_subplots(
        1, 2, column_widths=[0.22, 0.78], horizontal_spacing=0.02,
        subplot_titles=("the original", "triggers that MESA sampled"),
    )  # fmt: skip
    figure.update_annotations(yshift=8)
    figure.add_layout_image(
        source=trigger_uri(triggers.from_hex(one.config.trigger), 240), xref="x", yref="y", x=0.5, y=0.5, sizex=0.8,
        sizey=0.8, xanchor="center", yanchor="middle",
    )  # fmt: skip
    figure.add_annotation(
        text=f"ASR {said(one.result.before.asr.original).replace(', n', '<br>n').replace(' (', '<br>(')}",
        x=0.5, y=-0.02, xref="x", yref="y", showarrow=False, yanchor="top",
    )  # fmt: skip
    figure.update_xaxes(range=[0, 1], row=1, col=1)
    figure.update_yaxes(range=[-0.7, 1.2], row=1, col=1)
    trigger_maps.draw_samples(figure, panel, 1, 2, 2, 900)
    trigger_maps.frame(figure)
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(visible=False, row=1, col=1)
    drawn = plain(figure, 520, legend=False)
    trigger_maps.bar_below(drawn)
    return drawn


def note(one: Finding) -> str:
    """Its caption."""
    c = one.config
    return material.note(
        [one],
        f"{len(c.beta)} sub-models (β = {', '.join(f'{b:g}' for b in c.beta)}, α = {c.alpha:g}), {c.samples} samples each, "
        f"drawn as themselves and framed in the colour of their ASR ({c.sample_images} images a sample)",
        "grey: the 512 black-and-white triggers, larger where they work",
    )
