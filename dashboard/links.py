"""From one page to another, with what should be kept in the address."""

from __future__ import annotations

import streamlit as st

from mesa_core.store import Run, StoreError


def to_lab(run: Run, trigger: str) -> None:
    """Open the Lab on this run with `trigger` (nine hex colours) in the painter and the run's data and target kept."""
    from dashboard.views import lab  # which may call this module

    query = {"run": run.name, "trigger": trigger.replace("#", "").replace(" ", ",")}
    try:
        config = run.config()
        query |= {name: str(config[name]) for name in ("data", "target")}
    except (StoreError, KeyError):
        pass
    st.session_state.pop("adopted", None)  # or the Lab would keep the controls that it had
    st.switch_page(st.Page(lab.page, title="Lab", url_path="lab", default=True), query_params=query)
