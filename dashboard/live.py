"""The middle and right columns: what a run is doing, its scatter, and its figures; redrawn each second while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import jobs, state
from dashboard.components import scatter as dots
from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.console import duration
from mesa_core.store import Run, StoreError

MOST_FRAMES = 21
VIEWS = {"pca": "PCA", "tsne": "t-SNE"}
COLOURS = {"asr": "success (ASR)", "level": "β", "mode": "mode"}


def show(run: Run, middle: Any, right: Any, draw_cards: Callable[[Run, list[ev.Event]], None]) -> None:
    """Both columns as fragments that a timer redraws only while something happens."""
    busy = run.state() in ("running", "waiting")

    @st.fragment(run_every=1.0 if busy else None)
    def centre() -> None:
        with st.container(key="centre"):
            events, now = [event for _, event in run.events()], run.state()
            header(run, events, now)
            picture(run, events, now == "finished")
            if busy and now not in ("running", "waiting"):
                st.rerun()

    @st.fragment(run_every=2.0 if busy else None)
    def side() -> None:
        with st.container(key="side"):
            draw_cards(run, [event for _, event in run.events()])

    with middle:
        centre()
    with right:
        side()


def header(run: Run, events: list[ev.Event], now: str) -> None:
    """Name, state, progress with time to go, and the buttons of whoever started it."""
    example, own = run.name in {r.name for r in jobs.shipped()}, state.may_control(run)
    st.subheader("A prepared example" if example else "Your run" if own else "A run", anchor=False)
    st.caption(
        f"{asked(run)}. "
        + ("Computed beforehand with this program; paint and press Run for your own." if example else "")
    )
    if now == "waiting":
        ahead = [r.name for r in jobs.waiting(jobs.store())]
        place = ahead.index(run.name) if run.name in ahead else 0
        st.info("Starting…" if not place else f"Waiting; {place} before this one.")
    stage = next((e for e in reversed(events) if isinstance(e, ev.StageBegun)), None)
    if now == "running" and stage is not None:
        last = events[-1]
        step = last if isinstance(last, ev.Progress) else None
        part = step.done / max(1, step.total) if step else 0.0
        left = f" · {duration(step.left)} to go in this step" if step and step.left is not None else ""
        st.progress(
            min(1.0, (stage.index + part) / stage.count),
            text=f"Step {stage.index + 1} of {stage.count}: {stage.label}{left}",
        )
    failed = next((e for e in reversed(events) if isinstance(e, ev.Failed)), None)
    if now == "failed" and failed:
        st.error(failed.message)
    if now in ("stopped", "interrupted"):
        st.warning("This run was stopped before its end. What was done is kept.")
    if not example and own:
        buttons(run, now)
    for note in [e.text for e in events if isinstance(e, ev.Note) and "attack did not" in e.text]:
        st.warning(note)


def buttons(run: Run, now: str) -> None:
    """Pause, Step, Stop; or Resume."""
    if now in ("running", "waiting"):
        paused = run.control()[0] in ("pause", "step")
        a, b, c = st.columns(3)
        if a.button("Go on" if paused else "Pause", width="stretch", key="pause", disabled=now == "waiting"):
            jobs.ask(run, "run" if paused else "pause")
            st.rerun(scope="fragment")
        if b.button("Step", width="stretch", key="step", disabled=not paused):
            jobs.ask(run, "step")
        if c.button("Stop", width="stretch", key="stop"):
            jobs.ask(run, "stop")
            st.rerun()
    elif now in ("stopped", "interrupted", "failed") and st.button("Resume", key="resume"):
        jobs.resume(run)
        st.rerun()


def asked(run: Run) -> str:
    """What the run was asked, in a line."""
    try:
        c = run.config()
        what = triggers.describe(triggers.from_hex(c["trigger"]))
        return f"{c['data']}, {c['victim']}, trigger {what}, target class {c['target']}, α = {c['alpha']:g}, seed {c['seed']}"
    except (StoreError, KeyError, ValueError, TypeError):
        return "Its settings cannot be read"


def picture(run: Run, events: list[ev.Event], done: bool) -> None:
    """The scatter, with the choice of view and colour."""
    a, b = st.columns(2)
    view = a.segmented_control("View", list(VIEWS), format_func=VIEWS.get, default="pca", key="view", required=True)
    colour = b.segmented_control(
        "Colour shows", list(COLOURS), format_func=COLOURS.get, default="asr", key="colour", required=True
    )
    axes = next((e for e in events if isinstance(e, ev.Axes)), None)
    if axes is None:
        st.caption("The picture appears once the backdoor is in: every dot will be a trigger that MESA found.")
    shots = [e for e in events if isinstance(e, ev.Snapshot)]
    chosen = shots[-1:]
    if done and shots:
        every = -(-len(shots) // MOST_FRAMES)
        chosen = shots[::-1][::every][::-1]
    try:
        frames = [dots.frame(run.read_arrays(s.file), view, s.step) for s in chosen]
        if done and shots:
            try:
                last = dots.frame(run.read_arrays("samples.npz"), view, shots[-1].step)
                frames = [*frames, last] if colour != "mode" else [last]
            except StoreError:
                pass
        ground = dots.ground(run.read_arrays(axes.file), view) if axes else None
    except (StoreError, KeyError, ValueError):
        st.warning("A snapshot of this run cannot be read, so the picture is left out.")
        return
    marks = {
        e.name: {"name": e.name, "trigger": e.trigger, "place": getattr(e, view)}
        for e in events
        if isinstance(e, ev.Mark)
    }
    betas = list(shots[-1].betas) if shots else []
    text = f"Scatter of sampled triggers, {VIEWS[view]}, {len(frames)} moments, {len(marks)} marked triggers."
    dots.scatter(frames, ground, list(marks.values()), betas, colour, text, "scatter")
    legend = {
        "asr": "Frame colour: dark blue fails, yellow always succeeds.",
        "level": "Frame colour: " + ", ".join(f"β = {b:g}" for b in betas) + " in the order blue, orange, green.",
        "mode": "Frame colour: clusters of similar triggers (modes); grey belongs to none.",
    }[colour]
    share = (
        f" The two axes show {sum(axes.explained):.0%} of the variance."
        if axes and view == "pca" and axes.explained
        else ""
    )
    st.caption(
        f"Each square is one sampled trigger, drawn as itself. {legend}{share} Grey points: the 512 black-and-white "
        "triggers, larger where they succeed. The axes never move."
    )
