"""The chosen triggers: which they are, how often they work, and what they do to real images (`shared.on_images`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard import keys, stored
from dashboard.serving import reading
from dashboard.serving.shown import Shown
from dashboard.views.lab import picture
from dashboard.views.shared import on_images
from dashboard.views.shared.on_images import SHOWN
from dashboard.visit import sent
from mesa_core import events as ev
from mesa_core import opacity, triggers
from mesa_core.measures.intervals import of_drawn
from mesa_core.pictures.thumbnails import trigger_img
from mesa_core.probe import questions
from mesa_core.store import FILE, Run

MOST_ROWS = 1_000_000  # of one file
ORIGINAL, LASSO = "original", "lasso"
RATES = {"before": "before", "after": "after.mesa"}  # networks, and the run's evaluations of them


def chosen(run: Run) -> dict[str, Any]:
    """The dots that are chosen in this run: {file, rows, epoch}, where `epoch` grows with each native choice."""
    kept = st.session_state.setdefault("chosen", {"run": run.name, "file": "", "rows": [], "epoch": 0})
    if kept["run"] != run.name:
        kept |= {"run": run.name, "file": "", "rows": [], "epoch": kept["epoch"] + 1}
        st.session_state.pop("choose", None)
    return kept


def selected() -> None:
    """The scatter's callback after a lasso or a box; what makes no sense is left out."""
    kept = st.session_state.get("chosen")
    try:
        told = sent.message("scatter", "select")
        file = sent.text(sent.part(told, "file"))
        rows = sent.many(sent.part(told, "rows"), MOST_ROWS, MOST_ROWS - 1)
    except sent.Odd:
        return
    if kept is None or not FILE.fullmatch(file):
        return
    # The browser shows its own choice already, so `epoch` stays.
    st.session_state.chosen = {**kept, "file": file, "rows": rows}
    st.session_state.choose = LASSO if rows else ORIGINAL
    st.session_state.draw = 0


def pick(run: Run) -> dict[str, Any]:
    """What the scatter is told of a native choice."""
    kept = chosen(run)
    return {"epoch": kept["epoch"], "rows": kept["rows"]}


def options(shown: Shown, file: str) -> dict[str, str]:
    """What can be chosen without a pointer, with its words; only what is there."""
    found = {e.name: f"the {stored.plain(e.name, 60)} trigger" for e in shown.all(ev.Mark)}
    if file:
        known = reading.arrays(shown.run, file)
        shot = shown.last(ev.Snapshot)
        betas = shot.betas if shot else []
        levels = np.unique(known["level"]).tolist()
        found |= {f"level{i}": f"all of β = {betas[i]:g}" for i in levels if i < len(betas)}
        if "mode" in known:
            found |= {f"mode{m}": f"all of mode {m + 1}" for m in range(min(8, int(known["mode"].max(initial=-1)) + 1))}
    if rows := chosen(shown.run)["rows"]:
        found[LASSO] = f"chosen in the picture ({len(rows)})"
    return found


def panel(shown: Shown) -> bool:
    """Draw the panel; returns whether an answer is still awaited."""
    run, files = shown.run, picture.files_of(shown)
    file = files[-1][0] if files else ""
    names = options(shown, file)
    if not names:
        st.caption("Once there are triggers, choose some here, or with *Box* or *Lasso* in the picture.")
        return False
    if (wanted := keys.meant("choose", names, next(iter(names)))) != st.session_state.get("choose"):
        st.session_state.choose = wanted
    keys.said("choose", {words: name for name, words in names.items()})

    def choose() -> None:
        what, kept = keys.meant("choose", names, LASSO), chosen(run)
        if what == LASSO:  # or the list was taken from the page while the click was on its way
            return
        rows: list[int] = []
        for kind in ("level", "mode"):
            if what.startswith(kind) and what[len(kind) :].isdigit():
                rows = np.flatnonzero(reading.arrays(run, file)[kind] == int(what[len(kind) :])).tolist()
        kept |= {"file": file, "rows": rows, "epoch": kept["epoch"] + 1}
        st.session_state.draw = 0

    st.selectbox(
        "Show what these triggers do",
        list(names),
        format_func=lambda k: names.get(k, k),
        key="choose",
        on_change=choose,
        help="Or draw around dots in the picture with Box or Lasso.",
    )
    what = keys.meant("choose", names, next(iter(names)))
    marked = {e.name: e for e in shown.all(ev.Mark)}
    if what not in marked and not chosen(run)["file"]:
        choose()  # of a network that was brought nobody knows the original, so something else is first
    shape: tuple[int, ...] = ()
    if what in marked:
        mark = marked[what]
        if mark.opacity is None:
            flat, shape = questions.one_of(triggers.from_hex(mark.trigger))
        else:
            flat = np.rint(opacity.heard(mark.trigger, mark.opacity).reshape(1, -1) * 255).astype(np.uint8)
        st.html(trigger_img(mark.trigger) if shape else on_images.strip(flat, f"The {what} trigger"))
    else:
        kept = chosen(run)
        known = reading.arrays(run, kept["file"])
        rows = [row for row in kept["rows"] if row < len(known["triggers"])]
        if not rows:
            st.caption("Nothing is chosen.")
            return False
        flat = known["triggers"][rows]
        order = np.argsort(-known["asr"][rows].astype(np.float32), kind="stable")
        st.html(on_images.strip(flat[order[:SHOWN]], f"{min(SHOWN, len(rows))} of the {len(rows)} chosen triggers"))
        if len(rows) > SHOWN:
            st.caption(f"Shown: the {SHOWN} of {len(rows)} that succeed most.")
        summary(shown, kept["file"], known["asr"][rows].astype(np.float64))
    told = shown.evaluations if what == ORIGINAL else {}
    rates = {name: m for name, key in RATES.items() if key in told and (m := told[key].asr.original)}
    # What was chosen is shown at once; what is only there to begin with waits in a drawer.
    drawer = st.expander("What it does to real images") if what == ORIGINAL else st.container()
    with drawer:
        return on_images.answer(run, flat, rates, shape)


def summary(shown: Shown, file: str, asr: np.ndarray) -> None:
    """How many are chosen and their mean ASR; measured where the file holds measured samples."""
    many = f"{len(asr)} trigger{'s' * (len(asr) != 1)}"
    if file == picture.SAMPLES:
        images = shown.config.sample_images
        hits = np.arange(images)[None] < np.rint(asr * images)[:, None]
        unknown = np.arange(hits.size).reshape(hits.shape)  # which images were used is not kept: all count as different
        m = of_drawn(hits, unknown) if hits.size <= 60_000 else None
        width = f", 95 % interval {100 * m.low:.0f}–{100 * m.high:.0f} %" if m else ""
        st.markdown(f"**{many}, mean ASR {100 * asr.mean():.1f} %**{width}, each measured on {images} images.")
    else:
        st.markdown(f"**{many}, mean ASR about {100 * asr.mean():.0f} %**, each seen on two images while it moves.")
