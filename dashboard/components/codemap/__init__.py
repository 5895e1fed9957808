"""The map of the 512 black-and-white triggers: each drawn as itself in a frame whose colour is its ASR.

They are known by their places in the panel of their size; of 3x3 ones a place is the code, larger ones have `codes`.
One map or two beside each other; hover or arrow keys show a trigger large, a click or Enter holds it, and the button
beside it sends `pick` with its place. New data moves and recolours what is there; nothing is drawn anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dashboard.components import register
from mesa_core import triggers
from mesa_core.measures.intervals import proportion
from mesa_core.pictures.orders import Group
from mesa_core.pictures.thumbnails import PALETTE

_HTML = """<div class="codemap">
<div class="detail"><svg class="large" viewBox="0 0 3 3" aria-hidden="true"></svg>
<div class="words"></div><button type="button" class="paint">Paint it in the Lab</button></div>
<div class="panels"></div>
<div class="scale"><span>ASR 0 %</span><span class="bar"></span><span>100 %</span><span class="legend"></span></div>
</div>"""
MOUNT = register(__file__, _HTML)


def rates(asr: np.ndarray, n: int) -> dict[str, list[float]]:
    """A map `(512,)` measured on `n` images a code, with its 95 % intervals, as the component wants it."""
    hits = np.rint(asr * n).astype(int)
    known = {int(h): proportion(int(h), n) for h in np.unique(hits)}
    return {
        "value": [round(float(v), 4) for v in asr],
        "low": [round(known[int(h)].low, 4) for h in hits],
        "high": [round(known[int(h)].high, 4) for h in hits],
    }


def codemap(
    found: Mapping[str, np.ndarray],
    n: int,
    panels: Sequence[tuple[str, str]],
    layout: Mapping[str, Any],
    looks: Mapping[float, np.ndarray],
    lit: Sequence[float],
    first: int,
    size: int,
    key: str,
    on_pick: Callable[[], None],
) -> None:
    """Mount it. `found` are maps by name, `panels` (name, title) those that are drawn, the others are told in words.

    `layout` comes from `grouped` or `placed`; `looks` counts samples by level and code, `lit` are the levels that are
    marked; `first` is the place of the one shown before any is pointed at, `size` the side of all. `on_pick` finds {place} in session_state[key]["pick"].
    """
    data = {
        "asr": {name: rates(asr, n) for name, asr in found.items()},
        "names": {"clean": "clean victim", "before": "after the attack", "after": "after MESA's repair"},
        "n": n,
        "panels": [list(panel) for panel in panels],
        "layout": dict(layout),
        "side": triggers.code_side(size),  # of what a code's bits fill
        "codes": [str(code) for code in triggers.panel_codes(size).tolist()],  # a JavaScript number has too few bits
        "family": None
        if triggers.drawn(size)
        else [triggers.orbits()[triggers.orbit_of(code)][0] for code in range(triggers.CODES)],
        "looks": [
            {"beta": f"{beta:g}", "colour": PALETTE[i % len(PALETTE)], "count": counts.tolist(), "lit": beta in lit}
            for i, (beta, counts) in enumerate(looks.items())
        ],
        "first": first,
    }
    MOUNT(key=key, data=data, on_pick_change=on_pick, height="content")


def grouped(groups: Sequence[Group], breaks: bool) -> dict[str, Any]:
    """A layout of lines; with `breaks` each group has lines of its own and its name beside them."""
    return {"groups": [{"name": name, "codes": list(places)} for name, places in groups], "breaks": breaks}


def placed(places: np.ndarray) -> dict[str, Any]:
    """A layout by places `(512, 2)`, scaled to the unit square, the second axis upwards."""
    low, high = places.min(0), places.max(0)
    unit = (places - low) / np.maximum(high - low, 1e-9)
    return {"places": [[round(float(x), 4), round(float(1 - y), 4)] for x, y in unit]}
