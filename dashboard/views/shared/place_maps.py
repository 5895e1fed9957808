"""Where triggers work: a run's exact maps of places, before and after the repair, as inline SVG with its figures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import streamlit as st

from dashboard import stored
from dashboard.serving import reading, runs
from dashboard.views.shared import take_away
from mesa_core.apply.places import Box
from mesa_core.config import make_config
from mesa_core.measures.mapped import AFTER, BEFORE, BEST, CLEAN, ORIGINAL, Maps, Told
from mesa_core.pictures.place_svg import place_map_svg, place_maps_svg
from mesa_core.store import Run, StoreError, checks
from mesa_core.store.results import Result
from mesa_core.words import counted

NETWORKS = {CLEAN: "clean victim", BEFORE: "before the repair", AFTER: "after the repair"}
WIDE = 230  # pixels of a map on a page
TRIGGERS = {ORIGINAL: "the planted trigger", BEST: "the best sampled trigger"}


def found(run: Run, result: Result, trigger: str) -> tuple[dict[str, np.ndarray], list[Told]] | None:
    """One trigger's maps by network in words, and what is told of each; None where the run has none, or they are damaged."""
    told = result.places
    if told is None:
        return None
    try:
        known = checks.place_maps(dict(reading.arrays(run, "places.npz")))
    except StoreError:
        return None
    maps: dict[str, np.ndarray] = {}
    lines: list[Told] = []
    for network, title in NETWORKS.items():
        own = told.of(trigger, network)
        if own is not None and f"{trigger}-{network}" in known:
            maps[title] = known[f"{trigger}-{network}"]
            lines.append(own)
    return (maps, lines) if maps else None


def drawn(run: Run, result: Result, trigger: str) -> tuple[str, list[Told]] | None:
    """The same as one SVG, for a report or a file."""
    known = found(run, result, trigger)
    if known is None:
        return None
    return together(result, trigger, *known), known[1]


def together(result: Result, trigger: str, maps: Mapping[str, np.ndarray], lines: Sequence[Told]) -> str:
    """One trigger's maps as one SVG."""
    said = "; ".join(f"{NETWORKS[one.network]}: {one.words}" for one in lines)
    where = ring(result, trigger, next(iter(maps.values())).shape)
    return place_maps_svg(maps, f"Where {TRIGGERS[trigger]} works. {said}", where)


def shown(maps: Mapping[str, np.ndarray], lines: Sequence[Told], trigger: str, ring: tuple[int, int] | None) -> str:
    """The same for the page, whose own letters stand around each map."""
    parts = []
    for (title, asr), one in zip(maps.items(), lines, strict=True):
        words = f"Where {TRIGGERS[trigger]} works, {title}: {one.words}"
        parts.append(
            f"<figure style='margin:0;width:{WIDE}px;max-width:100%'><figcaption style='font-size:14px'>{stored.html(title)}</figcaption>"
            f"{_picture(asr, words, ring)}</figure>"
        )
    return (
        f"<div style='display:flex;flex-wrap:wrap;gap:14px;margin-bottom:6px'>{''.join(parts)}</div>{take_away.scale()}"
    )


def _picture(share: np.ndarray, words: str, ring: tuple[int, int] | None = None) -> str:
    """One map as a picture, as wide as there is room up to WIDE."""
    data = base64.b64encode(place_map_svg(share, words, ring).encode()).decode()
    return (
        f"<img src='data:image/svg+xml;base64,{data}' alt='{stored.html(words)}' style='width:{WIDE}px;max-width:100%'>"
    )


def ring(result: Result, trigger: str, places: tuple[int, ...]) -> tuple[int, int] | None:
    """Where a trigger lies: the attacker's own place, or what the search named; None where it may lie anywhere.

    `places` is how many rows and columns of them there are.
    """
    if trigger == BEST:
        place = None if result.detection is None else result.detection.place
        return None if place is None else (place.row, place.column)
    config = make_config(result.config)
    if config.apply != "fixed":
        return None
    try:
        return Box.at(config.place, tuple(count + config.size - 1 for count in places), config.size).middle
    except ValueError:
        return None


def caption(maps: Maps, lines: Sequence[Told]) -> str:
    """What the colours are, and the figures, in a sentence for each network."""
    each = " ".join(
        f"{NETWORKS[one.network].capitalize()}: at most {counted(one.highest)} (row {one.row}, column {one.column}), "
        f"{100 * one.median:.1f} % at the median place."
        for one in lines
    )
    return (
        f"Each square is a place of the trigger's top left pixel, coloured by the share of {maps.n} images that go to the target "
        f"once stamped there, and would not by themselves. Every place is measured. {each}"
    )


def section(run: Run, triggers: Sequence[str], key: str) -> bool:
    """The maps of some triggers, one below the other; False where the run has none."""
    try:
        result = runs.result(run)
    except StoreError:
        return False
    drew = False
    for trigger in triggers if result is not None else ():
        assert result is not None
        known = found(run, result, trigger)
        if known is None or result.places is None:
            continue
        maps, lines = known
        drew = True
        st.markdown(f"**Where {TRIGGERS[trigger]} works**")
        st.html(shown(maps, lines, trigger, ring(result, trigger, next(iter(maps.values())).shape)))
        st.caption(stored.markdown(caption(result.places, lines)))
        take_away.download(
            "Save as SVG", partial(_file, result, trigger, *known), f"{run.name}-places-{trigger}.svg", "image/svg+xml", f"{key}_{trigger}_svg"
        )  # fmt: skip
    return drew


def live(run: Run) -> None:
    """Where something answers so far, while a search by a plan of places runs; nothing before that."""
    try:
        found = checks.answering(run.read_arrays("places-live.npz"))
    except StoreError:
        return
    if found is None:
        return
    row, column = (int(i) for i in np.unravel_index(found.argmax(), found.shape))
    words = f"Where triggers answer so far: most at row {row}, column {column}."
    st.markdown("**Where something answers so far**")
    st.html(_picture(found, words) + take_away.scale("chance", "always"))
    st.caption(
        "Each square is a place of a trigger. Its colour is how near the network came there to the class that answers most, after a "
        "few steps, with 0 for chance. Parts that do not answer are left early. It is a hint; what answers is measured afterwards."
    )


def _file(result: Result, trigger: str, maps: Mapping[str, np.ndarray], lines: Sequence[Told]) -> bytes:
    """The SVG with letters of its own colour, drawn when somebody saves it."""
    return together(result, trigger, maps, lines).replace("color:inherit", "color:#1b2330").encode()
