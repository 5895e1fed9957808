"""Point against distribution over all runs (the paper's Figure 4), and every figure of a run at once."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import stored
from dashboard.serving import reading, runs
from dashboard.views.compare import alphas
from dashboard.views.shared import take_away
from dashboard.visit import controls, run_choice
from mesa_core import events as ev
from mesa_core import opacity, triggers
from mesa_core.config import ExperimentConfig
from mesa_core.measures import breadth
from mesa_core.pictures import charts, saving, trigger_maps
from mesa_core.pictures.drawing import NoPicture
from mesa_core.pictures.orders import usual
from mesa_core.store import Run, StoreError
from mesa_core.store.results import Result
from mesa_core.words import named

AFTER = ("original", "sampled", "worst")
Figures = dict[str, tuple[str, str, Callable[[], Any]]]  # file -> (title, caption, how to draw it)


def title(config: ExperimentConfig) -> str:
    """What groups runs in the seeds figure: data, trigger, and the share that repairs stamp, on which it hangs."""
    return (
        f"{config.data}, {triggers.brief(triggers.from_hex(config.trigger))}, {100 * config.repair_ratio:g} % stamped"
    )


def many(count: int, what: str) -> str:
    """'1 finished run', '2 finished runs'."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def seeds() -> None:
    """The section: every finished run that has a point defence, grouped by its trigger and budget."""
    st.markdown(
        "A **point defence** reverses one trigger and retrains on it: how well that works depends on which one it happened to find. "
        "**MESA** retrains on the distribution. Each hollow circle is one seed of the point defence, each filled diamond one of MESA."
    )
    found = [(run, config, result) for run, config, result in runs.finished() if "point" in result.after]
    if not found:
        st.info("No run with a point defence has finished yet.")
        return
    measure = controls.segmented(
        "Figure", "figure", {m: charts.MEASURES[m] for m in AFTER}, "original",
        "After the repair, with 95 % intervals. The original and the oracle are known to whoever staged the attack only.",
        part="seeds_",
    )  # fmt: skip
    drawn = charts.seeds([(title(c), c.trigger, charts.evaluations(r)) for _, c, r in found], measure)
    count = sum(len(r.points) for _, _, r in found)
    machines = sorted({stored.plain(r.hardware.get("name", "?"), 200) for _, _, r in found})
    note = (
        f"{many(len(found), 'finished run')}, {many(count, 'point repair')}; seeds {', '.join(sorted({str(c.seed) for _, c, _ in found}))}; "
        f"bars: 95 % intervals; computed on {', '.join(machines)}. Sorted by MESA's figure. More seeds of the point defence: --point-seeds on the command line."
    )
    take_away.figure(
        drawn,
        "point-against-distribution",
        "Each defence's figure after the repair, a line for each trigger and share of stamped images.",
        note,
        "seeds",
    )
    take_away.table(seed_rows(found), "point-against-distribution", "seeds")


def seed_rows(found: list[tuple[Run, ExperimentConfig, Result]]) -> list[dict[str, Any]]:
    """The seeds figure as a table, one row a repair."""
    rows = []
    for run, config, result in found:
        for name, e in charts.evaluations(result).items():
            row = {"trigger": title(config), "run": run.name, "seed": config.seed, "defence": named(name)}
            for measure in (*AFTER, "clean_accuracy"):
                row[charts.MEASURES[measure]] = charts.said(charts.measured(e, measure))
            rows.append(row)
    return rows


def everything() -> None:
    """The section: all figures of one run, each to be saved, and all in one file."""
    run = run_choice.picker("Run", "run", run_choice.current(), "All figures of this run, drawn at once.")
    if run is None:
        return
    try:
        found, rows = of_run(run)
    except StoreError as error:
        st.warning(stored.markdown(error))
        return
    if not found:
        st.info(f"{run.name} is {run.state()}; there is nothing to draw yet.")
        return
    take_away.run_panel(run, "gallery")
    left, right = st.columns(2)
    with right:
        take_away.download(
            "All sampled triggers (CSV)", lambda: saving.csv_of(sample_rows(run)), f"{run.name}-samples.csv", "text/csv",
            "all_samples", "The scatters in numbers: level, ASR, mode, places, and each trigger as hex colours.",
        )  # fmt: skip
    with left:
        kind = "PNG, SVG, HTML, CSV" if saving.pictures() else "HTML, CSV"
        take_away.download(
            f"All figures (zip: {kind})", lambda: archive(run), f"{run.name}-figures.zip", "application/zip", "all_figures",
            "Takes half a minute where pictures are made." if saving.pictures() else None,
        )  # fmt: skip
    for file, (words, note, make) in found.items():
        st.subheader(words, anchor=False)
        take_away.figure(
            make(), f"{run.name}-{file}", f"{words} of {run.name}.", note, f"all_{file}", apart=samples(run, file)
        )
    if rows:
        st.subheader("As a table", anchor=False)
        take_away.table(rows, f"{run.name}-defences", "all_defences")
    if levels := level_rows(run):
        st.subheader("The sub-models as a table", anchor=False)
        take_away.table(levels, f"{run.name}-submodels", "all_submodels")
        st.caption(breadth.WORDS)


def samples(run: Run, file: str) -> list[list[Any]]:
    """The panels of a figure of samples, each apart; [] for another figure."""
    name, _, view = file.partition("-")
    if name != "samples" or view not in alphas.VIEWS:
        return []
    betas = runs.config(run).beta
    return trigger_maps.apart(
        [[alphas.panel(run, i, view) for i in range(len(betas))]], [f"β = {b:g}" for b in betas], [""]
    )


def of_run(run: Run) -> tuple[Figures, list[dict[str, Any]]]:
    """Every figure that a run has the data for, and the table of its defences. StoreError where it cannot be read."""
    config, result, maps = runs.config(run), runs.result(run), runs.maps(run)
    found: Figures = {}
    note = charts.caption(result) if result else f"Seed {config.seed}; the run has not finished."
    plain = charts.caption(result, bars=False) if result else note
    if result:
        for measure in ("original", "worst"):
            words = f"Every defence: {charts.MEASURES[measure]}"
            found[f"defences-{measure}"] = (
                words,
                note,
                _drawn(charts.defences, {run.name: charts.evaluations(result)}, measure),
            )
        if result.submodels:
            found["coverage"] = ("Recall and precision by level", note, _drawn(charts.coverage, result))
    shown = {t: m for t, m in (("After the attack", maps.before), ("After MESA's repair", maps.after)) if m is not None}
    if maps.before is not None:
        words = f"ASR of each of the {triggers.of_panel(maps.size)} on n = {maps.n} images. {plain}"
        found["landscape"] = (
            f"The {triggers.of_panel(maps.size)} black-and-white triggers"
            if triggers.drawn(maps.size)
            else "All 512 black-and-white triggers",
            words,
            _drawn(trigger_maps.landscape, shown, usual(maps.before, maps.size), maps.n, False, maps.size),
        )
    for view, name in alphas.VIEWS.items():
        panels = [alphas.panel(run, i, view) for i in range(len(config.beta))]
        if any(panels):
            words = f"Each square is a sampled trigger, framed in the colour of its ASR (n = {config.sample_images} images). {plain}"
            heads = [f"β = {b:g}" for b in config.beta]
            found[f"samples-{view}"] = (
                f"Sampled triggers, {name}",
                words,
                _drawn(trigger_maps.scatter, [panels], heads, [""]),
            )
    steps = [
        (e.done, e.metrics)
        for e in reading.events(run)
        if isinstance(e, ev.Progress) and e.stage == "mesa" and e.metrics
    ]
    if any(name.startswith("asr_") for _, m in steps for name in m):
        words = f"F of the batch that a step trains on, K = {config.images_per_trigger} image a trigger, so it is noisy. Seed {config.seed}."
        found["training"] = ("Success of the samples while the sub-models train", words, _drawn(charts.curves, steps))
    return found, seed_rows([(run, config, result)]) if result else []


def level_rows(run: Run) -> list[dict[str, Any]]:
    """The sub-models as a table: how well their samples work, how wide they lie and how they nest."""
    return [
        {"β": f"{one.beta:g}", "mean ASR": charts.said(one.mean_asr), **breadth.columns(one)}
        for one in runs.levels(run)
    ]


def sample_rows(run: Run) -> list[dict[str, Any]]:
    """The measured samples as a table: level, ASR, mode, places, and the trigger as hex colours, where it has no 256 of them."""
    found = runs.samples(run)
    if found is None:
        return []
    betas, rows = runs.config(run).beta, []
    for i, flat in enumerate(found["triggers"]):
        level = int(found["level"][i])
        row = {"β": f"{betas[level]:g}" if level < len(betas) else level, "ASR": round(float(found["asr"][i]), 4)}
        colours, share = opacity.said(triggers.unflatten(flat) / 255)
        row |= {"mode": int(found["mode"][i])}
        if triggers.side_of(len(flat)) != triggers.LARGE:  # that many colours are no cell of a table
            row |= {"trigger": colours}
            row |= {} if share is None else {"opacity": " ".join(f"{v:.2f}" for v in share)}
        for view in alphas.VIEWS:
            row |= {f"{view} {axis}": round(float(found[view][i][j]), 4) for j, axis in enumerate("xy")}
        rows.append(row)
    return rows


def _drawn(make: Callable[..., Any], *given: Any) -> Callable[[], Any]:
    return lambda: make(*given)


def archive(run: Run) -> bytes:
    """Every figure as HTML and, where they can be made, PNG and SVG; and the table."""
    found, rows = of_run(run)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, contextlib.ExitStack() as stack:
        painter = None
        with contextlib.suppress(NoPicture):
            painter = stack.enter_context(saving.browser()) if saving.pictures() else None
        for name, (_, note, make) in found.items():
            drawn = make()
            file.writestr(f"{run.name}/{name}.html", saving.html_of(drawn, note))
            for kind in ("png", "svg"):
                try:
                    if painter is not None:
                        file.writestr(f"{run.name}/{name}.{kind}", painter.image_of(drawn, note, kind))
                except NoPicture:
                    painter = None  # the HTML has to do
        file.writestr(f"{run.name}/defences.csv", saving.csv_of(rows))
        if levels := level_rows(run):
            file.writestr(f"{run.name}/submodels.csv", saving.csv_of(levels))
        file.writestr(f"{run.name}/samples.csv", saving.csv_of(sample_rows(run)))
    return buffer.getvalue()
