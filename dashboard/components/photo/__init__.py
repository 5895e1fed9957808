"""A picture with a trigger that can be put anywhere on it, beside what a network answers to it.

A click, or the arrow keys, move the trigger; the component sends `place` with {row, column, seq}. Python owns the
place, as with the painter: data with an older `seq` is ignored by the browser.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import numpy as np

from dashboard.components import register
from mesa_core import triggers

_HTML = """<div class="photo">
<canvas tabindex="0" role="application" aria-label="A picture" width="320" height="320"></canvas>
<div class="answer"><p class="ask"></p><ul></ul></div>
</div>"""
MOUNT = register(__file__, _HTML)


def photo(
    picture: np.ndarray,
    trigger: np.ndarray | None,
    place: tuple[int, int],
    seq: int,
    asked: str,
    answers: Sequence[tuple[str, float, bool]],
    text: str,
    key: str,
    on_place: Callable[[], None],
) -> None:
    """Mount it. `picture` uint8 (3, 32, 32); `trigger` float (3, s, s), not-a-number where transparent, or None; `answers`
    (name, share, is target)."""

    def packed(values: np.ndarray) -> str:
        return base64.b64encode(np.ascontiguousarray(values, np.uint8).tobytes()).decode()

    data = {
        "picture": packed(picture),
        "side": int(picture.shape[-1]),
        "trigger": None if trigger is None else packed(np.rint(triggers.filled(trigger) * 255)),
        "opaque": None if trigger is None else triggers.opaque(trigger).flatten().tolist(),
        "place": [int(v) for v in place],
        "seq": seq,
        "asked": asked,
        "answers": [[name, round(float(share), 4), bool(hot)] for name, share, hot in answers],
        "text": text,
    }
    MOUNT(key=key, data=data, height="content", on_place_change=on_place)
