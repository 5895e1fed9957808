"""The middle and right columns: what a run is doing, its scatter, the chosen triggers, curves and figures.

Redrawn each second while the run goes on, and not at all afterwards.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import address, places, stored
from dashboard.components import scatter as dots
from dashboard.components.curves import curves
from dashboard.components.sight import sight
from dashboard.serving import queue, reading, runs, visitors
from dashboard.serving.shown import ACTIVE, Shown
from dashboard.views.lab import curves as progress
from dashboard.views.lab import picture, reference_layer, selection, settings
from dashboard.views.lab.picture import COLOURS, VIEWS
from dashboard.visit import controls, reach
from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.store import Run, StoreError
from mesa_core.words import duration

PRESENT = 15.0  # seconds after its last redraw for which a visit counts
SHARE = 0.06  # seconds of each redraw that a server with many visits can afford


def show(run: Run, middle: Any, right: Any, draw_cards: Callable[[Shown], None]) -> None:
    """Both columns as fragments that a timer redraws only while something happens."""
    busy = run.state() in ACTIVE
    every = pace(visitors.may_control(run))
    awaited = bool(st.session_state.get("awaited"))

    @st.fragment(run_every=every if busy else 0.4 if awaited else None)
    def centre() -> None:
        with st.container(key="centre"):
            if not os.path.isdir(run.path):
                gone()
                return
            shown = Shown(run)
            sight(str(st.session_state.get("asked", "")), "sight")  # on a phone the picture lies far below the button
            header(shown)
            with reading.readable("The picture"):
                scatter(shown)
            about, lines = st.tabs(["Chosen triggers", "Curves"])
            waits = False
            with about, reading.readable("What is known of the chosen triggers"):
                waits = selection.panel(shown)
            with lines, reading.readable("The curves"):
                curves_of(shown)
            st.session_state.awaited = waits
            crowded = busy and not 0.5 < pace(visitors.may_control(run)) / every < 2
            if (busy and not shown.active) or (not busy and waits != awaited) or crowded:
                st.rerun()  # so that the timer stops, or starts

    @st.fragment(run_every=2 * every if busy else None)
    def side() -> None:
        with st.container(key="side"):
            draw_cards(Shown(run))

    with middle:
        centre()
    with right:
        side()


@st.cache_resource(show_spinner=False)
def visits() -> dict[str, float]:
    """When each visit was last redrawn; one for the whole server."""
    return {}


def pace(own: bool) -> float:
    """Seconds between two redraws: one, or more where many watch, so that everybody's clicks stay quick."""
    seen, now = visits(), time.monotonic()
    seen[st.session_state.setdefault("visit", secrets.token_hex(8))] = now
    for visit, last in list(seen.items()):
        if now - last > PRESENT:
            seen.pop(visit, None)
    return max(1.0, len(seen) * SHARE * (1 if own else 2))


def gone() -> None:
    """The run's folder was deleted while it was shown."""
    st.warning("This run has been deleted from the server's disk. Your settings on the left are kept; press Run.")
    if st.button("Show the prepared example", key="forget"):
        address.become({})
        st.rerun()


def header(shown: Shown) -> None:
    """Name, state, progress with time to go, and the buttons of whoever started it."""
    run, now = shown.run, shown.state
    example, own = queue.is_shipped(run), visitors.may_control(run)
    top = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    top.subheader("A prepared example" if example else "Your run" if own else "A run that you watch", anchor=False)
    with top.popover("Links", help="Addresses to hand on."):
        st.markdown("**Watch this run.** Whoever opens it sees the run move and cannot stop it.")
        st.code(reach.link(run=run.name), language=None, wrap_lines=True)
        with reading.readable("The settings"):
            st.markdown("**The controls as they stand now**, for somebody else to run.")
            st.code(reach.link(**settings.now()), language=None, wrap_lines=True)
    st.caption(f"{asked(shown)}. " + ("Computed beforehand with this program." if example else ""))
    if now == "waiting":
        place_in_queue(run)
    with reading.readable("The progress"):
        working(shown)
    if now == "failed" and (failed := shown.last(ev.Failed)):
        st.error(stored.markdown(failed.message))
    if now == "stopped" and run.control()[0] in ("pause", "step"):
        st.info("Paused for more than a minute, so this run made room for others. What was done is kept.")
    elif now == "stopped":
        st.warning("This run was stopped before its end. What was done is kept.")
    if now == "interrupted":
        st.warning(
            "This run has not ended, and nothing works on it: it was cancelled, or its process was ended. "
            "What was done is kept."
        )
    if not example and own:
        buttons(run, now)
    for note in [str(e.text) for e in shown.all(ev.Note) if "attack did not" in str(e.text)]:
        st.warning(stored.markdown(note))


def queued(run: Run) -> tuple[str, str, str] | None:
    """Of a run that waits: how many go before it, when its turn comes ('' while unknown), its place; None: at once."""
    here = queue.store()
    waiting = queue.waiting(here)
    names = [one.name for one in waiting]
    first = waiting[: names.index(run.name)] if run.name in names else []
    busy = [one for one in here.list()[:40] if one.is_running()]
    if not first and not busy:
        return None
    many = len(first) + len(busy)
    words, when = ("One run goes before yours" if many == 1 else f"{many} runs go before yours"), None
    if len(busy) == 1:
        with contextlib.suppress(*reading.UNREADABLE):
            now = reading.events(busy[0]), busy[0].config()
            when = progress.turn(now, [one.config() for one in first], typical())
    at = "" if when is None else f"Yours begins in about {duration(when)}"
    return words, at, f"place {len(first) + 1} of {max(1, len(names))}"


def place_in_queue(run: Run) -> None:
    """How many are before this run, and when its turn comes."""
    queue.wake(queue.store())
    told = queued(run)
    if told is None:
        st.info("Starting…")
        return
    words, when, place = told
    st.info(
        f"Waiting, {place} in the queue. {words}. {when or 'When yours begins is told once the pace of this computer is known'}. "
        "Visitors take turns, so nobody's second run comes before your first."
    )


def working(shown: Shown) -> None:
    """The progress bar of a run that goes on."""
    stage, events = shown.last(ev.StageBegun), shown.events
    if shown.state != "running" or stage is None:
        return
    step = events[-1] if isinstance(events[-1], ev.Progress) else None
    part = step.done / max(1, step.total) if step else 0.0
    st.progress(
        min(1.0, max(0.0, (stage.index + part) / max(1, stage.count))),
        text=f"Stage {stage.index + 1} of {stage.count}: {stored.markdown(stage.label)}",
    )
    answer, whole = progress.to_go(events, shown.config.to_dict(), typical())
    if shown.run.control()[0] in ("pause", "step"):
        st.caption("Paused.")
    elif whole is None:
        st.caption("Time to go: measuring your computer…")
    else:
        first = f"MESA's answer in about {duration(answer)}, all" if answer else "The answer is there; all"
        st.caption(f"{first} other defences in about {duration(whole)}.")


@st.cache_resource(show_spinner=False)
def typical() -> dict[str, float]:
    """Seconds of each stage of a prepared run, in their order: not how long they take here, but how they compare."""
    for one in queue.shipped():
        with contextlib.suppress(StoreError):
            result = runs.result(one)
            if result and result.timings.get("attack", 0) >= 1:  # else it was found in the store, and says nothing
                return dict(result.timings)
    return {}


def buttons(run: Run, now: str) -> None:
    """Pause, Step, Stop; or Resume."""
    if now in ACTIVE:
        paused = run.control()[0] in ("pause", "step")
        waits = now == "waiting"
        with st.container(horizontal=True, gap="small"):
            if st.button(
                "Go on" if paused else "Pause",
                key="pause",
                disabled=waits,
                help="A pause of more than a minute frees the computer for others; Resume goes on from there.",
            ) and places.done(queue.ask, run, "run" if paused else "pause"):
                st.rerun(scope="fragment")
            if st.button("Step", key="step", disabled=waits or not paused, help="On to the next picture."):
                places.done(queue.ask, run, "step")
            if st.button(
                "Cancel" if waits else "Stop", key="stop", help="Finished stages are kept; Resume goes on from there."
            ) and places.done(queue.ask, run, "stop"):
                st.rerun()
    elif (
        now in ("stopped", "interrupted", "failed")
        and st.button(
            "Resume", key="resume", help="Stages that were finished are kept; the one that was stopped begins again."
        )
        and places.done(queue.resume, run)
    ):
        st.rerun()


def asked(shown: Shown) -> str:
    """What the run was asked, in a line."""
    try:
        c = shown.config
    except StoreError:
        return "Its settings cannot be read"
    on = f"{stored.markdown(c.data)}, {stored.markdown(c.victim)}"
    if c.suspect:
        return f"{on}, a network that was brought: nobody told its trigger or its target; seed {c.seed}"
    what = triggers.describe(triggers.from_hex(c.trigger))
    kind = stored.markdown(f"{c.kind}, repaired by {c.repair_kind}" if c.two_kinds else c.kind)
    return f"{on}, trigger {what}, target class {c.target}, {kind}, α = {c.alpha:g}, seed {c.seed}"


def scatter(shown: Shown) -> None:
    """The picture, with the choice of view and colour."""
    choices = st.container(horizontal=True, gap="medium")
    said = f"PCA is a shadow of the {3 * shown.size**2} numbers of a trigger; t-SNE keeps neighbours together and bends the rest."
    if clear(shown):
        said += " A trigger with opacities lies where its look on mid-grey does."
    view = controls.segmented("View", "view", VIEWS, "pca", said, choices)
    said = "ASR: how often a trigger succeeds. β: which sub-model found it. Mode: clusters of similar triggers."
    colour = controls.segmented("Colour shows", "colour", COLOURS, next(iter(COLOURS)), said, choices)
    axes, files = shown.first(ev.Axes), picture.files_of(shown)
    layer, legend = reference_layer.control(shown, choices) if axes else (None, "")
    if axes is None:
        st.info("The picture appears once the backdoor is in: every dot will be a trigger that MESA found.")
        return
    text = (
        f"Scatter of sampled triggers, {VIEWS[view]}, coloured by {COLOURS[colour]}; {len(files)} moments. "
        "Plus, minus and 0 zoom, arrows move, n and p walk from trigger to trigger. "
        "The list below the picture chooses triggers without a pointer."
    )
    if layer:
        text += f" Behind them lie samples of the exact distribution, {'all levels' if layer.choice == reference_layer.ALL else f'β ≥ {layer.choice}'}."
    play = str(st.session_state.get("play", "")) if shown.done else ""
    dots.scatter(
        picture.block(shown, view, colour, selection.pick(shown.run), play, text, layer),
        "scatter",
        selection.selected,
    )
    if legend:
        st.caption(legend)
    if kept := about_axes(shown, axes, files, view):
        st.caption(kept)
    with st.expander("About this picture"):
        ground = ", over a chequer where it lets the image through" if clear(shown) else ""
        st.caption(
            f"Each square is one sampled trigger, drawn as itself{ground}; grey points are the {triggers.of_panel(shown.size)} "
            "black-and-white triggers, larger where they succeed. The axes never move. Click the picture and scroll, or press "
            "+ and −, to zoom."
        )


def clear(shown: Shown) -> bool:
    """Whether opacities are sampled with the colours."""
    try:
        return shown.config.cell != triggers.COLOURS
    except StoreError:
        return False


def about_axes(shown: Shown, axes: ev.Axes, files: list[tuple[str, str, int]], view: str) -> str:
    """How much of the truth the picture keeps."""
    if view == "pca" and axes.explained:
        return f"These two axes show {100 * sum(axes.explained):.0f} % of the variance of the 512, weighted by their success."
    if view == "tsne":
        file = files[-1][0] if files and shown.done else axes.file
        if file != axes.file:
            share = picture.trust(str(shown.run.path), file)
            return f"Trustworthiness {share:.2f} of 1: how far neighbours in this picture are neighbours as triggers."
        return "The trustworthiness of the map is shown once the run has ended."
    return ""


def curves_of(shown: Shown) -> None:
    """ASR and information by level, and the losses."""
    panels = progress.panels(shown.events)
    if not panels:
        st.caption("Curves appear as soon as something is trained.")
        return
    curves(panels, "curves")
    st.caption("Scroll over a clicked curve, or press + and −, to zoom; drag to move; double click or 0 to see all.")
