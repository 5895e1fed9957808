"""Detect: which class, if any, carries a backdoor? All classes of a victim at once, and a clean victim beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard import address, keys, places, stored
from dashboard.components.panels import Panel, panels
from dashboard.serving import queue, reading, visitors
from dashboard.views.detect import bring, outcome, trust
from dashboard.views.detect.searches import clean_search, config_of, prepared, sampled, searches, verdict_of
from dashboard.views.shared import place_maps
from dashboard.visit import run_choice
from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.config import SHIPPED, ConfigError, ExperimentConfig, make_config, params
from mesa_core.config.placing import covers
from mesa_core.data.sources import SOURCES, classes_of
from mesa_core.measures.conclusion import CANNOT, conclusion, coverage
from mesa_core.measures.mapped import BEST
from mesa_core.measures.verdict import USUAL, Detection, limit
from mesa_core.store import Run, StoreError
from mesa_core.store.error_rates import worth
from mesa_core.store.shipped import shipped_weights
from mesa_core.words import duration

MOST_SAID = 3  # attacked classes of which each is told in a sentence of its own


@keys.page("detect")
def page() -> None:
    """Draw the whole page."""
    queue.wake(queue.store())
    st.title("Detect", anchor=False)
    with st.container(width=820, key="detect_words"):
        st.markdown(
            "A defender who is handed a network does not know whether it was attacked, nor which class is the target. So MESA "
            "searches **every** class for small triggers that send most images to it. A clean network has none; a network with "
            "a backdoor has them for the **target class**, and there the bar rises."
        )
    bring.zone()
    current = run_choice.current_run()  # once: it says so where the address names a run that is not here
    run, example = chosen(current)
    if run is None:
        st.info("There is no search to show yet. Start one below.")
    elif run.state() in ("waiting", "running"):
        live(run)
    else:
        finished(run, example)
        if bring.is_brought(run):
            outcome.draw(run, bring.whose(run))
    start(current)


def chosen(run: Run | None) -> tuple[Run | None, bool]:
    """The run to show, and whether it is the prepared example: `run`, the address's, if it searches classes."""
    if run is not None and searches(config_of(run)):
        return run, False
    example = prepared("ring")
    return example, example is not None


def finished(run: Run, example: bool) -> None:
    """The panels of a search that has ended, its verdict in words, and a threshold to play with."""
    config, verdict = config_of(run), verdict_of(run)
    if verdict is None or config is None:
        trouble(run)
        return
    st.subheader("A prepared example" if example else "This search", anchor=False)
    st.caption(subject(config) + (" Computed beforehand with this program." if example else ""))
    threshold = st.slider(
        "Threshold: from which mean effective ASR on a class is called attacked", 0.0, 1.0, verdict.threshold, 0.05,
        key=f"threshold_{run.name}",
        help="Lower: more sensitive, more false alarms. Higher: calmer, and a weak backdoor may slip through. "
        f"The search itself used {100 * verdict.threshold:.0f} %; moving this changes what is shown, not the run.",
    )  # fmt: skip
    threshold = threshold if 0 <= threshold <= 1 else verdict.threshold  # a browser may send anything
    say(verdict, config, threshold)
    covered(verdict, config)
    clean = None if config.suspect == SHIPPED else clean_search(config)
    by_class = {one.number: one.rate.value for one in clean.classes} if clean else {}
    hot = {one.number for one in verdict.attacked(threshold)}
    found = [
        Panel(
            f"{one.number} · {stored.plain(one.name)}", one.rate.value, one.rate.low, one.rate.high, one.rate.n,
            by_class.get(one.number), one.number in hot,
            "looks attacked" if one.number in hot else "nothing found",
        )
        for one in verdict.classes
    ]  # fmt: skip
    panels(found, sampled(run, "detect.npz", len(found)), threshold, "detect_panels")
    st.caption(
        "Each panel: triggers that MESA sampled for that class, and the share of images that they send there and that would not go there by themselves (mean effective ASR, thick bar, "
        "with its 95 % interval). Dashed: the threshold. "
        + (
            ""
            if all(one.hot for one in found)
            else "Where it says *nothing found*, the triggers drawn are the best that the search came to there, and as the bar "
            "shows they do not do what was sought. "
        )
        + (
            "Thin grey bar: the same search on a clean victim."
            if clean
            else "This *is* the clean victim."
            if config.suspect == SHIPPED
            else "No search on a clean victim of this kind is here yet"
            + ("." if brought(config) else "; start one below to compare.")
        )
    )
    table(verdict, by_class)
    place_maps.section(run, (BEST,), "detect_places")
    trust.section()


def say(verdict: Detection, config: ExperimentConfig, threshold: float) -> None:
    """The verdict in words, at the threshold that is set."""
    told = stored.markdown(conclusion(verdict, covers(config), threshold, worth(config)))
    above = verdict.attacked(threshold)
    if not above and verdict.astray is None:
        st.success(f"**No class looks attacked.** {told}")
        return
    if not above:
        st.warning(f"**Every class looks attacked, one by one.** {told}")
        return
    named = ", ".join(f"*{stored.markdown(one.name)}*" for one in above)
    oracle = ""
    if not config.suspect:
        true = config.target
        name = next((one.name for one in verdict.classes if one.number == true), str(true))
        right = [one.number for one in above] == [true]
        oracle = f" (Oracle: the attacker's target is *{stored.markdown(name)}*, so this is {'right' if right else 'not right'}.)"
    st.warning(
        f"**{len(above)} of {len(verdict.classes)} classes look{'s' * (len(above) == 1)} attacked: {named}.** "
        f"{told if len(above) <= MOST_SAID else ''}{oracle}"
    )


def covered(verdict: Detection, config: ExperimentConfig) -> None:
    """What the search looked at, since a verdict says nothing of the rest; and where the target's triggers work."""
    if verdict.place is not None:
        place = verdict.place
        st.markdown(
            f"They work at **row {place.row}, column {place.column}** of the image, counted from the top left pixel: "
            f"{100 * place.effective_asr.value:.1f} % there, {100 * place.elsewhere:.1f} % at the median place."
        )
    more = "".join(f" {part.words}" for part in (verdict.places, verdict.sizes) if part is not None)
    st.caption(stored.markdown(f"{coverage(verdict, covers(config))}{more} {CANNOT}"))


def subject(config: ExperimentConfig | None) -> str:
    """What was examined, in a sentence."""
    if config is None:
        return ""
    size, on = (
        config.size,
        f"{stored.markdown(config.victim)} on {stored.markdown(config.data)}",
    )
    searched = f", searched for {triggers.sized(size)} triggers" if size != triggers.SIZE else ""
    if config.suspect == SHIPPED:
        return f"The shipped clean victim ({on}){searched}."
    if brought(config):
        return f"A network that was brought ({on}){searched}."
    what = triggers.describe(triggers.from_hex(config.trigger))
    return f"{on}, attacked with {what}."


def table(verdict: Detection, clean: dict[int, float]) -> None:
    """The same in figures."""
    with st.expander("The figures as a table"):
        rows = [
            {
                "class": one.number,
                "name": stored.plain(one.name),
                "mean effective ASR": one.rate.value,
                "95 % from": one.rate.low,
                "to": one.rate.high,
                "n": one.rate.n,
                "clean victim": clean.get(one.number),
            }
            for one in verdict.classes
        ]
        share = st.column_config.NumberColumn(format="percent")
        st.dataframe(
            rows, hide_index=True, width="stretch",
            column_config=dict.fromkeys(("mean effective ASR", "95 % from", "to", "clean victim"), share),
        )  # fmt: skip


def trouble(run: Run) -> None:
    """A search without a verdict: failed, stopped, damaged."""
    failed = next((e for e in reading.events(run) if isinstance(e, ev.Failed)), None)
    now = run.state()
    if failed is not None and now == "failed":
        st.error(f"This search ended with an error. {stored.markdown(failed.message)}")
    elif now in ("stopped", "interrupted"):
        st.warning("This search was stopped before its verdict. Start it again below; what was done is found again.")
    elif (config := config_of(run)) and config.detect and now == "finished":
        st.warning("There is no verdict: the attack did not take in this run, so nothing was searched.")
    else:
        st.warning("The verdict of this run cannot be read; it may be damaged.")


def live(run: Run) -> None:
    """The panels while the search runs, once a second."""

    @st.fragment(run_every=1.0)
    def watch() -> None:
        events, now = reading.events(run), run.state()
        if now not in ("waiting", "running") or detected(events):
            st.rerun()
        st.subheader("Searching", anchor=False)
        st.caption(subject(config_of(run)))
        progress(run, events, now)
        last = next(
            (e.metrics for e in reversed(events) if isinstance(e, ev.Progress) and "class_asr_0" in e.metrics), {}
        )
        known = known_classes(run)
        count = len(known) or sum(name.startswith("class_asr_") for name in last)
        values = [last.get(f"class_asr_{i}") for i in range(count)]
        threshold = threshold_of(run)
        found = [
            Panel(f"{i} · {name}", value, None, None, 0, None, bool(value and value > threshold), "searching" if last else "waiting")
            for i, (name, value) in enumerate(zip(class_names(known, count), values, strict=True))
        ]  # fmt: skip
        panels(found, sampled(run, "detect-live.npz", len(found)), threshold, "detect_panels")
        st.caption(
            "While it runs, a bar shows F, the network's mean answer for the class, over the last batch; it is measured at the end."
        )
        place_maps.live(run)
        if (
            visitors.may_control(run)
            and st.button("Stop", key="detect_stop", help="Ends the search; it can be started again.")
            and places.done(queue.ask, run, "stop")
        ):
            st.rerun()

    if not detected(reading.events(run)):
        watch()
        return
    st.info("The search is done; the rest of the run (repair and measures) goes on. Intervals come with its end.")
    after_search(run)


def detected(events: list[ev.Event]) -> bool:
    """Whether the search's own stage is over."""
    return any(isinstance(e, ev.StageDone) and e.stage == "detect" for e in events)


def after_search(run: Run) -> None:
    """The search is over and the run is not: what was measured is in its files already."""

    @st.fragment(run_every=2.0)
    def watch() -> None:
        events, now = reading.events(run), run.state()
        if now not in ("waiting", "running"):
            st.rerun()
        progress(run, events, now)
        try:
            arrays = run.read_arrays("detect.npz")
            share = arrays["hits"] / np.maximum(1, arrays["images"])
            known = known_classes(run)
        except (StoreError, KeyError, TypeError):
            return
        threshold = threshold_of(run)
        found = [
            Panel(f"{i} · {name}", float(v), None, None, 0, None, bool(v > threshold), "looks attacked" if v > threshold else "nothing found")
            for i, (name, v) in enumerate(zip(class_names(known, len(share)), share, strict=True))
        ]  # fmt: skip
        panels(found, sampled(run, "detect.npz", len(found)), threshold, "detect_panels")

    watch()


def progress(run: Run, events: list[ev.Event], now: str) -> None:
    """Where the run is, in a line."""
    if now == "waiting":
        ahead = [r.name for r in queue.waiting(queue.store())]
        place = ahead.index(run.name) if run.name in ahead else 0
        st.info("Starting…" if not place else f"Waiting; {place} before this one.")
        return
    stage = next((e for e in reversed(events) if isinstance(e, ev.StageBegun)), None)
    step = next((e for e in reversed(events) if isinstance(e, ev.Progress)), None)
    if stage is None:
        st.info("Starting…")
        return
    left = ""
    if step is not None and step.stage == stage.stage and step.left is not None:
        left = f", {duration(step.left)} to go in this step"
    st.info(f"Step {stage.index + 1} of {stage.count}: {stored.markdown(stage.label)}{left}")


def known_classes(run: Run) -> tuple[str, ...]:
    """The classes of a run's images, empty where only the images tell."""
    config = config_of(run)
    return classes_of(config.data) if config else ()


def threshold_of(run: Run) -> float:
    """From which mean effective ASR on the run itself calls a class attacked."""
    config = config_of(run) or make_config()
    return limit(config.detect_threshold, config.size, config.image_size or USUAL)


def class_names(known: Sequence[str], count: int) -> list[str]:
    """Names of `count` classes, as numbers where they are not known before the images are read."""
    return [stored.plain(known[i]) if i < len(known) else f"class {i}" for i in range(count)]


def brought(config: ExperimentConfig) -> bool:
    """Whether somebody brought the network that was searched, so that there is no attack to repeat."""
    return config.suspect not in ("", SHIPPED)


def start(run: Run | None) -> None:
    """Buttons that queue a search of the current victim, or of a clean one."""
    config = config_of(run)
    named = run is not None and address.said("run") == run.name
    whose = "of the run in the address" if named else "of the prepared example"
    if config is None or brought(config) or SOURCES[config.data].needs_directory:  # which nobody names on a page
        config, whose = make_config(data="signs"), "that the Lab begins with on the road signs"
    with st.container(border=True, key="detect_start"):
        st.markdown("**Search a victim yourself**")
        st.caption(f"With the settings {whose}: {subject(dataclasses.replace(config, suspect=''))}")
        with st.container(horizontal=True):
            st.button(
                "Search every class", type="primary", key="detect_run", on_click=begin, args=({**config.to_dict(), "suspect": "", "weights": "", "detect": True},),
                help=params()["detect"].help + " The attack of a run that is here already is not repeated.",
            )  # fmt: skip
            there = shipped_weights(config.data, config.victim) is not None
            st.button(
                "Search a clean victim", key="detect_clean", on_click=begin, disabled=not there,
                args=({**config.to_dict(), "suspect": SHIPPED, "weights": "", "detect": False},),
                help="The same search on the shipped network that was never attacked, to compare with."
                if there else "No clean weights are shipped for this victim.",
            )  # fmt: skip
        if problem := st.session_state.pop("detect_problem", ""):
            st.error(stored.markdown(problem))


def begin(config: dict[str, Any]) -> None:
    """Show the search that was asked the same, or queue one. Defences to compare with are left out: it is short."""
    try:
        asked = make_config({**config, "baselines": []}).to_dict()
        run = queue.twin(asked)
        if run is None:
            run, token = queue.start(asked, visitors.visitor(), visitors.where())
            visitors.remember(run, token)
    except (ConfigError, StoreError) as error:
        st.session_state.detect_problem = str(error)
        return
    address.become({"run": run.name})
