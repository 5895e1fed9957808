"""The Lab's two screens: the stage, and the researcher's view with all controls and figures.

An address without anything opens the stage. One that names a run or settings, as links did before there was a stage,
opens all controls and figures with them. `screen` in the address says it outright.
"""

from __future__ import annotations

import streamlit as st

from dashboard import address, keys
from dashboard.views.lab import settings

PARAMETER = "screen"
STAGE, ALL = "stage", "all"
HELD = "screen_now"  # in the session: the Lab's screen that was drawn last
SAID = ("run", "by", "view", "colour", "exact", *settings.SAID)  # what the researcher's view puts into the address


def now() -> str:
    """Which screen to draw; the address says it afterwards where it is not the usual one."""
    s = st.session_state
    said = address.said(PARAMETER)
    if said not in (STAGE, ALL):
        bare = not address.names(*SAID)
        # Back from another page, whose address has no room for it, or a change that brought an older address with it.
        kept = s.get(HELD, STAGE) if s.get(keys.BEFORE) not in (None, "lab") or settings.changed() else STAGE
        said = kept if bare else ALL
        if bare and said == ALL:
            address.put(PARAMETER, ALL)
    s[HELD] = said
    return said


def stay() -> None:
    """Let the address go on to mean the researcher's view once nothing else in it does."""
    if not address.names(PARAMETER, *SAID):
        address.put(PARAMETER, ALL)


def show(screen: str, run: str = "") -> None:
    """Go to a screen, with a run on it ('' for the prepared one): a callback."""
    address.become({PARAMETER: screen, **({"run": run} if run else {})})
    st.session_state.pop("adopted", None)  # or the controls would be those of the run before
    st.session_state.pop("shown", None)
