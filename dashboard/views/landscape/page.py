"""Landscape: all 512 black-and-white triggers of a victim (or 512 drawn larger ones), before and after the repair."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard import keys, stored
from dashboard.components import codemap as maps_of
from dashboard.serving import reading, runs
from dashboard.serving.shown import Shown
from dashboard.views import links
from dashboard.views.shared import reference_tables, take_away
from dashboard.visit import controls, run_choice, sent
from mesa_core import glossary, triggers
from mesa_core.config import make_config
from mesa_core.pictures import charts, saving, trigger_maps
from mesa_core.pictures import orders as arrange
from mesa_core.store import Run, StoreError
from mesa_core.store.results import Result
from mesa_core.words import counted

SHOWN = {
    "both": ("Both", ("before", "after")),
    "before": ("Attacked", ("before",)),
    "after": ("Repaired", ("after",)),
    "clean": ("Clean", ("clean",)),
}
TITLES = {"clean": "Clean victim", "before": "After the attack", "after": "After MESA's repair"}
ORDERS = {"orbit": "Family", "white": "White", "asr": "Success", "pca": "PCA", "tsne": "t-SNE"}
ABOUT = {
    "orbit": "The 51 families, each made of one trigger by turning, mirroring and inverting it; the most successful family first.",
    "white": "By the number of white cells, the most successful first in each line.",
    "asr": "The most successful first.",
    "pca": "By PCA: near each other where the main directions of what succeeds agree. Thumbnails may cover each other.",
    "tsne": "By t-SNE: similar triggers near each other; distances between far groups mean little.",
}
LEVELS = (0.5, 0.8, 0.9)


@keys.page("landscape")
def page() -> None:
    """Draw the whole page."""
    st.title("Landscape", anchor=False)
    about = st.empty()
    run = run_choice.picker(
        "Run",
        "run",
        run_choice.current(),
        "Every run of this server and the prepared ones. The address names the choice.",
    )
    about.markdown(
        f"A backdoor is planted with **one** trigger, yet the network comes to accept many. Here are {_which(run)}, "
        "each drawn as itself; its frame shows how often it succeeds (ASR).",
        help=glossary.of("ASR", "victim", "sub-model", "code", "kind", "entropy", "nats"),
    )
    if run is None:
        st.info("No run yet. Start one in the Lab.")
        return
    try:
        found = runs.maps(run)
    except StoreError as error:
        st.warning(stored.markdown(error))
        return
    shown = Shown(run)
    result = shown.result
    if shown.trouble:
        st.warning(stored.markdown(shown.trouble))
    for words in found.missing:
        st.caption(words)
    if found.before is None:
        st.info("The map appears once the backdoor is in and measured.")
    else:
        _map(run, found, found.before, result)
        _counts(run, found, result)
    st.divider()
    _coverage(run, result)
    reference_tables.section(shown)
    st.divider()
    with st.expander("Take this run with you: report, command, folder"):
        take_away.run_panel(run, "landscape")


def _which(run: Run | None) -> str:
    size = triggers.SIZE if run is None else reading.size_of(run)
    many = f"{triggers.of_panel(size)} from the" if triggers.drawn(size) else "all 512"
    return f"{many} black-and-white {triggers.sized(size)} triggers"


def _fewer(found: runs.Maps, result: Result | None) -> str:
    """Why a trigger's ASR here is not quite the Lab's, where it was measured on fewer images."""
    original = result.before.asr.original if result else None
    if original is not None and found.n >= original.n:
        return ""
    return f" Each ASR is from n = {found.n} images, fewer than in the Lab, so it differs a little."


def _map(run: Run, found: runs.Maps, before: np.ndarray, result: Result | None) -> None:
    """The map with its controls and downloads; a fragment, so that a control redraws no more than this.

    `before` is the ASR `(512,)` on the attacked victim.
    """
    have = {name: asr for name in ("clean", "before", "after") if (asr := getattr(found, name)) is not None}
    options = [key for key, (_, parts) in SHOWN.items() if all(p in have for p in parts)]
    first = _first(run, found.size, before)
    kinds = arrange.arrangements(found.size)
    orders = [key for key in ORDERS if key in kinds or key in found.places]

    @st.fragment
    def draw() -> None:
        if picked := st.session_state.pop("picked_code", None):
            links.to_lab(run, triggers.code_to_hex(int(triggers.panel_codes(found.size)[picked - 1]), found.size))
        a, b, c = st.columns([1.2, 1.3, 1.2])
        which = controls.segmented(
            "Victim", "victim", {k: SHOWN[k][0] for k in options}, options[0],
            "Both: after the attack beside after MESA's repair. The clean victim has no backdoor; what succeeds there is "
            "chance or a real weakness.", a,
        )  # fmt: skip
        order = controls.segmented(
            "Arranged by", "order", {k: ORDERS[k] for k in orders}, kinds[0],
            "Always by the success after the attack, so that a trigger stands at the same place before and after.", b,
        )  # fmt: skip
        lit = []
        if found.looks:
            words = "Marks the triggers to which samples of a level round, and fades the others."
            lit = controls.several("Where sub-models look", "looks", list(found.looks), "β", words, c)
        parts = SHOWN[which][1]
        groups = arrange.arranged(order if order in kinds else "asr", before, found.size)
        if order in kinds:
            layout = maps_of.grouped(groups, order == "white")
        else:
            layout = maps_of.placed(found.places[order])
        with st.container(key="codemap_box"):
            maps_of.codemap(
                have, found.n, [(p, TITLES[p]) for p in parts], layout, found.looks, lit or [], first,
                found.size, "codemap", _picked,
            )  # fmt: skip
        st.caption(
            f"{ABOUT[order]} Click a trigger, or press Enter on it, to keep it above while you go to the button."
            f"{_fewer(found, result)}"
        )
        one, two = st.columns(2)
        note = f"ASR of the {triggers.of_panel(found.size)} black-and-white triggers, n = {found.n} images each. Run {run.name}."
        with one:
            take_away.save_figure(
                lambda: trigger_maps.landscape({TITLES[p]: have[p] for p in parts}, groups, found.n, order == "white", found.size),
                f"{run.name}-landscape", note, "landscape",
            )  # fmt: skip
        with two:
            take_away.download(
                "All 512 as a table (CSV)", lambda: saving.csv_of(rows(found)), f"{run.name}-landscape.csv", "text/csv", "map_csv",
                "The map in words and numbers: code, white cells, family (of 3×3 ones), ASR with interval, samples of each level.",
            )  # fmt: skip

    draw()


def _picked() -> None:
    """The map's callback; 0 would read as nothing, so one is added."""
    try:
        place = sent.whole(sent.part(sent.message("codemap", "pick"), "place"), 0, triggers.PANEL - 1)
    except sent.Odd:
        return
    st.session_state.picked_code = place + 1


def _first(run: Run, size: int, before: np.ndarray) -> int:
    """The place of the run's own trigger where the panel has it, else of the most successful one."""
    own = triggers.code_of(triggers.from_hex(runs.config(run).trigger))
    here = np.flatnonzero(triggers.panel_codes(size) == own) if own is not None else np.zeros(0, int)
    return int(here[0]) if len(here) else int(np.argmax(before))


def rows(found: runs.Maps) -> list[dict[str, Any]]:
    """The map as a table, one row a code."""
    told = {n: maps_of.rates(asr, found.n) for n in TITLES if (asr := getattr(found, n)) is not None}
    table = []
    for place, code in enumerate(triggers.panel_codes(found.size).tolist()):
        cells = f"{code:0{triggers.code_side(found.size) ** 2}b}"
        row: dict[str, Any] = {"code": code, "cells": cells, "white cells": code.bit_count()}
        if not triggers.drawn(found.size):
            row["family"] = triggers.orbits()[triggers.orbit_of(code)][0]
        for name, rate in told.items():
            for part, words in (("value", "ASR"), ("low", "low"), ("high", "high")):
                row[f"{words} {TITLES[name].lower()}"] = rate[part][place]
        row["images"] = found.n
        for beta, counts in found.looks.items():
            row[f"samples of β={beta:g}"] = int(counts[place])
        table.append(row)
    return table


def _counts(run: Run, found: runs.Maps, result: Result | None) -> None:
    """How many are valid, and the worst of them."""
    st.subheader("How many triggers work, and how well does the best?", anchor=False)
    table, panel = [], triggers.of_panel(found.size)
    evaluations = charts.evaluations(result) if result else {}
    for name, title in TITLES.items():
        asr = getattr(found, name)
        if asr is None:
            continue
        row: dict[str, Any] = {"": title}
        for level in LEVELS:
            row[f"ASR ≥ {100 * level:.0f} %"] = f"{int((asr >= level).sum())} of {panel}"
        row[f"mean of the {panel}"] = f"{100 * asr.mean():.1f} %"
        e = evaluations.get("after.mesa" if name == "after" else name)
        worst = e.asr.worst if e else None
        row[f"worst of {panel}"] = counted(worst)
        row["which"] = f"code {worst.code}" if worst else "–"
        table.append(row)
    take_away.table(table, f"{run.name}-valid-triggers", "counts")
    st.caption(
        f"Counts from n = {found.n} images a trigger, so a single one near a level may fall on either side. *Worst of {panel}*: half of "
        "the evaluation images selects the most successful trigger, the other half measures it; a maximum over noisy figures "
        "would be too high. In brackets the 95 % interval."
    )


def _coverage(run: Run, result: Result | None) -> None:
    """Recall and precision by level."""
    st.subheader("Where the sub-models look, and where they do not", anchor=False)
    if not result or not result.submodels:
        st.caption("Recall and precision are there once the run has finished with a backdoor to sample.")
        return
    st.markdown(
        "Call a trigger *valid* at a level if it succeeds at least that often. **Recall**: of the valid black-and-white triggers, "
        "the share that the samples found. **Precision**: of the samples, the share that is valid. A point defence finds one "
        "trigger: high precision, almost no recall. **Uniform noise** is the other extreme: random colours, which any defender has."
    )
    n = result.submodels[0].mean_asr.n
    config = make_config(result.config)
    note = f"Each sub-model: {config.samples} samples, {config.sample_images} images each ({n} trials). {charts.caption(result)}"
    if triggers.drawn(config.size):
        st.caption("No recall: the 512 are drawn, and samples may find other triggers that are as valid.")
    elif config.cell != triggers.COLOURS:
        st.caption("No recall: the 512 are opaque, and the samples have opacities of their own.")
    elif not any(result.recall.values()):
        st.caption("No recall: the run measured no map of the 512, or no trigger reached a level.")
    take_away.figure(
        charts.coverage(result),
        f"{run.name}-coverage",
        "Recall and precision by level; the table below has the figures.",
        note,
        "coverage",
    )
    take_away.table(coverage_rows(result), f"{run.name}-coverage", "coverage")
    st.caption("In brackets the 95 % interval; n is the number of valid triggers for recall, of samples for precision.")


def coverage_rows(result: Result) -> list[dict[str, Any]]:
    """Recall and precision as a table, one row a sub-model."""
    entries: list[tuple[str, charts.Covering]] = [(f"β = {one.beta:g}", one) for one in result.submodels]
    entries.append(("mixture", result))
    for one in result.submodels:
        if one.reference:
            entries.append((f"exact distribution, β = {one.beta:g}", one.reference))
    if result.uniform_noise:
        entries.append(("uniform noise", result.uniform_noise))
    table = []
    for name, covering in entries:
        row: dict[str, Any] = {"": name}
        for what, levels in (("recall", covering.recall), ("precision", covering.precision)):
            row |= {f"{what} ≥ {level}": counted(m) for level, m in levels.items()}
        table.append(row)
    return table
