"""The stage as a component: one screen on which painter, scatter, signs and numbers answer each other at once.

Two mounts: `base` brings pictures and networks, which are large and stay; `stage` brings what is played, by blocks of
`mesa_core.stage`, and sends wishes: `want`, `ask`, `run`, `stop`, `take`, `share`, `all`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from mesa_core.stage.blocks import pack
from mesa_core.stage.page import script

FOLDER = Path(__file__).parent
WISHES = ("want", "ask", "run", "stop", "take", "share", "all")
# Callable, as in `register`: it takes a callback for each wish, beside what Streamlit names.
_STAGE: Callable[..., Any] = st.components.v2.component(
    "mesa_stage",
    html='<div class="root">\n</div>',
    css=(FOLDER / "stage.css").read_text("utf-8"),
    js=script(FOLDER, "component"),
)
_BASE = st.components.v2.component(
    "mesa_stage_base", html='<div class="base">\n</div>', js=(FOLDER / "base.js").read_text("utf-8")
)


def base(block: bytes, key: str, index: Sequence[Mapping[str, Any]]) -> None:
    """Bring the pictures and networks that a stage of the same `key` asks for, and what recordings there are."""
    _BASE(key="stage_base", data=pack({"key": key, "index": list(index)}, {"block": np.frombuffer(block, np.uint8)}))


def stage(header: Mapping[str, Any], recording: bytes, file: bytes, wished: Mapping[str, Callable[[], None]]) -> None:
    """Mount the stage. `wished[WISH]` finds what was sent in session_state["stage"][WISH].

    `header` says how it is played, see `dashboard/views/stage.py`; `file` is a page to take away, b"" for none.
    """
    arrays = {"recording": np.frombuffer(recording, np.uint8), "file": np.frombuffer(file, np.uint8)}
    _STAGE(key="stage", data=pack(header, arrays), **{f"on_{wish}_change": then for wish, then in wished.items()})
