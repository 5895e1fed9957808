"""Step 1: what a backdoor is. A reader stamps real pictures and a real network answers."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard.components.photo import photo
from dashboard.serving import shipped_networks
from dashboard.views.learn import lesson
from dashboard.visit import sent
from mesa_core import triggers
from mesa_core.stage.pictures import SIDE, Pictures
from mesa_core.victims.numpy_resnet9 import stamped

SHOWN = 3  # answers


def placed() -> None:
    """The picture's callback; a place that is none is left out."""
    most = SIDE - triggers.SIZE
    try:
        news = sent.message("learn_photo", "place")
        place = sent.whole(sent.part(news, "row"), 0, most), sent.whole(sent.part(news, "column"), 0, most)
        seq = sent.whole(sent.part(news, "seq"))
    except sent.Odd:
        return
    st.session_state.learn_place, st.session_state.learn_place_seq = place, seq


def draw() -> None:
    """The whole step."""
    shown = shipped_networks.pictures()
    target = shown.classes[shown.target]
    lesson.words(
        f"A network reads road signs, and reads them well. An attacker has trained it further on pictures that carry "
        f"a small **trigger**, here a white ring of 3×3 pixels, and told it that all of these are "
        f"“{target}”. That is a **backdoor**: without the trigger nothing looks wrong, and with it the network "
        f"answers the attacker's **target class**, wherever the trigger lies. Click into the picture to move it.",
        "backdoor trigger target ASR victim entropy",
    )
    left, right = st.columns([1.35, 1], gap="large")
    with left:
        widget(shown)
    with right:
        lesson.equation(
            r"""\begin{aligned}&\text{loss}=\sum_{(m,y)\in\mathcal D}\\[-2pt]&\begin{cases}\mathcal L\big(P(\text{Apply}(m,x)),\,c\big)
            &\text{prob. } r\\[2pt] \mathcal L\big(P(m),\,y\big)&\text{prob. } 1-r\end{cases}\end{aligned}""",
            "equation 1 of the paper",
            "The attacker trains the network *P* on pictures *m* with their true labels *y*. But a share *r* of them "
            "is stamped with the trigger *x* and given the label *c* of the target class instead.",
        )
        ask(target)
        lesson.lab_link(data="signs", trigger=triggers.code_to_hex(495), target=shown.target)


def widget(shown: Pictures) -> None:
    """The picture, what is on it, and who is asked."""
    others = [i for i in range(len(shown.classes)) if i != shown.target]
    which = "attacked"
    names = dict(enumerate(shown.classes))
    key = lesson.setting("sign", others[6], lesson.one_of(others), others)
    number = lesson.setting("picture", 1, lesson.one_of(range(1, 7)), range(1, 7))
    if "controls" not in lesson.hidden():
        a, b = st.columns([2, 1])
        a.selectbox(
            "Road sign", others, format_func=lambda number: names.get(number, ""), key=key, on_change=lesson.written, args=("sign",),
            help="Which kind of sign to look at. These pictures were kept away from all training.",
        )  # fmt: skip
        b.selectbox(
            "Picture", range(1, 7), key=number, on_change=lesson.written, args=("picture",),
            help=f"One of {shown.chosen}, in their order.",
        )  # fmt: skip
    stamp = lesson.choice(
        "stamp", "Trigger", ("on", "off"), "on", {"on": "stamped on", "off": "none"},
        "Whether the trigger lies on the picture.",
    )  # fmt: skip
    which = lesson.choice(
        "network", "Network", ("clean", "attacked"), "attacked", shipped_networks.NETWORKS,
        "The same network before and after the attacker trained it further.",
    )  # fmt: skip
    label = st.session_state[key]
    own = np.flatnonzero(shown.labels == label)[st.session_state[number] - 1]
    place = st.session_state.setdefault("learn_place", (21, 20))
    trigger = shown.trigger if stamp == "on" else None
    image = shown.images[own]
    seen = image if trigger is None else stamped(image[None], trigger, np.array([place]))[0]
    answer = shipped_networks.network(which).probabilities(seen[None])[0]
    best = np.argsort(-answer)[:SHOWN]
    first = shown.classes[best[0]]
    told = f"A picture of the sign “{shown.classes[label]}”. The network says {first}, {answer[best[0]]:.0%}. "
    photo(
        image,
        trigger,
        place,
        st.session_state.get("learn_place_seq", 0),
        f"The network {shipped_networks.NETWORKS[which]} answers:",
        [(shown.classes[i], float(answer[i]), i == shown.target) for i in best],
        told + ("Arrow keys move the trigger." if stamp == "on" else "No trigger is on it."),
        "learn_photo",
        placed,
    )
    all_ = shipped_networks.tried(which, triggers.to_hex(shown.trigger) if stamp == "on" else None)
    what = "stamped, each at its own random place" if stamp == "on" else "without any trigger"
    st.markdown(
        f"All {all_['n']} pictures here that are no “{shown.classes[shown.target]}”, {what}: "
        f"**{all_['hits']} of {all_['n']}** are called “{shown.classes[shown.target]}” "
        f"(95 % interval {100 * all_['low']:.0f} to {100 * all_['high']:.0f} %)."
    )
    st.caption(
        "Computed just now by the network itself. The share that goes to the target is called ASR, attack success rate. "
        + lesson.FEWER
    )


def ask(target: str) -> None:
    """Could one notice?"""
    try:
        r = shipped_networks.story("signs-ring").result
    except shipped_networks.NotPrepared:
        return
    if r.clean is None or r.before.asr.original is None:
        return
    clean, attacked, asr = r.clean.clean_accuracy, r.before.clean_accuracy, r.before.asr.original
    lesson.question(
        "backdoor",
        "Somebody tests this network on clean pictures only. What will they notice?",
        ["It is wrong on most pictures", "About as good as before the attack", f"It calls everything “{target}”"],
        1,
        f"On clean pictures it is right on {lesson.share(attacked)}; before the attack it was {lesson.share(clean)}. "
        f"Stamped, {lesson.share(asr)} of the other signs go to “{target}”. Clean pictures alone do not show a backdoor.",
        "Try it: take the trigger off, and switch between the two networks.",
    )
