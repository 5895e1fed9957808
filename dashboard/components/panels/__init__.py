"""Small panels, one a class: the sampled triggers as themselves, and how often they work as a bar.

The bar has the measured share with its 95 % interval, the threshold as a line, and below it the clean victim's. The
same element is filled again with every new `data`, so a running search moves in place.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dashboard.components import register

_HTML = """<div class="panels">
<ul></ul>
</div>"""
MOUNT = register(__file__, _HTML)


@dataclass(frozen=True)
class Panel:
    """One class. Shares in [0, 1]; `low` and `high` None while only an estimate is known; `clean` None if unknown."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    clean: float | None
    hot: bool
    words: str


def panels(found: Sequence[Panel], triggers: np.ndarray | None, threshold: float, key: str) -> None:
    """Mount the panels; `triggers` uint8 `(classes, samples, d)` in their order, or None while there are none."""
    inks: list[Any] = [None] * len(found)
    if triggers is not None and len(triggers) == len(found):
        inks = [base64.b64encode(np.ascontiguousarray(t, np.uint8).tobytes()).decode() for t in triggers]
    data = {
        "panels": [{**asdict(one), "triggers": ink} for one, ink in zip(found, inks, strict=True)],
        "threshold": float(threshold),
        "bytes": 0 if triggers is None else triggers.shape[2],
    }
    MOUNT(key=key, data=data, height="content")
