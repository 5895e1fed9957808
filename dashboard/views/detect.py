"""Detect: which class, if any, carries a backdoor?."""

from __future__ import annotations

import streamlit as st


def page() -> None:
    """Draw the whole page."""
    st.title("Detect", anchor=False)
