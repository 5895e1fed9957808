"""Step 6: forgetting, and what remains. The map of the 512 before and after, and every defence beside it."""

from __future__ import annotations

import dataclasses

import numpy as np
import streamlit as st

from dashboard.components.tiles import tiles
from dashboard.serving import shipped_networks
from dashboard.views.learn import lesson
from mesa_core import triggers
from mesa_core.pictures import charts
from mesa_core.words import brief, named


def draw() -> None:
    """The whole step."""
    lesson.words(
        "Now the defender retrains the network on their own clean pictures, a part of them stamped with **sampled triggers** "
        "but with their **true** labels. So the network unlearns that the trigger means anything, for all the triggers of "
        "the distribution at once. What matters in the end is not the one trigger but **what remains**: the worst of all.",
        "MESA point oracle control ASR code entropy",
    )
    left, right = st.columns([1.35, 1], gap="large")
    with left:
        story = lesson.story()
        when = "before"
        if story.after is not None:
            when = lesson.choice(
                "when", "The 512 triggers", ("before", "after"), "before",
                {"before": "before the repair", "after": "after MESA's repair"}, "The same triggers, in the same order.",
            )  # fmt: skip
        else:
            st.caption("This run has no map of the 512 after the repair; the map before it is shown.")
        shown = story.after if when == "after" and story.after is not None else story.before
        order = np.argsort(-story.before, kind="stable")
        words = [f"code {c}: works on {shown[c]:.0%} of {story.images} images {when} the repair" for c in order]
        counts = int((shown >= 0.5).sum())
        ink = np.rint(triggers.all_codes()[order] * 255).astype(np.uint8).reshape(-1, 27)
        st.markdown(
            f"**{counts} of 512** work on at least half of the {story.images} images each. Yellow: always, dark blue: never."
        )
        tiles(
            ink,
            shown[order],
            words,
            f"512 triggers {when} the repair; {counts} work at least half of the time.",
            "learn_tiles_after",
            None,
            22,
        )
        if story.run.name == "signs-ring":
            asked_now(story)
        table(story)
    with right:
        lesson.equation(
            r"""\begin{aligned}&\text{loss}=\mathbb E_Z\sum_{(m,y)\in\mathcal D'}\\[-2pt]&\begin{cases}
            \mathcal L\big(P(\text{Apply}(m,G_{\theta_i}(z))),\,y\big)&\text{prob. } r\\[2pt]
            \mathcal L\big(P(m),\,y\big)&\text{prob. } 1-r\end{cases}\end{aligned}""",
            "equation 5 of the paper",
            "The mirror image of the attack: the same stamp, now with sampled triggers *G(z)*, but the true label *y* stays.",
        )
        ask(story)
        config = story.result.config
        lesson.lab_link(data="signs", trigger=config["trigger"].replace("#", ""), target=config["target"])


def asked_now(story: shipped_networks.Story) -> None:
    """The same trigger asked of two networks in this very process."""
    hexes = triggers.to_hex(story.original)
    had, left = shipped_networks.tried("attacked", hexes), shipped_networks.tried("repaired", hexes)
    st.markdown(
        f"Asked just now, the ring stamped on {had['n']} pictures of other signs: **{had['hits']}** go to “{story.target}” "
        f"with the backdoor, **{left['hits']}** after MESA's repair (95 % interval {100 * left['low']:.0f} to "
        f"{100 * left['high']:.0f} %). {lesson.FEWER}"
    )


def table(story: shipped_networks.Story) -> None:
    """Every defence of the run, with intervals."""
    before, rows = story.result.before, []
    found = charts.evaluations(dataclasses.replace(story.result, after_by_beta={}))
    asked = not lesson.answered("forgetting") and "after.control" in found  # its row would give the answer away
    for name, e in found.items():
        secret = asked and name == "after.control"
        rows.append(
            {
                "network": named(name),
                "original works on": "?" if secret else brief(e.asr.original),
                "worst of 512": "?" if secret else brief(e.asr.worst),
                "clean pictures right": brief(e.clean_accuracy),
            }
        )
    st.dataframe(rows, hide_index=True, width="stretch")
    n = [m.n if m else 0 for m in (before.asr.original, before.asr.worst, before.clean_accuracy)]
    st.caption(
        f"In brackets 95 % intervals; n = {n[0]:,}, {n[1]:,} and {n[2]:,} images. The target class was known to the defender; "
        "*oracle* also knows the trigger. *Control*: retrained on clean pictures alone."
        + (" *?*: that is asked in “Your turn”, and shown once you have answered." if asked else "")
    )


def ask(story: shipped_networks.Story) -> None:
    """Does clean retraining do?"""
    after, clean, was = story.result.after, story.result.clean, story.result.before.asr.original
    if clean is None or was is None or not {"control", "mesa"} <= set(after):
        return
    control, mesa = after["control"].asr.original, after["mesa"].asr.original
    worst, floor = after["mesa"].asr.worst, clean.asr.worst
    if control is None:
        return
    near = [0.02, round(control.value, 2), round(was.value, 2)]
    options = [f"{100 * v:.0f} %" for v in sorted({min(near, key=lambda v: abs(v - c)) for c in near})]
    right = options.index(f"{100 * round(control.value, 2):.0f} %")
    lesson.question(
        "forgetting",
        f"Without any trigger at all, only retrained on clean pictures: on how many does the original still work? (Before: {was.value:.0%}.)",
        options,
        right,
        f"{lesson.share(control)}: networks do not forget by themselves. With MESA's samples {lesson.share(mesa)} remain, and of all "
        f"512 the worst keeps {lesson.share(worst)}; in a network that never was attacked the worst has {lesson.share(floor)}.",
        "Choose first; the table then shows the row of the control.",
    )
