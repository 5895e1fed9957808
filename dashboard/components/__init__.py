"""Keyed components v2: each a folder of .py, .js and .css."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st


def register(module: str, html: str, *scripts: str) -> Callable[..., Any]:
    """What mounts the component in the folder of `module` (its `__file__`), named after that folder.

    Its style and its script bear the folder's name, too; `scripts` names others that come before it. To be called once,
    when the module is imported.
    """
    folder = Path(module).parent
    parts = [*scripts, folder.name]
    return st.components.v2.component(
        f"mesa_{folder.name}",
        html=html,
        css=(folder / f"{folder.name}.css").read_text("utf-8"),
        js="".join((folder / f"{name}.js").read_text("utf-8") for name in parts),
    )
