"""A row of small pictures of which one is chosen: triggers, or an example image of each class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent
_HTML = """<div class="picker">
<div class="choices" role="radiogroup"></div>
</div>"""
MOUNT = st.components.v2.component(
    "mesa_picker",
    html=_HTML,
    css=(HERE / "picker.css").read_text("utf-8"),
    js=(HERE / "picker.js").read_text("utf-8"),
)


def picker(
    items: Sequence[dict[str, Any]], value: str, words: str, key: str, on_pick: Callable[[], None], side: int = 34
) -> None:
    """Mount items of {id, label, trigger (nine hex colours) or image (a data address)}; `words` name the whole.

    `on_pick` finds {id} in session_state[key]["pick"].
    """
    data = {"items": list(items), "value": value, "words": words, "side": side}
    MOUNT(key=key, data=data, on_pick_change=on_pick)
