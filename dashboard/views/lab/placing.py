"""Where a trigger at a fixed place lies: chosen by its name, or on a sample road sign, by a click or the arrow keys."""

from __future__ import annotations

import streamlit as st

from dashboard.components.photo import photo
from dashboard.serving import shipped_networks
from dashboard.views.lab import settings
from dashboard.visit import sent
from mesa_core import triggers
from mesa_core.apply.places import WORDS, Box

FIXED = "fixed"
RULES = {"anywhere": "at a place of its own on each image", FIXED: "at one place, the same on all"}
SIZE = (32, 32)  # of the images on which a place can be pointed at
OF_SIZE = ("auto", "signs", "cifar10")  # data whose images are so large


def words(place: str) -> str:
    """'bottom right', or 'row 12, column 3'."""
    if place in WORDS:
        return place.replace("-", " ")
    row, column = place.split(",")
    return f"row {row}, column {column}"


def options() -> list[str]:
    """The places that have names, and the chosen one; one where the painted trigger does not fit is pushed inwards."""
    chosen = settings.control("place")
    if chosen not in WORDS and settings.control("data") in OF_SIZE:
        row, column = (min(int(v), SIZE[0] - _side()) for v in chosen.split(","))
        chosen = st.session_state.c_place = f"{row},{column}"
    return list(dict.fromkeys([*WORDS, chosen, st.session_state.held["place"]]))


def picture() -> None:
    """A road sign with the painted trigger at the chosen place, which a click or the arrow keys move."""
    if settings.control("apply") != FIXED or settings.control("data") not in OF_SIZE:
        return
    try:
        shown = shipped_networks.pictures()
    except shipped_networks.NotPrepared:
        return
    trigger, place = triggers.from_hex(" ".join(st.session_state.trigger)), settings.control("place")
    box = Box.at(place, SIZE, _side())
    image = shown.images[shown.shown(settings.control("target") if settings.control("data") == "signs" else 0)[0]]
    text = f"A road sign with the trigger at {box.words}. Arrow keys move it."
    seq = st.session_state.get("lab_place_seq", 0)
    photo(
        image, trigger, (box.top, box.left), seq, "Click into the picture, or press arrow keys.", [], text, "lab_photo", placed
    )  # fmt: skip


def placed() -> None:
    """The picture's callback."""
    most = SIZE[0] - _side()
    try:
        news = sent.message("lab_photo", "place")
        row, column = (sent.whole(sent.part(news, name), 0, most) for name in ("row", "column"))
        seq = sent.whole(sent.part(news, "seq"))
    except sent.Odd:
        return
    st.session_state.c_place, st.session_state.lab_place_seq = f"{row},{column}", seq


def _side() -> int:
    """Of the painted trigger."""
    return triggers.size_of(" ".join(st.session_state.trigger))
