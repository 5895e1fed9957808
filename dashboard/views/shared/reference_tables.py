"""The sub-models of a finished run beside the exact distribution, where somebody has sampled it; else nothing is said of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard import stored
from dashboard.serving import reading, runs
from dashboard.serving.references import Place, Stamps, for_target, place_of, stamps_of
from dashboard.views.shared import reference_weights, take_away
from dashboard.views.shared.amounts import number
from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.measures import coverage
from mesa_core.reference import record
from mesa_core.reference.options import Options
from mesa_core.reference.record import Record
from mesa_core.store import Run, StoreError, checks
from mesa_core.words import brief

DIFFERENCE, OWN = "difference, nats", "its own entropy, nats"
COLUMNS = (
    DIFFERENCE, "inside", "modes found", "recall", "recall of exact", "entropy, nats", "entropy of exact, nats", "n of each",
    "log volume, nats",
)  # fmt: skip


def section(run: Run, events: Sequence[ev.Event], result: Mapping[str, Any], narrow: bool = False) -> None:
    """The tables of a finished run beside the exact distribution; nothing where there is none. `narrow`: in an expander."""
    try:
        place = place_of(run, events)
        there = place.read() if place else None
    except StoreError as error:
        st.warning(stored.markdown(error))
        return
    if not result.get("submodels"):
        return
    if place is None or there is None:
        if not narrow and for_target(run) and (run.path / "weights" / "attacked.safetensors").is_file():
            st.caption(
                "Nobody has sampled the exact distribution of this network's valid triggers yet, so nothing is compared with it. "
                f"On this computer: `{command(run)}` (minutes to hours)."
            )
        if not narrow and result.get("gamma_exact"):
            with reading.readable("The weights of this run's mixture"):
                reference_weights.draw(run, None, result, narrow)
        return
    title = "Beside the exact distribution"
    box = st.expander(title) if narrow else st.container(key="exact_tables")
    with box, reading.readable("What the exact distribution says of this run"):
        if not narrow:
            st.subheader(title, anchor=False)
        st.markdown(about(there))
        take_away.beside(compared(run, place, there, result), f"{run.name}-exact", "exact", narrow, "β")
        st.caption(
            "*Difference*: how much more widely the sub-model's samples spread than as many exact ones; below zero, it is "
            "narrower than what is valid. Both *entropies* are estimated by the same method (nearest neighbours, "
            "Kozachenko-Leonenko, k = 3) ± one standard error (neighbours counted as independent); each is biased by several "
            "nats in so many dimensions, so only the difference means something. *Inside*: the share of samples that lie as "
            "near to the exact ones as 95 % of those to each other. *Modes found*: groups of similar triggers in the exact "
            "distribution that some sample comes near to. *Recall* at the sub-model's own β: the share of the n valid "
            "black-and-white triggers that some sample rounds to, and what as many exact samples recall (a sample counts by its "
            f"ASR, of {runs.config(run).sample_images} images in the run and {there.told['options']['sample_images']} in the exact "
            "sample, and a sub-model may aim above its β, so it can recall more). *Log volume*: the share of all colour triggers "
            "that are in the exact distribution, as a logarithm, ± one standard error. *Its own entropy*, which the kind flow "
            "tells by its density, can be compared with the log volume itself. In brackets 95 % intervals."
            + (" The table can be scrolled sideways." if narrow else "")
        )
        reference_weights.draw(run, there, result, narrow)


def command(run: Run) -> str:
    """What to type for this run's reference, with the run's own levels where the default has others."""
    betas = sorted(b for b in runs.config(run).beta if 0 < b < 1)
    levels = "" if tuple(betas) == Options().levels or not betas else " --levels " + " ".join(f"{b:g}" for b in betas)
    return f"mesa-lab reference --run {run.name}{levels}"


def about(there: Record) -> str:
    """What was sampled, by how many runs, and how often it succeeds on other images."""
    options, levels = there.told["options"], there.told["levels"]
    count = int(options["repeats"])
    rates = ", ".join(f"{brief(one['mean_asr'])} (β = {one['beta']:g})" for one in levels)
    return (
        "This network's valid triggers were also sampled without any model: every trigger to which the network gives the target "
        f"class a chance of at least β, in the mean over {options['images']} fixed images of the defender's, is equally likely "
        f"({'one run' if count == 1 else f'{count} independent runs'} of {options['particles']} triggers; an oracle, since it is told "
        "the target class). So it can be said what a sub-model misses. An ASR lies below such a chance, and other images "
        f"count: in the mean these triggers succeed on {rates} of the evaluation images."
    )


def compared(run: Run, place: Place, there: Record, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a sub-model; where the run kept no samples, what it measured itself, if it did after the reference."""
    known, table = stamps_of(run.path / "snapshots", "samples.npz", "axes.npz"), []
    for index, one in enumerate(result["submodels"]):
        beta, own = float(one["beta"]), f"{one['beta']:g}"
        beside, errors, own_recall, again = _measured(str(run.path), known, place, index, beta)
        beside = beside or one.get("reference")
        row: dict[str, Any] = {"β": own, **dict.fromkeys(COLUMNS, "–")}
        if one.get("density"):  # a kind that knows how probable each of its triggers is
            told = one["density"]
            error = f" ± {number(float(told['error']), 2)}" if told.get("error") is not None else ""
            row[OWN] = f"{number(float(told['value']))}{error}, n = {told['n']:,}"
        table.append(row)
        if there.index(beta) is None or not beside:
            row[DIFFERENCE] = "not sampled at this level" if there.index(beta) is None else "too few samples are kept"
            continue
        checks.check_beside(beside)
        ours, theirs = beside["entropy_of_samples"]["value"], beside["entropy"]["value"]
        modes, recall = beside["modes_found"], (one.get("recall") or {}).get(own) or own_recall
        m = beside["log_volume"]
        figures = (
            number(ours - theirs) + (f" ± {number(math.hypot(*errors))}" if errors else ""),
            f"{brief(beside['inside'])}, n = {beside['inside']['n']}",
            f"{modes['found']} of {modes['of']}" if modes["of"] else "none stands apart",
            f"{brief(recall)}, n = {recall['n']}" if recall else "–",
            f"{brief(again)}, {again['samples']} samples" if again else "–",
            number(ours) + (f" ± {number(errors[0])}" if errors else ""),
            number(theirs) + (f" ± {number(errors[1])}" if errors else ""),
            str(beside["entropy"]["n"]),
            f"{number(m['value'])} ± {number(m['error'])}",
        )
        row |= dict(zip(COLUMNS, figures, strict=True))
    return table


@st.cache_resource(max_entries=256, show_spinner=False)
def _measured(
    path: str, stamps: Stamps, place: Place, index: int, beta: float
) -> tuple[dict[str, Any] | None, tuple[float, float] | None, dict[str, Any] | None, dict[str, Any] | None]:
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
        recall = found and found.to_json()
        again = record.recall_at(there, beta, len(flat), before, theirs, beta)
    return beside, errors, recall, again
