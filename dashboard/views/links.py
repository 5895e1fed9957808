"""From one page to another, with what should be kept in the address."""

from __future__ import annotations

import streamlit as st

from dashboard.serving import queue
from dashboard.views import listed
from dashboard.visit import reach
from mesa_core.store import Run, StoreError


def to_lab(run: Run, trigger: str) -> None:
    """Open the Lab on this run, whose data and target it takes over, with `trigger` (hex colours) in the painter."""
    _lab(run=run.name, trigger=",".join(map(reach.short, trigger.split())))


def open_run(name: str) -> None:
    """Open the Lab on the run of this name; nothing happens where there is none, the name may come from a browser."""
    try:
        run = queue.find(name)
    except StoreError:
        return
    _lab(run=run.name)


def _lab(**query: str) -> None:
    st.session_state.pop("adopted", None)  # or the Lab would keep the controls that it had
    st.switch_page(listed.page("lab"), query_params=query)
