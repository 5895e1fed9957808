"""Step 3: when one point is enough. What lies within reach of one trigger, and of MESA's samples; and what repairs leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard.components.tiles import tiles
from dashboard.serving import shipped_networks
from dashboard.views.learn import lesson
from mesa_core import triggers
from mesa_core.config import PROTOCOLS
from mesa_core.paper import claims
from mesa_core.paper import lottery as figure
from mesa_core.store.shipped import prepared, shipped_lottery
from mesa_core.words import brief

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

VALID = 0.8
KNOWN = {"point": "one reversed trigger", "mesa": "MESA's samples", "random": "as many random ones"}
ASKED = 2  # cells, in the question; not what the page shows first, or it would answer itself
DRAWS = 200  # of random triggers, for the mean
SMALL = "0.01"  # the paper's share of stamped images
DRAWN = "signs-lottery"  # the prepared run with ten points and a small repair
_BITS = np.arange(triggers.CODES)[:, None] >> np.arange(triggers.SIZE**2) & 1
APART = (_BITS[:, None] != _BITS[None]).sum(2)  # (512, 512): in how many cells two codes differ


def reach(from_codes: np.ndarray, radius: int) -> np.ndarray:
    """Which of the 512 codes differ from some of `from_codes` in at most `radius` cells, bool (512,)."""
    return (APART[:, np.asarray(from_codes, int)] <= radius).any(1)


def random_reach(count: int, radius: int, valid: np.ndarray) -> float:
    """Mean share of the valid codes within reach of `count` random codes."""
    draw = np.random.default_rng(0)
    return float(np.mean([reach(draw.choice(512, count, replace=False), radius)[valid].mean() for _ in range(DRAWS)]))


def draw() -> None:
    """The whole step."""
    lesson.words(
        "A defender wants to find the trigger and to close the door. The simplest way finds **one** trigger by walking "
        "uphill on *F*: as a rule not the attacker's, only *some* point of the distribution. To **block** what looks like it "
        "is not enough: decide how far the defender's caution reaches, and see which valid triggers stay **outside**. To "
        "**retrain** with it, it depends on the budget.",
        "point MESA entropy ASR oracle code",
    )
    left, right = st.columns([1.35, 1], gap="large")
    with left:
        story = lesson.story()
        if story.point is None:
            st.info("In this run no single trigger was reversed, so there is nothing to show here.")
            return
        point, mesa = triggers.round_to_codes(story.point[None]), story.sample_codes()
        known = lesson.choice(
            "known", "What the defender found", tuple(KNOWN), "point", KNOWN,
            f"One trigger by gradient descent; the {len(mesa)} black-and-white triggers to which MESA's samples round; "
            "or the same number drawn blindly.",
        )  # fmt: skip
        radius = lesson.slider(
            "reach", "Cells that may differ and still count as “the same”", range(0, 5), 1,
            "0: exactly what was found. 2: anything that differs from it in at most two of its nine cells.",
        )  # fmt: skip
        found = {"point": point, "mesa": mesa, "random": np.random.default_rng(0).choice(512, len(mesa), replace=False)}
        valid = np.flatnonzero(story.before >= VALID)
        near = reach(found[known], radius)
        order = valid[np.lexsort((-story.before[valid], ~near[valid]))]
        kinds = ["point" if code in found[known] else "in" if near[code] else "missed" for code in order]
        inside, outside = int(near[valid].sum()), int((~near[valid]).sum())
        kind = {"point": "found itself", "in": "within reach", "missed": "out of reach"}
        words = [
            f"code {c}: {kind[k]}; works on {story.before[c]:.0%} of {story.images} images"
            for c, k in zip(order, kinds, strict=True)
        ]
        st.markdown(
            f"**{len(valid)} black-and-white triggers are valid** (ASR at least {VALID:.0%}, {story.images} images each). "
            f"Blue: found. Green: within reach, {inside} with the found ones. Orange: **out of reach, {outside}**."
        )
        ink = np.rint(triggers.all_codes()[order] * 255).astype(np.uint8).reshape(-1, 27)
        text = f"{len(valid)} valid triggers: {inside} within reach of what was found, {outside} out of reach."
        tiles(ink, kinds, words, text, "learn_tiles_valid", None, 34)
        with st.expander("What such caution costs, and how it is counted"):
            st.caption(
                f"So much caution also touches {int(near.sum())} of all 512 triggers. As many random triggers as MESA's "
                f"({len(mesa)}) would reach {random_reach(len(mesa), radius, valid):.0%} of the valid ones on average "
                f"({DRAWS} draws); MESA's reach {reach(mesa, radius)[valid].mean():.0%}, the point {reach(point, radius)[valid].mean():.0%}. "
                f"*Counted here*: the triggers valid at {VALID:.0%} that lie within {cells(radius)} of one that was found, by any "
                "sample, whether that sample works or not. The Lab's “finds” is stricter: a sample must round to the trigger itself "
                "and succeed."
            )
        ten_points()
        if told := lottery(story):
            with st.expander("Other budgets, other images, the paper"):
                st.markdown(told)
    with right:
        lesson.equation(
            r"x^{*}=\arg\max_{x}\;F(x)\qquad\text{against}\qquad x\sim\tilde G",
            "Sections 1 and 3.1 of the paper",
            "Walking uphill gives one *x*\\*, a different one from each start. MESA instead trains a generator *G̃* whose "
            "samples cover the valid triggers as widely as it can.",
        )
        ask(story, point, valid)
        lesson.lab_link(
            data="signs", trigger=story.result.config["trigger"].replace("#", ""), target=story.result.config["target"],
            baselines="point,control", budget="compare",
        )  # fmt: skip


def cells(count: int) -> str:
    """'1 cell'."""
    return f"{count} cell" if count == 1 else f"{count} cells"


def lottery(story: shipped_networks.Story) -> str:
    """What came of the repairs of this very run, and of small budgets elsewhere; empty if not measured."""
    after = story.result.after
    point, mesa = (after[name].asr.original if name in after else None for name in ("point", "mesa"))
    if point is None or mesa is None:
        return ""
    stamped, enough = float(story.result.config["repair_ratio"]), point.low <= mesa.high
    begin = "At a **large** repair budget one point cures as well: retrained" if enough else "Retrained"
    return (
        f"{begin} with one, {claims.share(stamped)} of the images stamped, the attacker's trigger still works on {brief(point)} "
        f"of the images here, with MESA's samples on {brief(mesa)}; in brackets 95 % intervals, n = {point.n:,}. At a "
        f"**small** one **the point is a lottery**: the paper stamps {claims.share(PROTOCOLS['paper']['repair_ratio'][0])} of the "
        f"images, and its points left {_span('point')}, its distribution {_span('after_highest')}. {ours()}"
    )


def ten_points() -> None:
    """A prepared run with a small repair: ten reversed points, each retrained with on its own, beside MESA and the controls."""
    if (shown := _ten_points()) is None:
        return
    words, drawn, note = shown
    st.markdown(words)
    alt = (
        "What is left of the ring after each of ten points, MESA, random triggers, the original and clean images alone."
    )
    st.plotly_chart(drawn, width="stretch", key="learn_lottery", alt=alt, config={"displaylogo": False})
    st.caption(note)


@st.cache_resource(show_spinner=False)
def _ten_points() -> tuple[str, Figure, str] | None:
    """The words, the figure and its caption, made once for all visitors, as what is shipped stays; None where it is not here."""
    run = prepared(DRAWN)
    result = run.outcome() if run else None
    column = figure.of_run(result) if result else None
    drawn = figure.draw([column]) if column else None
    if result is None or column is None or drawn is None:
        return None
    drawn.update_layout(height=400, margin_t=130)
    drawn.layout.annotations = ()  # what the one panel is the words above tell
    words = (
        "**Is one point enough to retrain with?** How often the ring still works after it, "
        f"{claims.share(result.config['repair_ratio'])} of the images stamped: {figure.parted(column)}; MESA's samples leave "
        f"{claims.share(column.left['mine'].value)}. Which point a search finds is chance. "
        f"[See this run](./?run={DRAWN}&screen=all)"
    )
    n, before = column.before.n, brief(column.before)
    return words, drawn, f"n = {n:,} images for each mark; bars: 95 % intervals; before the repair {before}."


@st.cache_resource(show_spinner=False)
def ours() -> str:
    """What we measured of that ourselves, with one trigger on each kind of images; empty if it is not at hand."""
    columns, parts = figure.read(shipped_lottery()), []
    for data, words in (("signs", "on these signs, with another trigger"), ("cifar10", "on CIFAR-10, with a hard one")):
        if small := figure.told(columns, SMALL, data):
            parts.append(f"{words}: {small}")
    if not parts:
        return ""
    return f"Ours, {'; '.join(parts)}. More budgets: on the Paper page, under Lottery."


def _span(claim: str) -> str:
    return f"{claims.share(claims.number(claim, 'low'))} to {claims.share(claims.number(claim, 'high'))}"


def ask(story: shipped_networks.Story, point: np.ndarray, valid: np.ndarray) -> None:
    """How much is left with some caution."""
    outside = int((~reach(point, ASKED))[valid].sum())
    options = lesson.choices(outside, len(valid))
    lesson.question(
        "point",
        "The defender blocks the reversed trigger and all that differ from it in at most two cells. How many valid ones still open the door?",
        [f"{n} of {len(valid)}" for n in options],
        options.index(outside),
        f"{outside} of {len(valid)} stay out of reach of the one point. Blocking is not all that a defender can do, though: "
        "retraining generalises as well, and so one point can be enough where the budget is large.",
        "Try it: choose one reversed trigger and let two cells differ.",
    )
