"""What the theme's settings cannot say: a few rules of style for all pages."""

from __future__ import annotations

import streamlit as st

# Streamlit writes white on primary buttons and on chosen words; on the dark theme's light blue that is too faint.
STYLE = """<style>
[data-testid="stBaseButton-primary"]:enabled, button[kind="primary"]:enabled, [data-testid="stBaseLinkButton-primary"],
[data-testid="stMultiSelect"] span[title], [data-testid="stMultiSelect"] :has(> span[title]) { color: light-dark(#ffffff, #0b1018); }
[data-testid="stMainBlockContainer"] { padding-top: 4.5rem; padding-bottom: 3rem; }
/* A long equation breaks at its signs: as a region that scrolls it could not be reached by keyboard. */
.katex-display { overflow: visible !important; } .katex-display > .katex { white-space: normal !important; }
/* Where the keyboard is, also where Streamlit tells it by a shade only. */
[data-testid="stTopNavLink"]:focus-visible, [data-testid="stSidebarNavLink"]:focus-visible, header a:focus-visible,
[data-testid="stSelectbox"] [role="group"]:has(input:focus-visible), [data-testid="stMultiSelect"] [role="group"]:has(input:focus-visible),
[data-testid="stMain"]:focus-visible {
  outline: 3px solid var(--st-primary-color, #0b62a8); outline-offset: -2px; }
/* Choices that do not fit beside each other go on in the next line instead of out of sight. */
[data-testid="stButtonGroup"] [role="radiogroup"] { flex-wrap: wrap; overflow: visible; }
@media (max-width: 640px) { [data-testid="stHeading"] h1 { font-size: 2rem; padding-top: 0; } } /* a title of one line on a phone */
@media (max-width: 1000px) { /* the Lab's three columns one below the other, before they are too narrow for the painter */
  .st-key-lab_columns [data-testid="stColumn"]:not([data-testid="stColumn"] [data-testid="stColumn"]) { min-width: calc(100% - 1.5rem); }
}
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
