"""Figure 5: the distribution of triggers for an easy, a middle and a hard original, with both references beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesa_core import triggers
from mesa_core.paper import material
from mesa_core.paper.material import RING, Finding, Sweep
from mesa_core.pictures import trigger_maps
from mesa_core.pictures.charts import plain
from mesa_core.pictures.thumbnails import trigger_uri

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

GENERATORS = {
    "mine": "generators",
    "convolutional": "convolutional generators",
    "neighbours": "generators (neighbours)",
}


def chosen(sweep: Sweep) -> list[tuple[str, Finding]]:
    """Easy, middle, hard by the point defence's mean, and the paper's ring where it is another one."""
    rows = [row for row in sweep.rows if material.samples(row.runs[0]) is not None]
    if not rows:
        return []
    places = {0: "easiest", len(rows) // 2: "middle", len(rows) - 1: "hardest"}
    if len(rows) < 3:
        places = {0: "easier", len(rows) - 1: "harder"} if len(rows) == 2 else {0: "the only one so far"}
    found = [(words, rows[i].runs[0]) for i, words in sorted(places.items())]
    ring = next((row.runs[0] for row in rows if triggers.orbit_of(row.code) == RING), None)
    if ring is not None and all(ring is not one for _, one in found):
        found.append(("the ring's kind", ring))
    return found


def panels(sweep: Sweep, rings: Sequence[Finding]) -> list[tuple[str, Finding]]:
    """Those of the sweep, then the ring's kind with as many samples as the paper's picture has, a panel a kind of sub-model."""
    many = [
        (f"{one.config.samples:,} samples of {GENERATORS.get(one.config.kind, one.config.kind)}", one) for one in rings
    ]
    return [*chosen(sweep), *many]


def draw(sweep: Sweep, rings: Sequence[Finding] = ()) -> Figure | None:
    """A line for each: on the left the original over a reversed trigger, on the right the samples by t-SNE."""
    from plotly.subplots import make_subplots

    shown = panels(sweep, rings)
    if not shown:
        return None
    lines, across = -(-len(shown) // 2), min(2, len(shown))
    titles = [title for words, one in shown for title in ("", _title(words, one))]
    figure = make_subplots(
        lines, 2 * across, column_widths=[0.1, 0.4] * across, horizontal_spacing=0.01, vertical_spacing=0.2 / lines,
        subplot_titles=titles,
    )  # fmt: skip
    for i, (_, one) in enumerate(shown):
        row, column = i // 2 + 1, 2 * (i % 2) + 1
        axis = (row - 1) * 2 * across + column
        axes = {"xref": f"x{axis}" if axis > 1 else "x", "yref": f"y{axis}" if axis > 1 else "y"}
        pictures = [("original", triggers.from_hex(one.config.trigger))]
        pictures += [("reversed", trigger) for trigger in material.point_triggers(one)[:1]]
        for (words, trigger), y in zip(pictures, (0.9, 0.45), strict=False):
            figure.add_layout_image(source=trigger_uri(trigger, 120), **axes, x=0.5, y=y, sizex=0.9, sizey=0.32, xanchor="center", yanchor="top")  # fmt: skip
            figure.add_annotation(text=words, **axes, x=0.5, y=y, showarrow=False, yanchor="bottom", font={"size": 11})
        figure.update_xaxes(range=[0, 1], visible=False, row=row, col=column)
        figure.update_yaxes(range=[0, 1], visible=False, row=row, col=column)
        held = material.samples(one)
        panel = trigger_maps.panel_of(held, _top(one), "tsne", material.valid(one)) if held else None
        if panel is not None:
            trigger_maps.draw_samples(figure, panel, row, column + 1, axis + 1, 700)
    trigger_maps.frame(figure)
    figure.for_each_annotation(
        lambda a: a.update(yshift=6, font_size=12) if a.yanchor == "bottom" and a.xref == "paper" else None
    )
    drawn = plain(figure, 110 + 420 * lines, legend=False)
    drawn.update_layout(margin_t=60)
    trigger_maps.bar_below(drawn)
    return drawn


def _top(one: Finding) -> int:
    """The place of the highest level, as in the paper's figure."""
    return len(one.config.beta) - 1


def _title(words: str, one: Finding) -> str:
    entry = one.result.submodels[-1] if one.result.submodels else None
    left = [material.point_asr(e) for e in one.result.points]
    modes = f", {len(entry.modes)} modes" if entry and len(entry.modes) != 1 else ", one mode" if entry else ""
    span = f"<br>point defence leaves {100 * min(left):.1f} to {100 * max(left):.1f} %" if left else ""
    return f"{words}: code {one.config.code}{modes}{span}"


def note(sweep: Sweep, rings: Sequence[Finding] = ()) -> str:
    """Its caption."""
    runs = [one for _, one in panels(sweep, rings)]
    c = runs[0].config
    return material.note(
        runs,
        f"t-SNE of {c.samples} samples of β = {c.beta[-1]:g}, α = {c.alpha:g}, framed in the colour of their ASR",
        f"easy and hard by rank among {sweep.told()}",
        "modes: clusters of the samples",
        "reversed: what the first seed of the point defence found",
        *(["the last panels: the ring's kind on one attacked network, a panel a kind of sub-model"] if rings else []),
    )
