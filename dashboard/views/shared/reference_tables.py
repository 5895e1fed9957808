"""The sub-models of a finished run beside the exact distribution, where somebody has sampled it; else nothing is said of it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard import stored
from dashboard.serving import reading, runs
from dashboard.serving.references import Place, Stamps, stamps_of
from dashboard.serving.shown import Shown
from dashboard.views.shared import reference_weights, take_away
from dashboard.views.shared.amounts import number
from mesa_core import triggers
from mesa_core.config import ExperimentConfig
from mesa_core.measures import coverage
from mesa_core.measures.intervals import Measured
from mesa_core.measures.submodel import Beside
from mesa_core.reference import record
from mesa_core.reference.options import Options
from mesa_core.reference.record import Record
from mesa_core.store import Run, StoreError, checks
from mesa_core.words import brief, counted

DIFFERENCE, OWN = "difference, nats", "its own entropy, nats"
COLUMNS = (
    DIFFERENCE, "inside", "modes found", "recall", "recall of exact", "entropy, nats", "entropy of exact, nats", "n of each",
    "log volume, nats",
)  # fmt: skip


def section(shown: Shown, narrow: bool = False) -> None:
    """The tables of a finished run beside the exact distribution; nothing where there is none. `narrow`: in an expander."""
    run, result = shown.run, shown.result
    try:
        place, there = shown.place, shown.reference
    except StoreError as error:
        st.warning(stored.markdown(error))
        return
    if result is None or not result.submodels:
        return
    if shown.config.cell != triggers.COLOURS:
        if not narrow:
            st.caption(
                "The exact distribution is of opaque triggers, so samples with opacities are not compared with it."
            )
        return
    if place is None or there is None:
        if not narrow and shown.for_target and os.path.isfile(run.path / "weights" / "attacked.safetensors"):
            st.caption(
                "Nobody has sampled the exact distribution of this network's valid triggers yet, so nothing is compared with it. "
                f"On this computer: `{command(run, shown.config)}` (minutes to hours)."
            )
        if not narrow and result.gamma_exact:
            with reading.readable("The weights of this run's mixture"):
                reference_weights.draw(run, None, result, narrow)
        return
    title = "Beside the exact distribution"
    box = st.expander(title) if narrow else st.container(key="exact_tables")
    with box, reading.readable("What the exact distribution says of this run"):
        if not narrow:
            st.subheader(title, anchor=False)
        st.markdown(about(there))
        take_away.beside(compared(shown), f"{run.name}-exact", "exact", narrow, "β")
        st.caption(
            "*Difference*: how much more widely the sub-model's samples spread than as many exact ones; below zero, it is "
            "narrower than what is valid. Both *entropies* are estimated by the same method (nearest neighbours, "
            "Kozachenko-Leonenko, k = 3) ± one standard error (neighbours counted as independent); each is biased by several "
            "nats in so many dimensions, so only the difference means something. *Inside*: the share of samples that lie as "
            "near to the exact ones as 95 % of those to each other. *Modes found*: groups of similar triggers in the exact "
            "distribution that some sample comes near to. *Recall* at the sub-model's own β: the share of the n valid "
            "black-and-white triggers that some sample rounds to, and what as many exact samples recall (a sample counts by its "
            f"ASR, of {shown.config.sample_images} images in the run and {there.told['options']['sample_images']} in the exact "
            "sample, and a sub-model may aim above its β, so it can recall more). *Log volume*: the share of all colour triggers "
            "that are in the exact distribution, as a logarithm, ± one standard error. *Its own entropy*, which the kind flow "
            "tells by its density, can be compared with the log volume itself. In brackets 95 % intervals."
            + (" The table can be scrolled sideways." if narrow else "")
        )
        reference_weights.draw(run, there, result, narrow)


def command(run: Run, config: ExperimentConfig) -> str:
    """What to type for this run's reference, with the run's own levels where the default has others."""
    betas = sorted(b for b in config.beta if 0 < b < 1)
    levels = "" if tuple(betas) == Options().levels or not betas else " --levels " + " ".join(f"{b:g}" for b in betas)
    return f"mesa-lab reference --run {run.name}{levels}"


def about(there: Record) -> str:
    """What was sampled, by how many runs, and how often it succeeds on other images."""
    options, levels = there.told["options"], there.levels
    count = int(options["repeats"])
    rates = ", ".join(f"{brief(one.mean_asr)} (β = {one.beta:g})" for one in levels)
    return (
        "This network's valid triggers were also sampled without any model: every trigger to which the network gives the target "
        f"class a chance of at least β, in the mean over {options['images']} fixed images of the defender's, is equally likely "
        f"({'one run' if count == 1 else f'{count} independent runs'} of {options['particles']} triggers; an oracle, since it is told "
        "the target class). So it can be said what a sub-model misses. An ASR lies below such a chance, and other images "
        f"count: in the mean these triggers succeed on {rates} of the evaluation images."
    )


def compared(shown: Shown) -> list[dict[str, Any]]:
    """One row a sub-model; where the run kept no samples, what it measured itself, if it did after the reference.

    [] without a result or a reference. StoreError.
    """
    run, result, place, there = shown.run, shown.result, shown.place, shown.reference
    if result is None or place is None or there is None:
        return []
    known, table = stamps_of(run.path / "snapshots", "samples.npz", "axes.npz"), []
    for index, one in enumerate(result.submodels):
        beta, own = one.beta, f"{one.beta:g}"
        beside, errors, own_recall, again = _measured(str(run.path), known, place, index, beta)
        beside = beside or one.reference
        row: dict[str, Any] = {"β": own, **dict.fromkeys(COLUMNS, "–")}
        if told := one.density:  # a kind that knows how probable each of its triggers is
            error = f" ± {number(told.error, 2)}" if told.error is not None else ""
            row[OWN] = f"{number(told.value)}{error}, n = {told.n:,}"
        table.append(row)
        if there.index(beta) is None or not beside:
            row[DIFFERENCE] = "not sampled at this level" if there.index(beta) is None else "too few samples are kept"
            continue
        ours, theirs = beside.entropy_of_samples.value, beside.entropy.value
        modes, recall, m = beside.modes_found, one.recall.get(own) or own_recall, beside.log_volume
        figures = (
            number(ours - theirs) + (f" ± {number(math.hypot(*errors))}" if errors else ""),
            counted(beside.inside),
            f"{modes.found} of {modes.of}" if modes.of else "none stands apart",
            counted(recall),
            f"{brief(again)}, {again['samples']} samples" if again else "–",
            number(ours) + (f" ± {number(errors[0])}" if errors else ""),
            number(theirs) + (f" ± {number(errors[1])}" if errors else ""),
            str(beside.entropy.n),
            f"{number(m.value)} ± {number(m.error)}",
        )
        row |= dict(zip(COLUMNS, figures, strict=True))
    return table


@st.cache_resource(max_entries=256, show_spinner=False)
def _measured(
    path: str, stamps: Stamps, place: Place, index: int, beta: float
) -> tuple[Beside | None, tuple[float, float] | None, Measured | None, dict[str, Any] | None]:
    """What the reference says of a run's samples, the entropies' standard errors, their recall and the reference's.

    Computed from the samples' bytes (256 steps a colour), so it may differ from the run's own figures in the last digit.
    """
    from mesa_core.measures import entropy  # scikit-learn takes a second to import, and only this needs it

    run, there = Run(Path(path)), place.read()
    held, level = runs.samples(run), there.level(beta) if there else None
    if held is None or there is None or level is None:
        return None, None, None, None
    flat = held["triggers"][held["level"] == index] / np.float32(255)
    places = level[0]
    n = min(len(flat), len(places))
    if n < checks.FEWEST or flat.shape[1] != places.shape[1]:
        return None, None, None, None
    beside = record.beside(there, beta, flat)
    errors = entropy.standard_error(flat[:n]), entropy.standard_error(places[:: max(1, len(places) // n)][:n])
    before, recall, again = runs.maps(run).before, None, None
    config = runs.config(run)
    if before is not None and config.landscape_images and not triggers.drawn(config.size):
        ours, theirs = (triggers.round_to_codes(triggers.unflatten(part)) for part in (flat, places))
        found = coverage.recall(before, ours, held["asr"][held["level"] == index].astype(np.float64), beta)
        recall = found
        again = record.recall_at(there, beta, len(flat), before, theirs, beta)
    return beside, errors, recall, again
