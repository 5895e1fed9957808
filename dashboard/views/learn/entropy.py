"""Step 4: entropy and α. The law that a sub-model aims at, exactly, in a world of one dimension."""

from __future__ import annotations

import streamlit as st

from dashboard.components.law import Plot, Series, law
from dashboard.views.learn import lesson, toy

ALPHAS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
LEVELS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
DOTS = 90
REAL = {"signs-two-modes-alpha-0": "0", "signs-two-modes": "0.1", "signs-two-modes-alpha-10": "10"}


def draw() -> None:
    """The whole step."""
    lesson.words(
        "How can a generator cover *all* valid triggers, if nobody can show it one? By two wishes at once: every sample "
        "should **work** (*F* at least β), and the samples should be as **different** from each other as possible. "
        "How different they are is measured by the **entropy** *h*; how much that counts, by **α**. "
        "In this toy world a trigger is a single number between 0 and 1, so the best answer can be computed exactly. Move α.",
        "sub-model entropy nats alpha ASR staircase",
    )
    left, right = st.columns([1.35, 1], gap="large")
    with left:
        a, b = st.columns(2)
        with a:
            alpha = lesson.slider(
                "alpha", "α, how much to spread", ALPHAS, 0.03, "The weight of entropy against success.", "{:g}".format
            )
        with b:
            beta = lesson.slider(
                "beta",
                "β, what counts as working",
                LEVELS,
                0.7,
                "Samples with F of at least this cost nothing.",
                "{:g}".format,
            )
        now = toy.law(alpha, beta)
        top = max(1.0, min(float(now.density.max()) * 1.1, 12.0))
        law(
            [
                Plot(
                    "F(x): how often the toy trigger x works",
                    1.0,
                    [Series("F", toy.success())],
                    [(beta, f"β = {beta:g}")],
                ),
                Plot("the law p(x) that the sub-model aims at", top, [Series("p", now.density, 1, "area")]),
            ],
            toy.quantiles(now.density, DOTS),
            f"Above the curve F with three hills, below it the law for α = {alpha:g}: {now.valid:.0%} of its samples work.",
            "learn_law",
        )
        figures(now, beta)
        lesson.measured("What α does to real sub-models", REAL, "α")
    with right:
        lesson.equation(
            r"""\begin{aligned}L=&\max\big(0,\;\beta_i-F\circ G_{\theta_i}(z)\big)\\&-\alpha\,\hat I_{T_i}\big(G_{\theta_i}(z),z\big)\\
            h(X)=&\;I(X;Z)\end{aligned}""",
            "equations 4 and 2 of the paper",
            "The first part is zero for samples that work well enough. The second rewards spread: the generator's "
            "entropy *h* equals how much one can tell about its noise *z* from its output, and a second network *T* "
            "estimates that. With unlimited power the best law is p(x) ∝ exp(−max(0, β − F(x)) / α).",
        )
        wide, narrow = toy.law(10.0, beta), toy.law(0.03, beta)
        lesson.question(
            "entropy",
            "α is turned up from 0.03 to 10. What happens to the samples?",
            ["More of them work", "They spread out, and fewer of them work", "They gather on the highest hill"],
            1,
            f"At β = {beta:g} the share that works falls from {narrow.valid:.0%} to {wide.valid:.0%}, while the entropy grows "
            f"from {nats(narrow.entropy)} to {nats(wide.entropy)} (0 is plain noise). At α = 0 nothing asks for spread at all, and "
            f"a single point is as good as any law. These are exact, no samples. The paper's generators end at α = 0 on a few "
            "tight points, far apart or not; other kinds of sub-model spread over all valid triggers even then.",
            "Try it: drag α to its right end, then to 0.",
        )
        lesson.lab_link(
            data="signs", trigger="fff fff fff fff 000 fff fff fff fff", target=0, alpha=f"{alpha:g}", beta=f"{beta:g}"
        )


def nats(value: float) -> str:
    """'−1.37', with a true minus, and no minus before nought."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def figures(now: toy.Law, beta: float) -> None:
    """What the law is worth."""
    with st.container(horizontal=True, gap="large"):
        st.metric(
            "Samples that work",
            f"{100 * now.valid:.0f} %",
            help=f"Share of the law where F is at least β = {beta:g}. Exact.",
            width="content",
        )
        st.metric(
            "Mean success", f"{100 * now.mean_success:.0f} %", help="F averaged over the law. Exact.", width="content"
        )
        st.metric(
            "Entropy",
            f"{nats(now.entropy)} nats",
            help="0: as spread as possible. The more negative, the narrower.",
            width="content",
        )
        st.metric(
            "Valid ones covered",
            f"{100 * now.reached:.0f} %",
            help="Of all x with F ≥ β, the share with at least a tenth of its fair density.",
            width="content",
        )
    st.caption(
        "The orange dots stand for samples: each for an equal part of the law. All figures are exact, up to a grid of 600 cells."
    )
