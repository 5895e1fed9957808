"""Algorithm 1's weights beside those that exact log-volumes, or the sub-models' own entropies, give."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard.views.shared import take_away
from dashboard.views.shared.amounts import share
from mesa_core.method import staircase
from mesa_core.reference.record import Record
from mesa_core.store import Run
from mesa_core.store.results import Result


def draw(run: Run, there: Record | None, result: Result, narrow: bool) -> None:
    """Algorithm 1's weights: those that were used beside those that exact log-volumes, or the sub-models' own entropies, give."""
    betas = [one.beta for one in result.submodels]
    used, own = result.gamma, result.gamma_exact
    held = [(there.index(beta), there.levels) for beta in betas] if there else []
    volumes = [levels[i].log_volume for i, levels in held if i is not None]
    if len(betas) < 2 or len(used) != len(betas) or betas != sorted(betas):
        return
    kept = [one.kept for one in result.submodels]
    table = [
        {"β": f"{beta:g}", "used": share(float(u)) if stays else "skipped"}
        for beta, u, stays in zip(betas, used, kept, strict=True)
    ]
    exact: list[float] = []
    if len(volumes) == len(betas):
        exact = staircase.weights([True] * len(betas), [v.value for v in volumes], betas)
        for row, e, (low, high) in zip(
            table, exact, staircase.between(betas, [v.to_json() for v in volumes]), strict=True
        ):
            row["from exact volumes"] = f"{share(e)} ({share(low, e)} to {share(high, e)})"
    if own and len(own) == len(betas):
        exact = exact or [float(e) for e in own]
        for row, e, stays in zip(table, own, kept, strict=True):
            row["from its own entropies"] = share(float(e)) if stays else "skipped"
    if not exact:
        return
    st.markdown("**The weights of Algorithm 1**")
    take_away.beside(table, f"{run.name}-weights", "weights", narrow, "β")
    top = int(np.argmax(exact))
    equal = "MESA Lab uses equal weights unless told otherwise."
    said = (
        f"{share(exact[top])} of the weight would go to β = {betas[top]:g}: the lower the level, the larger its set, by "
        "so much that the higher steps hardly count. As a law that is right; for the repair it is not what one wants, since the "
        f"network would hardly be shown the triggers that succeed most. So {equal}"
        if top == 0 and exact[top] > 0.8
        else f"{share(exact[top])} of the weight, the most, would go to β = {betas[top]:g}. {equal}"
    )
    bracket = (
        "; in brackets the 95 % interval that the log volumes' standard errors leave"
        if "from exact volumes" in table[0]
        else ""
    )
    st.caption(
        f"{said} In proportion to (βᵢ − βᵢ₋₁) e^h, where h is the log volume, or the entropy that a sub-model of the kind flow "
        f"tells of itself{bracket}. A level that was skipped has no weight of its own."
    )
