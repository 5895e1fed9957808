"""The exact distribution behind a run, where somebody has sampled it: a layer of the scatter, and what it says of the sub-models.

Where there is none, nothing is drawn and nothing is said of it in the Lab.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard import stored
from dashboard.serving import queue, reading, runs
from dashboard.views.shared import take_away
from dashboard.visit import controls
from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.measures import coverage
from mesa_core.measures.intervals import Z
from mesa_core.measures.submodel import Beside
from mesa_core.method import staircase
from mesa_core.reference import record
from mesa_core.reference.options import Options
from mesa_core.reference.record import Record
from mesa_core.store import Run, StoreError, checks
from mesa_core.words import brief

MOST = 500  # marks in the picture
OFF, ALL = "off", "all"
FORMS = ("triangles", "diamonds", "pentagons", "hexagons")  # of the marks, by level; as drawn by scatter.js
DIFFERENCE, OWN = "difference, nats", "its own entropy, nats"
COLUMNS = (
    DIFFERENCE, "inside", "modes found", "recall", "recall of exact", "entropy, nats", "entropy of exact, nats", "n of each",
    "log volume, nats",
)  # fmt: skip
NAMES = ((9, "billion"), (6, "million"))
HELP = (
    "The exact distribution: all colour triggers to which the network gives the target class a chance (softmax) of at least "
    "β, in the mean over some fixed images; each equally likely, sampled with the network itself and no model in between. It "
    "is what a sub-model should cover. A yardstick and an oracle, not a defence: it is told the target class, and takes "
    "minutes to hours."
)
Stamps = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True)
class Place:
    """The folder of a reference, as it was at `stamps`: what tells a cache that it has changed."""

    path: str
    stamps: Stamps

    def read(self) -> Record | None:
        """The reference, read once for all visitors. StoreError where it is damaged."""
        return _read(self)


@dataclass(frozen=True)
class Layer:
    """What the scatter draws behind the dots: one level of a reference, or ALL."""

    place: Place
    choice: str


# -- finding it
def place_of(run: Run, events: Sequence[ev.Event]) -> Place | None:
    """Where the reference of a run's attacked network lies; None where nobody has made one, or it is for another class."""
    config = runs.config(run)
    path = record.find(queue.store(), events, config.target, config.size) if for_target(run) else None
    return Place(str(path), _stamps(path, "reference.json", "reference.npz")) if path else None


def for_target(run: Run) -> bool:
    """Whether a run's samples are for the class that it was attacked with: the defender was told, or has found it."""
    config, found = runs.config(run), (reading.result(run) or {}).get("detection")
    if isinstance(found, Mapping):
        return not config.suspect and found.get("target") == config.target
    return not (config.detect or config.suspect)


def _stamps(folder: Path, *files: str) -> Stamps:
    return tuple(reading.stamp_of(folder / file) for file in files)


@st.cache_resource(max_entries=32, show_spinner=False)
def _read(place: Place) -> Record | None:
    return record.read(Path(place.path))


# -- the picture
def control(run: Run, events: Sequence[ev.Event], where: Any) -> tuple[Layer | None, str]:
    """The choice of a level, drawn where there is a reference; returns what to draw, and a line that says what it is."""
    try:
        place = place_of(run, events)
        there = place.read() if place else None
    except StoreError as error:
        return None, str(error)
    if place is None or there is None:
        return None, ""
    levels = [f"{one['beta']:g}" for one in there.told["levels"]]
    names = {OFF: "off", **{word: f"β ≥ {word}" for word in levels}, **({ALL: "all"} if len(levels) > 1 else {})}
    asked = st.query_params.get("exact")
    choice = controls.segmented("Exact distribution", "exact", names, OFF, HELP, where)
    if choice == OFF:
        if asked is None or asked in names:
            return None, ""
        there_are = ", ".join(levels)
        return None, f"The address asks for a level of the exact distribution that is not there; there are {there_are}."
    return Layer(place, choice), legend(there, choice)


def rows(there: Record, choice: str) -> np.ndarray:
    """Which samples are drawn: at most MOST, evenly taken from each level that is shown."""
    count = len(there.told["levels"])
    shown = [i for i in range(count) if choice in (ALL, f"{there.told['levels'][i]['beta']:g}")]
    taken = []
    for index in shown:
        own = np.flatnonzero(there.arrays["level"] == index)
        taken.append(own[np.linspace(0, len(own) - 1, min(len(own), MOST // len(shown))).round().astype(int)])
    return np.concatenate(taken) if taken else np.zeros(0, int)


def marks(layer: Layer, axes: Mapping[str, np.ndarray], view: str) -> dict[str, np.ndarray] | None:
    """The layer's `places` `(n, 2)` on a run's axes, and each one's `level` `(n,)`."""
    from mesa_core.pictures import axes as embedding  # scikit-learn takes a second to import, and only this needs it

    there = layer.place.read()
    if there is None:
        return None
    # Runs that share an attacked network may have measured its 512 differently, so each has axes of its own.
    taken = rows(there, layer.choice)
    flat = there.arrays["triggers"][taken] / np.float64(255)
    if view == "pca":
        places = embedding.on_axes(axes["pca"].astype(np.float64), flat)
    else:
        bounds = tuple(float(v) for v in axes["tsne_bounds"])
        places = embedding.TsneMap(axes["tsne"], bounds, triggers.side_of(flat.shape[1])).place_first(flat)
    return {"places": places, "level": there.arrays["level"][taken]}


def legend(there: Record, choice: str) -> str:
    """What the marks are, in plain words: how many of how many, and how much room there is for valid triggers."""
    levels, drawn = there.told["levels"], there.arrays["level"][rows(there, choice)]
    lines = []
    for index in np.unique(drawn).tolist():
        one, total = levels[index], int((there.arrays["level"] == index).sum())
        form = FORMS[min(index, len(FORMS) - 1)]
        lines.append(
            f"**Exact distribution at β ≥ {one['beta']:g}** (hollow {form} behind the dots; {int((drawn == index).sum()):,} of "
            f"{total:,} samples are drawn): log volume {volume(one)} (standard error), that is {one_in(one)}."
        )
    images = int(there.told["options"]["images"])
    return " ".join(lines) + (
        f" It holds every trigger to which the network gives the target class a chance of at least β, in the mean over {images} "
        "fixed images, each equally often. Untick the β boxes above to see the marks alone. Compare marks and dots in PCA: in "
        "t-SNE a mark lies beside the black-and-white triggers that it resembles most, and the dots have moved on from there."
    )


def number(value: float, digits: int = 1) -> str:
    """A figure with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def volume(one: Mapping[str, Any]) -> str:
    """'−13.9 ± 0.2 nats', with one standard error."""
    m = one["log_volume"]
    return f"{number(m['value'])} ± {number(m['error'])} nats"


def one_in(one: Mapping[str, Any]) -> str:
    """A log-volume in plain words: 'one colour trigger in 1.1 million (95 % interval 0.74 million to 1.6 million)'."""
    value, error = float(one["log_volume"]["value"]), float(one["log_volume"]["error"])
    if value > -0.05:
        return "almost every colour trigger"
    low, high = amount(max(0.0, -value - Z * error)), amount(-value + Z * error)
    return f"one colour trigger in {amount(-value)} (95 % interval {low} to {high})"


def amount(log: float) -> str:
    """e to the power `log` with two digits: '1.2', '3,400', '1.1 million', '5.7 · 10²⁴'."""
    ten = log / math.log(10)
    if ten >= 12:
        digits, power = f"{10 ** (ten % 1):.1f}", str(math.floor(ten))
        return f"{digits} · 10" + power.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    value = float(f"{10**ten:.2g}")
    for power, name in NAMES:
        if value >= 10**power:
            return f"{value / 10**power:,.6g} {name}"
    return f"{value:,.6g}"


# -- beside the sub-models
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
                _weights(run, None, result, narrow)
        return
    title = "Beside the exact distribution"
    box = st.expander(title) if narrow else st.container(key="exact_tables")
    with box, reading.readable("What the exact distribution says of this run"):
        if not narrow:
            st.subheader(title, anchor=False)
        st.markdown(about(there))
        _show(compared(run, place, there, result), f"{run.name}-exact", "exact", narrow)
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
        _weights(run, there, result, narrow)


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


def _show(table: list[dict[str, Any]], name: str, key: str, narrow: bool) -> None:
    if narrow:
        st.dataframe(table, hide_index=True, width="stretch", column_config={"β": st.column_config.Column(pinned=True)})
    else:
        take_away.table(table, name, key)


def compared(run: Run, place: Place, there: Record, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a sub-model; where the run kept no samples, what it measured itself, if it did after the reference."""
    known, table = _stamps(run.path / "snapshots", "samples.npz", "axes.npz"), []
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
        Beside.from_json(beside)
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
    told = record.beside(there, beta, flat)
    errors = entropy.standard_error(flat[:n]), entropy.standard_error(places[:: max(1, len(places) // n)][:n])
    before, recall, again = runs.maps(run).before, None, None
    config = runs.config(run)
    if before is not None and config.landscape_images and not triggers.drawn(config.size):
        ours, theirs = (triggers.round_to_codes(triggers.unflatten(part)) for part in (flat, places))
        found = coverage.recall(before, ours, held["asr"][held["level"] == index].astype(np.float64), beta)
        recall = found and found.to_json()
        again = record.recall_at(there, beta, len(flat), before, theirs, beta)
    return told and told.to_json(), errors, recall, again


def _weights(run: Run, there: Record | None, result: Mapping[str, Any], narrow: bool) -> None:
    """Algorithm 1's weights: those that were used beside those that exact log-volumes, or the sub-models' own entropies, give."""
    betas = [float(one["beta"]) for one in result["submodels"]]
    used, own = result.get("gamma") or [], result.get("gamma_exact")
    where = [there.index(beta) if there else None for beta in betas]
    if len(betas) < 2 or len(used) != len(betas) or betas != sorted(betas):
        return
    kept = [bool(one.get("kept", True)) for one in result["submodels"]]
    table = [
        {"β": f"{beta:g}", "used": share(float(u)) if stays else "skipped"}
        for beta, u, stays in zip(betas, used, kept, strict=True)
    ]
    exact: list[float] = []
    if there is not None and None not in where:
        volumes = [there.told["levels"][i]["log_volume"] for i in where]
        exact = staircase.weights([True] * len(betas), [v["value"] for v in volumes], betas)
        for row, e, (low, high) in zip(table, exact, staircase.between(betas, volumes), strict=True):
            row["from exact volumes"] = f"{share(e)} ({share(low, e)} to {share(high, e)})"
    if own and len(own) == len(betas):
        exact = exact or [float(e) for e in own]
        for row, e, stays in zip(table, own, kept, strict=True):
            row["from its own entropies"] = share(float(e)) if stays else "skipped"
    if not exact:
        return
    st.markdown("**The weights of Algorithm 1**")
    _show(table, f"{run.name}-weights", "weights", narrow)
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


def share(value: float, like: float | None = None) -> str:
    """A weight with as many digits as tell it, or the weight `like`, from none and from all: '33.3 %', '0.012 %', '99.94 %'."""
    near = value if like is None else like
    rest = 100 * min(near, 1 - near)
    digits = 1 - math.floor(math.log10(rest)) - (near > 0.5) if rest > 0 else 1
    digits = min(6, max(1, digits))
    shown = f"{100 * value:.{digits}f}"
    if float(shown) == 0 and value > 0:
        return f"below {10.0**-digits:.{digits}f} %"
    return f"above {100 - 10.0**-digits:.{digits}f} %" if float(shown) == 100 and value < 1 else f"{shown} %"
