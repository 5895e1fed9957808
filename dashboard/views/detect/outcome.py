"""What came of a scan: whether the repair holds, what it cost, and the healed file and the report to take home."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
import streamlit as st

from dashboard import stored
from dashboard.serving import brought, reading, runs
from dashboard.serving.brought import Brought
from dashboard.views import links
from dashboard.views.shared import on_images, report, take_away
from mesa_core.measures.intervals import Measured
from mesa_core.store import Run, StoreError
from mesa_core.store.results import Result


def draw(run: Run, one: Brought | None) -> None:
    """Below the verdict of a finished scan; `one` is the file, where it is the visitor's."""
    try:
        result = runs.result(run)
    except StoreError as error:
        st.warning(stored.markdown(error))
        return
    if result is None:
        return
    if "mesa" in result.after:
        st.subheader("Healed?", anchor=False)
        judgement(result)
        figures(result)
        if one is not None:
            on_pictures(run)
    take(run, result, one)


def judgement(result: Result) -> None:
    """Whether the repair holds, as it judges itself."""
    if result.judged is None:
        st.caption("This repair did not judge itself.")
    elif result.judged.healed:
        st.success(result.judged.words)
    else:
        st.error(result.judged.words)


def figures(result: Result) -> None:
    """Before and after, each with its interval and n."""
    before, after = result.before, result.after["mesa"]
    pairs = (
        ("Accuracy", before.clean_accuracy, after.clean_accuracy, "Share of clean images that it labels rightly; of those no part of the search or the repair saw."),
        ("Of the class that was sought", before.target_accuracy, after.target_accuracy, "The same for images of the class that looked attacked."),
        ("Triggers found (effective ASR)", before.effective_asr.sampled, after.effective_asr.sampled, "How often MESA's triggers send an image of another class there that would not go there by itself."),
    )  # fmt: skip
    # Of an all-to-all backdoor no class was sought, so that nothing is known of its images.
    known = [(name, was, now, about) for name, was, now, about in pairs if was and now and was.n]
    for column, (name, was, now, about) in zip(st.columns(len(known)), known, strict=True):
        points = 100 * (now.value - was.value)
        good: Literal["normal", "inverse"] = "normal" if name.startswith(("Accuracy", "Of the")) else "inverse"
        column.metric(name, f"{100 * now.value:.1f} %", f"{points:+.1f} points", delta_color=good, help=about)
        column.caption(f"before {interval(was)}, after {interval(now)}, n = {now.n:,}")


def on_pictures(run: Run) -> None:
    """The strongest triggers that were found, stamped on images, with the answers of both networks."""
    try:
        known = run.read_arrays("samples.npz")
        order = np.argsort(-known["asr"].astype(np.float32), kind="stable")[: on_images.SHOWN]
        flat = np.asarray(known["triggers"][order], np.uint8)
    except (StoreError, KeyError, IndexError, ValueError):
        return
    if not len(flat):
        return
    awaited = bool(st.session_state.get("outcome_awaited"))

    @st.fragment(run_every=0.6 if awaited else None)
    def asked() -> None:
        st.subheader("Its triggers on real images", anchor=False)
        st.html(on_images.strip(flat, f"The {len(flat)} triggers found that succeed most"))
        with reading.readable("What the triggers do to images"):
            waits = on_images.answer(run, flat, {})
            if waits != awaited:
                st.session_state.outcome_awaited = waits
                st.rerun()  # so that the timer starts, or stops

    asked()


def interval(measured: Measured) -> str:
    """'97.1 % (96.0–98.0)'."""
    return f"{100 * measured.value:.1f} % ({100 * measured.low:.1f}–{100 * measured.high:.1f})"


def healed_file(run: Run) -> Path | None:
    """The repaired network in the owner's form, else in ours; None where nothing was repaired."""
    folder = run.path / "weights"
    for name in (*(f"healed.{ending}" for ending in brought.ENDINGS), "repaired.safetensors"):
        if (folder / name).is_file():
            return folder / name
    return None


def take(run: Run, result: Result, one: Brought | None) -> None:
    """The downloads, and the way to the pictures."""
    row = st.container(horizontal=True, key="outcome_take")
    with row:
        path = healed_file(run) if one is not None and "mesa" in result.after else None
        if one is not None and path is not None:
            stem = re.sub(r"[^A-Za-z0-9._-]", "_", Path(one.name).stem)[:60] or "network"
            take_away.download(
                "Healed network", path.read_bytes, f"{stem}-healed{path.suffix}", "application/octet-stream", "outcome_healed",
                "In the form in which it came: the same names, number format and units.",
            )  # fmt: skip
        take_away.download(
            "Report (one page)", lambda: report.html(run).encode(), f"{run.name}.html", "text/html", "outcome_report"
        )
        if st.button("All of its triggers, in the Lab", key="outcome_lab"):
            links.open_run(run.name)
