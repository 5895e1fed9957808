"""α against β as small multiples on the same axes (the paper's Figure 3); what is missing can be queued."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard import address, stored
from dashboard.serving import queue, runs, visitors
from dashboard.views.shared import take_away
from dashboard.visit import controls, run_choice
from mesa_core import triggers
from mesa_core.config import ExperimentConfig
from mesa_core.config.identity import HOW, MORE
from mesa_core.measures import breadth
from mesa_core.pictures import charts, trigger_maps
from mesa_core.store import Run, StoreError

WANTED = (0.0, 0.1, 10.0)
MOST = 6  # rows
PENDING = ("waiting", "running")
VIEWS = {"pca": "PCA", "tsne": "t-SNE"}


def panel(run: Run, level: int | None, view: str) -> dict[str, Any] | None:
    """A run's samples of one level (None: all) as `trigger_maps.scatter` wants them; None where they cannot be read."""
    found, axes = runs.samples(run), runs.maps(run) if _readable(run) else None
    if found is None or axes is None:
        return None
    return trigger_maps.panel_of(found, level, view, axes.before)


def _readable(run: Run) -> bool:
    try:
        runs.config(run)
        return True
    except StoreError:
        return False


def same_axes(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether a place means the same in both, that is: whether both attacked the same victim."""
    if a["triggers"].shape[1] != b["triggers"].shape[1]:
        return False
    return np.allclose(a["ground"], b["ground"], atol=1e-4) and np.allclose(a["bounds"], b["bounds"], atol=1e-4)


def _plain(config: ExperimentConfig) -> dict[str, Any]:
    return {k: v for k, v in config.to_dict().items() if k != "alpha" and k not in (*MORE, *HOW)}


def family(base: ExperimentConfig) -> dict[float, list[Run]]:
    """Runs that differ from `base` in α only, whatever defences stand beside MESA, by α, the newest first."""
    plain = _plain(base)
    found: dict[float, list[Run]] = {}
    for run in runs.listed():
        try:
            config = runs.config(run)
        except StoreError:
            continue
        if _plain(config) == plain and run.state() in (*PENDING, "finished"):
            found.setdefault(config.alpha, []).append(run)
    return found


def fullest() -> int:
    """The place in the list of the run to begin with: of the family that has finished most of WANTED, the first."""
    done: dict[str, set[float]] = {}
    first: dict[str, int] = {}
    for i, run in enumerate(runs.listed()):
        try:
            config = runs.config(run)
        except StoreError:
            continue
        if run.state() == "finished" and config.alpha in WANTED:
            plain = repr(_plain(config))
            done.setdefault(plain, set()).add(config.alpha)
            first.setdefault(plain, i)
    return first[max(done, key=lambda plain: len(done[plain]))] if done else 0


def chosen(groups: dict[float, list[Run]]) -> tuple[dict[float, Run], dict[float, Run]]:
    """(finished runs by α that share one victim, pending ones by α). The victim with most α's is taken."""
    done = [(alpha, run, p) for alpha, many in groups.items() for run in many if (p := panel(run, None, "pca"))]
    done = [(alpha, run, p) for alpha, run, p in done if run.state() == "finished"]
    best: dict[float, Run] = {}
    for _, _, reference in done:
        here = {alpha: run for alpha, run, p in reversed(done) if same_axes(reference, p)}
        best = here if len(here) > len(best) else best
    pending = {a: r for a, many in groups.items() for r in many if a not in best and r.state() in PENDING}
    return best, pending


def draw() -> None:
    """The section: a base run, the grid, and the offer to queue what is missing."""
    st.markdown(
        "**α** weighs *spread* against *success*: at 0 a generator shrinks to a few tight points, at 10 it spreads beyond what works. "
        "**β** is how often a trigger must succeed. Rows and columns share their axes, so places can be compared."
    )
    run = run_choice.picker(
        "Run that gives all other settings",
        "base",
        run_choice.run_at("base", 0 if address.names("base") else fullest()),
        "Runs that differ from it in α only make the rows.",
    )
    if run is None:
        return
    try:
        base = runs.config(run)
    except StoreError as error:
        st.warning(stored.markdown(error))
        return
    if base.suspect:
        st.info("This run examined a network that somebody brought; choose one with an attack of its own.")
        return
    view = controls.segmented("View", "view", VIEWS, "pca", part="alpha_")
    _, pending = chosen(family(base))

    @st.fragment(run_every=3.0 if pending else None)
    def grid() -> None:
        best, waits = chosen(family(base))
        if set(waits) != set(pending):
            st.rerun()
        _offer(base, best, waits)
        _grid(base, best, waits, view)

    with st.container(key="alpha_grid"):
        grid()


def _offer(base: ExperimentConfig, best: dict[float, Run], waits: dict[float, Run]) -> None:
    missing = [alpha for alpha in WANTED if alpha not in best and alpha not in waits]
    for alpha, run in waits.items():
        st.caption(
            f"α = {alpha:g} is {run.state()} as [{run.name}](./?run={run.name}); its row appears when it has finished."
        )
    if problem := st.session_state.pop("alpha_problem", ""):
        st.error(stored.markdown(problem))
    if missing:
        words = ", ".join(f"{alpha:g}" for alpha in missing)
        many = f"the missing {len(missing)} runs" if len(missing) > 1 else "the missing run"
        st.button(
            f"Queue {many} (α = {words})", key="alpha_queue", on_click=_queue, args=(base, missing),
            help="Each takes its place in the queue of this server. The attack is made once and found again by the others.",
        )  # fmt: skip


def _queue(base: ExperimentConfig, missing: list[float]) -> None:
    for alpha in missing:
        try:
            run, token = queue.start({**base.to_dict(), "alpha": alpha}, visitors.visitor(), visitors.where())
            visitors.remember(run, token)  # so that its starter may stop it
        except StoreError as error:
            st.session_state.alpha_problem = str(error)
            return


def _grid(base: ExperimentConfig, best: dict[float, Run], waits: dict[float, Run], view: str) -> None:
    rows = sorted({*WANTED, *best, *waits})[:MOST]
    panels = [[panel(best[a], i, view) if a in best else None for i in range(len(base.beta))] for a in rows]
    if not best:
        st.info("No finished run of this kind is here yet.")
        return
    grid = panels, [f"β = {b:g}" for b in base.beta], [f"α = {a:g}" for a in rows]
    names = ", ".join(f"α = {a:g}: {r.name}" for a, r in sorted(best.items()))
    note = (
        f"{VIEWS[view]} of {base.samples} samples each, framed in the colour of their ASR (n = {base.sample_images} images a sample); "
        f"grey: the {triggers.of_panel(base.size)} black-and-white triggers. Seed {base.seed}. {names}."
    )
    take_away.figure(
        trigger_maps.scatter(*grid), "alpha-beta", "Small scatters of samples, a row for each α and a column for each β.",
        note, "alpha_grid", apart=trigger_maps.apart(*grid),
    )  # fmt: skip
    table = []
    for alpha, run in sorted(best.items()):
        try:
            result, measured = runs.result(run), runs.levels(run)
        except StoreError:
            continue
        for one in measured if result else []:
            row = {"α": f"{alpha:g}", "β": f"{one.beta:g}", "mean ASR": charts.said(one.mean_asr)}
            row |= breadth.columns(one)
            row |= {f"recall ≥ {level}": charts.said(m) for level, m in one.recall.items()}
            after = result.after.get("mesa") if result else None
            row["original after repair"] = charts.said(after.asr.original if after else None)
            table.append(row)
    take_away.table(table, "alpha-beta", "alpha_table")
    st.caption(breadth.WORDS)
