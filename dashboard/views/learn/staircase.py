"""Step 5: the staircase and β. Uniform sub-models stacked up rebuild the whole distribution."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard.components.law import Plot, Series, law
from dashboard.views.learn import lesson, toy

STEPS = (2, 3, 4, 6, 10, 20)
REAL = {"signs-whole-mine": "the paper's generators", "signs-whole-particles": "particles"}
MIXES = {"entropy": "by width (γ ∝ eʰ)", "uniform": "equal (1/N)"}


def levels(used: int) -> list[float]:
    """Algorithm 1's levels for `used` + 1 steps without its last, β = 1: nothing exceeds that one, it is always skipped."""
    return toy.even_levels(used + 1)[:-1]


def draw() -> None:
    """The whole step."""
    lesson.words(
        "One level β makes one flat layer: all triggers above β alike, those just below forgotten. MESA stacks several. "
        "Each sub-model *Gᵢ* covers the triggers with *F* > βᵢ evenly; a high β gives few and strong ones, a low β many "
        "and weaker ones. Mixed with the right weights the layers form a **staircase** that follows the distribution, "
        "and the more steps, the closer its shape. Choose the number of steps.",
        "staircase beta sub-model hinge entropy ASR nats",
    )
    left, right = st.columns([1.35, 1], gap="large")
    with left:
        a, b = st.columns(2)
        with a:
            count = lesson.slider(
                "steps",
                "Steps of the staircase, N",
                STEPS,
                3,
                "The levels are β = 1/(N+1), …, N/(N+1): those of Algorithm 1 without its last, β = 1, which no trigger exceeds.",
            )
        with b:
            mix = lesson.choice(
                "mix",
                "Weights of the mixture",
                tuple(MIXES),
                "entropy",
                MIXES,
                "Algorithm 1's weights, or the same for every sub-model.",
            )
        now = toy.staircase(levels(count), mix == "uniform")
        top = 1.15 * float(max(now.mixture.max(), now.wanted.max()))
        f = toy.success()
        layers = [Series(f"G{i + 1}", np.where(f > level, level, 0.0), i, "area") for i, level in enumerate(now.levels)]
        law(
            [
                Plot(
                    "F(x), and where each level's sub-model lives",
                    1.0,
                    [*layers, Series("F", f, 0)],
                    [(v, "") for v in now.levels if count <= 6],
                ),
                Plot(
                    "the mixture (filled) and the distribution it should be (dashed)",
                    top,
                    [Series("mixture", now.mixture, 1, "area"), Series("f", now.wanted, 0, "dashed")],
                ),
            ],
            toy.quantiles(now.mixture, 90),
            f"A staircase of {count} levels: {now.error:.0%} of the mixture's mass lies where it should not.",
            "learn_stairs",
        )
        figures(now)
        lesson.measured("Do real sub-models form a staircase?", REAL, "kind")
    with right:
        lesson.equation(
            r"\bar{\mathcal X}_i=\{x:F(x)>\beta_i\},\qquad \gamma_i=\frac{e^{h(G_i(Z))}}{Z_0}",
            "Algorithm 1, lines 5, 8 and 13, with g the identity",
            "*X̄ᵢ* are the triggers above level βᵢ. Its sub-model weighs as much as it is wide, since *e* to the power of the "
            "entropy of an even law *is* its width. A level that nothing reaches is **skipped**, weight 0. "
            "More steps draw the shape more closely, but a defence need not have the exact shape, only meet the valid triggers "
            "often enough: for that three levels, mixed equally, do in practice. Nor need real sub-models nest: the paper's "
            "generators lie inside each other in the two axes of a picture, and seldom in all 27 dimensions; particles do in all.",
        )
        few, many = (toy.staircase(levels(n)) for n in (3, 10))
        flat = toy.staircase(levels(20), True)
        lesson.question(
            "staircase",
            "You take 10 steps instead of 3. How much of the mass is still misplaced?",
            ["As much as before", "Less than half as much", "None at all"],
            1,
            f"{few.error:.1%} with 3 steps, {many.error:.1%} with 10, and some always, since steps are flat. That needs the right weights: "
            f"with equal ones {flat.error:.1%} stay misplaced even with 20 steps. All exact.",
            "Try it: 3, then 10; then 20 with equal weights.",
        )
        lesson.lab_link(data="signs", trigger="fff fff fff fff 000 fff fff fff fff", target=0, beta="0.5,0.8,0.9")


def figures(now: toy.Staircase) -> None:
    """What the staircase is worth."""
    with st.container(horizontal=True, gap="large"):
        st.metric(
            "Misplaced mass",
            f"{100 * now.error:.1f} %",
            help="Half the area between the mixture and the distribution. 0: they agree.",
            width="content",
        )
        st.metric(
            "Sub-models used",
            f"{sum(w > 0 for w in now.weights)} of {len(now.levels)}",
            help="Levels that some trigger reaches; others are skipped.",
            width="content",
        )
    rows = [
        {"β": f"{level:.2f}", "width eʰ": f"{width:.3f}", "weight γ": f"{gamma:.3f}" if width else "skipped"}
        for level, width, gamma in zip(now.levels, now.widths, now.weights, strict=True)
    ]
    with st.expander("The sub-models in figures"):
        st.dataframe(rows, hide_index=True, width="stretch")
