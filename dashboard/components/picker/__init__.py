"""A row of small pictures of which one is chosen: triggers, or an example image of each class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dashboard.components import register

_HTML = """<div class="picker">
<div class="choices" role="radiogroup"></div>
</div>"""
MOUNT = register(__file__, _HTML)


def picker(
    items: Sequence[dict[str, Any]], value: str, words: str, key: str, on_pick: Callable[[], None], side: int = 34
) -> None:
    """Mount items of {id, label, trigger (hex colours) or image (a data address)}; `words` name the whole.

    `on_pick` finds {id} in session_state[key]["pick"].
    """
    data = {"items": list(items), "value": value, "words": words, "side": side}
    MOUNT(key=key, data=data, on_pick_change=on_pick)
