"""Curves of a toy world, one plot above another on the same x; a change of the data moves them smoothly.

The dots below are samples; the same dot stays the same dot, so one sees where the law moves its mass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dashboard.components import register

_HTML = """<div class="law">
<svg role="img" aria-label="Curves"></svg>
</div>"""
MOUNT = register(__file__, _HTML)


@dataclass(frozen=True)
class Series:
    """One curve: `values` `(n,)` at even places in [0, 1]; drawn as a line, filled, or dashed."""

    name: str
    values: np.ndarray
    tone: int = 0  # of the palette
    style: str = "line"  # line, area, dashed


@dataclass(frozen=True)
class Plot:
    """One plot: its curves, the height of its axis, and levels that are marked: (height, words)."""

    title: str
    top: float
    series: Sequence[Series]
    levels: Sequence[tuple[float, str]] = field(default_factory=tuple)


def law(plots: Sequence[Plot], dots: np.ndarray | None, text: str, key: str) -> None:
    """Mount the plots; `dots` `(m,)` are places in [0, 1]; `text` is what a screen reader says."""

    def curve(one: Series) -> dict[str, Any]:
        values = np.round(np.asarray(one.values, float), 4).tolist()
        return {"name": one.name, "values": values, "tone": one.tone, "style": one.style}

    data = {
        "plots": [
            {"title": p.title, "top": p.top, "series": [curve(s) for s in p.series], "levels": [*map(list, p.levels)]}
            for p in plots
        ],
        "dots": [] if dots is None else np.round(dots, 4).tolist(),
        "text": text,
    }
    MOUNT(key=key, data=data, height="content")
