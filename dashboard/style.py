"""What the theme's settings cannot say: a few rules of style for all pages."""

from __future__ import annotations

import streamlit as st

# Streamlit writes white on primary buttons and on chosen words; on the dark theme's light blue that is too faint.
STYLE = """<style>
[data-testid="stBaseButton-primary"]:enabled, [data-testid="stBaseLinkButton-primary"],
[data-testid="stMultiSelect"] span[title], [data-testid="stMultiSelect"] :has(> span[title]) { color: light-dark(#ffffff, #0b1018); }
[data-testid="stMainBlockContainer"] { padding-top: 4.5rem; padding-bottom: 3rem; }
</style>"""

BARE = """<style>
[data-testid="stHeader"], [data-testid="stSidebar"] { display: none; }
</style>"""


def apply() -> None:
    """Put the rules into the page; takes no room."""
    st.html(STYLE)


def without_navigation() -> None:
    """Leave out the way to other pages, for a lesson whose link hides it."""
    st.html(BARE)
