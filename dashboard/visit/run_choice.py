"""Which run a visit looks at: named in the address, chosen from a list, else the prepared one."""

from __future__ import annotations

import streamlit as st

from dashboard import address, keys
from dashboard.serving import queue, runs
from mesa_core.store import Run, StoreError


def current_run() -> Run | None:
    """The run that the URL names, else a shipped one; says so where the named one is not there."""
    returned = "adopted" in st.session_state and "c_data" not in st.session_state
    if returned and not address.names("run") and st.session_state.get("shown"):
        address.become(
            {**address.besides(()), **st.session_state.shown}
        )  # back from another page, whose address has no run
    name = address.said("run")
    shipped = queue.shipped()
    if name is not None:
        try:
            run = queue.find(name)
            st.session_state.shown = address.part(("run", "by"))
            return run
        except StoreError:
            st.session_state.pop("shown", None)
            st.warning(
                "The address names a run that is not here; it may have been deleted, or made on another computer. "
                "The prepared example is shown instead."
            )
    return shipped[0] if shipped else None


def current() -> Run | None:
    """The run of the address; where it names none, the one that the Lab showed last, else the prepared one.

    It is put into the address when the page is entered, and not again, or the back button would never get past that.
    """
    name = st.session_state.get("adopted")
    if address.names("run") or not name:
        return current_run()
    try:
        found = queue.find(name)
    except StoreError:
        return current_run()
    if keys.own("pick_run") not in st.session_state:  # Streamlit forgets a page's controls while another is shown
        address.put("run", found.name)
    return found


def run_at(parameter: str, fallback: int) -> Run | None:
    """The run that the address names under `parameter`, else the one at place `fallback` of the list."""
    options = runs.listed()
    name = address.said(parameter)
    if name is not None:
        try:
            return queue.find(name)
        except StoreError:
            st.warning(f"The address names a run ({parameter}) that is not here. Another is shown instead.")
    return options[min(fallback, len(options) - 1)] if options else None


def picker(words: str, parameter: str, run: Run | None, help: str) -> Run | None:
    """A list of all runs; the choice goes into the address under `parameter`. `run` is the one shown now."""
    known = {r.name: r for r in runs.listed()}
    if run is not None:
        known.setdefault(run.name, run)
    options = list(known)
    if not options:
        return None
    key = keys.own(f"pick_{parameter}")
    if run is not None:
        st.session_state[key] = run.name
    elif st.session_state.get(key) not in options:
        st.session_state.pop(key, None)

    def chosen() -> None:
        if name := keys.meant(key, known, None):
            address.put(parameter, name)

    labels = {name: runs.label(known[name]) for name in options}
    keys.said(key, {words: name for name, words in labels.items()})  # a label ends with the run's name and its state
    st.selectbox(words, options, format_func=lambda n: labels.get(n, n), key=key, on_change=chosen, help=help)
    return known[keys.meant(key, known, run.name if run is not None else options[0])]
