"""The painted trigger: in the session as hex colours, and what the painter, the gallery and the buttons do to it."""

from __future__ import annotations

import contextlib
import random

import numpy as np
import streamlit as st

from dashboard import keys
from dashboard.visit import sent
from mesa_core import triggers

SIDES = (3, 4, 5)  # that the painter offers
SIDE = "painter_side"  # the key of that choice


def preset(trigger: np.ndarray) -> None:
    """Put a trigger into the painter, whatever the browser has in flight."""
    st.session_state.trigger = triggers.to_hex(trigger).split(" ")
    st.session_state.epoch = st.session_state.get("epoch", 0) + 1
    st.session_state.setdefault("seq", 0)


def edited() -> None:
    """The painter's callback; an edit that is not as many colours as the painter has cells is left out."""
    side = triggers.size_of(" ".join(st.session_state.trigger))
    if side not in SIDES:  # it is shown as a picture
        return
    with contextlib.suppress(sent.Odd):
        st.session_state.trigger, st.session_state.seq = sent.painted("painter", (side,), clear=True)


def resized() -> None:
    """The callback of the choice of sizes: what is painted stays in the top left corner, new cells are black."""
    side = keys.meant(SIDE, SIDES, None)
    old = triggers.from_hex(" ".join(st.session_state.trigger))
    if side is None or side == old.shape[-1]:
        return
    new, both = np.zeros((3, side, side), np.float32), min(side, old.shape[-1])
    new[:, :both, :both] = old[:, :both, :both]
    preset(new if triggers.opaque(new).any() else np.nan_to_num(new))


def picked_code() -> None:
    """The gallery's callback: paint the trigger of a code."""
    try:
        code = sent.whole(sent.part(sent.message("gallery", "pick"), "id"), 0, triggers.CODES - 1)
    except sent.Odd:
        return
    preset(triggers.from_code(code))


def change(what: str) -> None:
    """Invert, rotate, mirror, or draw a random black-and-white trigger of the same size."""
    painted = triggers.from_hex(" ".join(st.session_state.trigger))
    if what == "random":
        side = painted.shape[-1]
        preset(triggers.from_code(random.randrange(1, triggers.codes_of(side) - 1), side))
    else:
        preset({"invert": triggers.invert, "rotate": triggers.rotate, "mirror": triggers.mirror}[what](painted))
