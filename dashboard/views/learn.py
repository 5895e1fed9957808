"""Learn: the story in six short steps."""

from __future__ import annotations

import streamlit as st


def page() -> None:
    """Draw the whole page."""
    st.title("Learn", anchor=False)
