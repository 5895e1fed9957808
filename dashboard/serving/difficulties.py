"""How hard each kind of trigger was found to be, read once for all visitors from the shipped sweep."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.serving.reading import stamp_of
from mesa_core.paper import difficulty
from mesa_core.store import StoreError, compact
from mesa_core.store.shipped import shipped_sweep


def difficulties() -> dict[int, str]:
    """How hard the shipped sweep found each kind of trigger to be, in words, by code; {} while none is shipped."""
    folder = shipped_sweep()
    made = stamp_of(folder / compact.MANIFEST)
    return _difficulties(str(folder), made) if made else {}


@st.cache_resource(max_entries=4, show_spinner=False)
def _difficulties(folder: str, made: tuple[int, int]) -> dict[int, str]:
    try:
        return difficulty.words(compact.manifest(Path(folder)))
    except StoreError:
        return {}
