"""Compare: runs side by side: α and β, kinds of sub-model, defences."""

from __future__ import annotations

import streamlit as st


def page() -> None:
    """Draw the whole page."""
    st.title("Compare", anchor=False)
