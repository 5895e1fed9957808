"""A field of triggers, each drawn as itself in a frame whose colour says how it fares; one can be chosen.

Frames are `viridis` (a share from 0 to 1) or a few named kinds. Arrow keys walk the field, Enter or a click chooses;
the component sends `pick` with the tile's number.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import numpy as np

from dashboard.components import register

_HTML = """<div class="tiles">
<canvas tabindex="0" role="img" aria-label="Triggers"></canvas>
<p class="said" aria-live="polite"></p>
</div>"""
MOUNT = register(__file__, _HTML)
KINDS = ("out", "in", "missed", "point")  # faint; reached; valid and not reached; the point itself


def tiles(
    triggers: np.ndarray,
    frames: np.ndarray | Sequence[str],
    words: Sequence[str],
    text: str,
    key: str,
    on_pick: Callable[[], None] | None = None,
    side: int = 26,
) -> None:
    """Mount the field.

    `triggers` uint8 `(n, d)`; `frames` shares `(n,)` or n of `KINDS`; `words` are said of each when it is pointed
    at; `text` describes the whole. `on_pick` finds the number in session_state[key]["pick"].
    """
    if isinstance(frames, np.ndarray):
        shares, kinds = np.round(frames, 4).tolist(), None
    else:
        shares, kinds = None, [KINDS.index(kind) for kind in frames]
    data = {
        "n": len(triggers),
        "triggers": base64.b64encode(np.ascontiguousarray(triggers, np.uint8).tobytes()).decode(),
        "shares": shares,
        "kinds": kinds,
        "words": list(words),
        "text": text,
        "side": side,
        "picks": on_pick is not None,
    }
    if on_pick is None:
        MOUNT(key=key, data=data, height="content")
    else:
        MOUNT(key=key, data=data, height="content", on_pick_change=on_pick)
