"""From one page to another, with what should be kept in the address."""

from __future__ import annotations

import streamlit as st

from dashboard.serving import queue
from dashboard.views.lab import settings
from mesa_core.store import Run, StoreError


def to_lab(run: Run, trigger: str) -> None:
    """Open the Lab on this run, whose data and target it takes over, with `trigger` (hex colours) in the painter."""
    _lab(run=run.name, trigger=",".join(map(settings.short, trigger.split())))


def open_run(name: str) -> None:
    """Open the Lab on the run of this name; nothing happens where there is none, the name may come from a browser."""
    try:
        run = queue.find(name)
    except StoreError:
        return
    _lab(run=run.name)


def _lab(**query: str) -> None:
    from dashboard.views.lab import page as lab  # which may call this module

    st.session_state.pop("adopted", None)  # or the Lab would keep the controls that it had
    page = st.Page(lab.page, title="Lab", url_path="lab", default=True)
    st.switch_page(page, query_params=query)
