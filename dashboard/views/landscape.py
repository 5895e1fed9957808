"""Landscape: all 512 black-and-white triggers of a victim, before and after the repair."""

from __future__ import annotations

import streamlit as st


def page() -> None:
    """Draw the whole page."""
    st.title("Landscape", anchor=False)
