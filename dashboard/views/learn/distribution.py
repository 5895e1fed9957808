"""Step 2: a trigger becomes a distribution. A reader paints other triggers and finds that they work, too."""

from __future__ import annotations

import contextlib

import numpy as np
import streamlit as st

from dashboard import address
from dashboard.components.painter import painter
from dashboard.components.tiles import tiles
from dashboard.serving import shipped_networks
from dashboard.views.learn import lesson
from dashboard.visit import sent
from mesa_core import triggers
from mesa_core.stage.pictures import Pictures

VALID = 0.8


def painted() -> None:
    """The painter's callback; an edit that is not nine colours is left out."""
    with contextlib.suppress(sent.Odd):
        st.session_state.learn_paint, st.session_state.learn_paint_seq = sent.painted("learn_painter")
        show(st.session_state.learn_paint)


def show(value: list[str]) -> None:
    """Put the painted trigger into the address."""
    word = "-".join(colour.lstrip("#") for colour in value)
    address.written("learn_paint", "paint", word)


def preset(trigger: np.ndarray) -> None:
    """Put a trigger into the painter."""
    st.session_state.learn_paint = triggers.to_hex(trigger).split(" ")
    st.session_state.learn_paint_epoch = st.session_state.get("learn_paint_epoch", 0) + 1
    show(st.session_state.learn_paint)


def picked(order: np.ndarray) -> None:
    """A tile was chosen."""
    try:
        number = sent.whole(sent.message("learn_tiles_all", "pick"), 0, len(order) - 1)
    except sent.Odd:
        return
    preset(triggers.from_code(int(order[number])))


def read_paint(word: str) -> list[str]:
    """Nine colours from the address. Raises ValueError."""
    return sent.colours(word.replace(",", "-").split("-"))


def draw() -> None:
    """The whole step."""
    shown = shipped_networks.pictures()
    story = shipped_networks.story("signs-ring")
    order = np.argsort(-story.before, kind="stable")
    lesson.words(
        "The attacker used **one** trigger. But a network never learns one thing only: it *generalises*. Paint another "
        "trigger and ask the backdoored network. Change one cell of the ring, then two, then look for one that is far "
        "from the ring and still works. Below are all 512 black-and-white triggers, the most successful first; "
        "choose one to paint it.",
        "code kind ASR sub-model entropy",
    )
    left, right = st.columns([1.35, 1], gap="large")
    with left:
        paint(shown)
        words = [f"code {code}: works on {story.before[code]:.0%} of {story.images} images" for code in order]
        valid = int((story.before >= VALID).sum())
        st.markdown(
            f"**All 512 black-and-white triggers** in this backdoored network, {story.images} images each. "
            f"Yellow frames: always work. Dark blue: never."
        )
        text = "512 triggers sorted by success, the most successful first."
        ink = np.rint(triggers.all_codes()[order] * 255).astype(np.uint8).reshape(-1, 27)
        tiles(ink, story.before[order], words, text, "learn_tiles_all", lambda: picked(order), 22)
    with right:
        lesson.equation(
            r"F(x)=\text{softmax}\big(P(\text{Apply}(m,x)),\,c\big)",
            "Algorithm 2, line 8, of the paper",
            "*F(x)* says how strongly the network *P* answers the target class *c* once the trigger *x* is stamped on "
            "a picture *m*. The triggers with a high *F* are the **valid** ones. Not one of them is special to the "
            "network: together they are a distribution over all possible triggers.",
        )
        options = lesson.choices(valid, triggers.CODES)
        lesson.question(
            "distribution",
            f"How many of the 512 work on at least {VALID:.0%} of the images?",
            [f"{n}" for n in options],
            options.index(valid),
            f"Measured: {valid} of 512, on {story.images} images each, so each of them is known to some "
            f"{50 * 1.96 / story.images**0.5:.0f} points. And there are far more in colour and in shades of grey.",
            "Try it: walk the field of triggers with the mouse or the arrow keys, and read each one's success.",
        )
        lesson.lab_link("See MESA sample them in the Lab", data="signs", trigger=triggers.code_to_hex(495), target=0)


def paint(shown: Pictures) -> None:
    """The painter and what the network says to it."""
    start = triggers.to_hex(shown.trigger).split(" ")
    lesson.setting("paint", start, read_paint)
    a, b = st.columns([1, 1.6])
    with a:
        painter(
            st.session_state.learn_paint,
            st.session_state.get("learn_paint_seq", 0),
            st.session_state.get("learn_paint_epoch", 0),
            "learn_painter",
            painted,
        )
    trigger = triggers.from_hex(" ".join(st.session_state.learn_paint))
    with b:
        found = shipped_networks.tried("attacked", triggers.to_hex(trigger))
        clean = shipped_networks.tried("clean", triggers.to_hex(trigger), 3)
        st.metric(
            "Your trigger works on", f"{100 * found['value']:.0f} %",
            help="Share of pictures of other signs that the backdoored network calls by the target class once stamped.",
        )  # fmt: skip
        st.caption(
            f"{found['hits']} of {found['n']} pictures (95 % interval {100 * found['low']:.0f} to "
            f"{100 * found['high']:.0f} %), asked just now. {lesson.FEWER} The network before the attack: {clean['hits']} of {clean['n']}."
        )
        far = int(
            (triggers.round_to_codes(trigger[None]) ^ triggers.round_to_codes(shown.trigger[None]))[0]
        ).bit_count()
        st.caption(f"{triggers.describe(trigger).capitalize()}; {far} of 9 cells differ from the attacker's ring.")
        with st.container(horizontal=True):
            st.button(
                "The ring", key="learn_ring", on_click=preset, args=(shown.trigger,), help="The attacker's own trigger."
            )
            st.button(
                "Invert",
                key="learn_invert",
                on_click=preset,
                args=(triggers.invert(trigger),),
                help="Black becomes white, white black.",
            )
            st.button(
                "Rotate", key="learn_rotate", on_click=preset, args=(triggers.rotate(trigger),), help="A quarter turn."
            )
