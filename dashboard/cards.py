"""Before and after: cards for the three figures that matter, and a table of all defences."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mesa_core import events as ev
from mesa_core.console import NAMES
from mesa_core.store import Run, StoreError


def interval(m: dict[str, Any] | None) -> str:
    """'1.2 % (0.8–1.9)'."""
    if m is None:
        return "–"
    return f"{100 * m['value']:.1f} % ({100 * m['low']:.1f}–{100 * m['high']:.1f})"


def evaluations(run: Run, events: list[ev.Event]) -> dict[str, dict[str, Any]]:
    """Every evaluation so far, by name; from the result where there is one."""
    found = {e.name: e.value for e in events if isinstance(e, ev.Evaluated)}
    try:
        result = run.result()
    except StoreError:
        result = None
    if result:
        found |= {k: result[k] for k in ("clean", "before") if result.get(k)}
        found |= {f"after.{k}": v for k, v in (result.get("after") or {}).items()}
    return found


def draw(run: Run, events: list[ev.Event]) -> None:
    """The right column."""
    st.subheader("3 · Before and after", anchor=False)
    found = evaluations(run, events)
    before, after = found.get("before"), found.get("after.mesa")
    if before is None:
        st.caption("Figures appear here as soon as the backdoor is in and measured.")
        return
    try:
        card(before, after, "asr", "original", "The painted trigger succeeds on", "cards_original")
        card(before, after, "asr", "worst", "The worst of all 512 black-and-white triggers", "cards_worst")
        card(before, after, "clean_accuracy", None, "Right answers on clean images", "cards_clean")
        table(found, target_known(run))
        submodels(events)
    except (KeyError, TypeError):
        st.warning("The figures of this run cannot be read.")


def card(
    before: dict[str, Any], after: dict[str, Any] | None, group: str, part: str | None, words: str, key: str
) -> None:
    """One figure before, and after MESA's repair where it is there already."""
    was = before[group][part] if part else before[group]
    now = (after[group][part] if part else after[group]) if after else None
    with st.container(border=True, key=key):
        st.markdown(f"**{words}**")
        a, b = st.columns(2)
        for column, name, m in ((a, "before", was), (b, "after MESA", now)):
            about = m and f"{interval(m)}: 95 % interval, n = {m['n']} images"
            column.metric(name, f"{100 * m['value']:.1f} %" if m else "…", help=about)
        shown = now or was
        if shown is not None:
            st.caption(f"95 % interval {interval(shown).split('(')[-1].rstrip(')')} %, n = {shown['n']}")


def target_known(run: Run) -> bool:
    """Whether the defender was told the target class, instead of finding it."""
    try:
        config = run.config()
        return not (config.get("detect") or config.get("suspect"))
    except StoreError:
        return True


def table(found: dict[str, dict[str, Any]], known: bool) -> None:
    """All victims and defences with the same repair budget."""
    rows = []
    for name, e in found.items():
        rows.append(
            {
                "": NAMES.get(name, name.removeprefix("after.")),
                "ASR": interval(e["asr"]["original"]),
                "effective": interval(e["effective_asr"]["original"]),
                "worst of 512": interval(e["asr"]["worst"]),
                "clean": interval(e["clean_accuracy"]),
                "target class": interval(e["target_accuracy"]),
            }
        )
    st.markdown("**Every defence with the same budget**")
    st.dataframe(rows, hide_index=True, width="stretch")
    told = "Target known: the defender was told the target class (step 1 taken as done)"
    found_it = "The defender found the target class himself (step 1)"
    st.caption(
        "In brackets the 95 % interval. *ASR*: share of images of other classes that go to the target class once "
        "stamped; *effective* leaves out those that go there anyway. "
        f"{told if known else found_it}; only the row marked *oracle* knows the trigger. "
        "*Control*: retrained without any trigger."
    )


def submodels(events: list[ev.Event]) -> None:
    """What was measured of each level's samples."""
    last = next((e for e in reversed(events) if isinstance(e, ev.Submodels)), None)
    if last is None:
        return
    st.markdown("**The sub-models**")
    rows = [
        {
            "β": f"{m['beta']:g}",
            "ASR of its samples": interval(m["mean_asr"]),
            "used": "yes" if m["kept"] else "skipped",
            "modes": len(m["modes"]),
            "finds of valid ≥ 0.8": interval(m["recall"]["0.8"]) if m["recall"]["0.8"] else "–",
        }
        for m in last.value
    ]
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(
        "*Finds*: of the black-and-white triggers that succeed at least 80 % of the time, the share near one of its samples (recall)."
    )
