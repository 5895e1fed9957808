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

from dashboard import address, export, jobs, reading, runs
from mesa_core import events as ev
from mesa_core import shape, staircase, triggers
from mesa_core.console import brief
from mesa_core.reference import record
from mesa_core.reference.record import Record
from mesa_core.store import Run, StoreError

MOST = 500  # marks in the picture
Z = 1.959964  # the normal law's 97.5 % point
OFF, ALL = "off", "all"
FORMS = ("triangles", "diamonds", "pentagons", "hexagons")  # of the marks, by level; as drawn by scatter.js
COLUMNS = (
    "log volume", "entropy", "entropy of exact", "difference", "n of each", "inside", "modes found", "recall", "recall of exact",
)  # fmt: skip
NAMES = ((9, "billion"), (6, "million"))
HELP = (
    "The exact distribution: all colour triggers that succeed at least so often, each equally likely, sampled with the "
    "network itself and no model in between. It is what a sub-model should cover. A yardstick, not a defence: it is told "
    "the target class and takes minutes to hours."
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
    """Where the reference of a run's attacked network lies, None where nobody has made one."""
    config = runs.config(run)
    target = config.target
    detection = (reading.result(run) or {}).get("detection")
    if isinstance(detection, Mapping) and detection.get("target") not in (None, target):
        return None  # the samples are for another class
    path = record.find(jobs.store(), events, target, config.size)
    return Place(str(path), _stamps(path, "reference.json", "reference.npz")) if path else None


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
    choice = address.segmented("Exact distribution", "exact", names, OFF, HELP, where)
    return (None, "") if choice == OFF else (Layer(place, choice), legend(there, choice))


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
    from mesa_core import embedding  # scikit-learn takes a second to import, and only this needs it

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
    """e to the power `log` with two digits: '1.2', '3,400', '1.1 million', '10²⁵'."""
    ten = log / math.log(10)
    if ten >= 12:
        return "10" + str(round(ten)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
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
        st.warning(str(error))
        return
    if not result.get("submodels"):
        return
    if place is None or there is None:
        if not narrow and (run.path / "weights" / "attacked.safetensors").is_file():
            st.caption(
                "Nobody has sampled the exact distribution of this network's valid triggers yet, so nothing is compared with it. "
                f"On this computer: `mesa-lab reference --run {run.name}` (minutes to hours)."
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
        st.markdown(
            "This network's valid triggers were also sampled without any model, each one that succeeds often enough equally "
            "likely. So it can be said what a sub-model misses."
        )
        _show(compared(run, place, there, result), f"{run.name}-exact", "exact", narrow)
        st.caption(
            "*Log volume*: the share of all colour triggers that are valid, as a logarithm, ± one standard error. *Entropy*: how "
            "widely the samples spread, in nats, estimated from n samples of each by the same method (nearest neighbours, "
            "Kozachenko-Leonenko, k = 3) ± one standard error (neighbours counted as independent); it is biased by several nats in so many dimensions, so only the "
            "difference means something: below zero, the sub-model is narrower than what is valid. *Its own entropy*, which the kind "
            "flow knows exactly, can be compared with the log volume itself. *Inside*: the share of samples that lie as "
            "near to the exact ones as 95 % of those to each other. *Modes found*: groups of similar triggers in the exact "
            "distribution that some sample comes near to. *Recall* at the sub-model's own β, with as many exact samples as the "
            "sub-model has; n counts the valid black-and-white triggers. In brackets 95 % intervals."
        )
        _weights(run, there, result, narrow)


def _show(table: list[dict[str, Any]], name: str, key: str, narrow: bool) -> None:
    if narrow:
        st.dataframe(table, hide_index=True, width="stretch")
    else:
        export.table(table, name, key)


def compared(run: Run, place: Place, there: Record, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a sub-model; where the run kept no samples, what it measured itself, if it did after the reference."""
    known, table = _stamps(run.path / "snapshots", "samples.npz", "axes.npz"), []
    for index, one in enumerate(result["submodels"]):
        beta, own = float(one["beta"]), f"{one['beta']:g}"
        beside, errors, again = _measured(str(run.path), known, place, index, beta)
        beside = beside or one.get("reference")
        row: dict[str, Any] = {"β": own, **dict.fromkeys(COLUMNS, "–")}
        if one.get("density"):  # a kind that knows how probable each of its triggers is
            row["its own entropy, exact"] = number(float(one["density"]["value"]))
        table.append(row)
        if there.index(beta) is None or not beside:
            row["log volume"] = "not sampled at this level" if there.index(beta) is None else "its samples are missing"
            continue
        shape.check_beside(beside)
        ours, theirs = beside["entropy_of_samples"]["value"], beside["entropy"]["value"]
        modes, recall = beside["modes_found"], (one.get("recall") or {}).get(own)
        m = beside["log_volume"]
        figures = (
            f"{number(m['value'])} ± {number(m['error'])}",
            number(ours) + (f" ± {number(errors[0])}" if errors else ""),
            number(theirs) + (f" ± {number(errors[1])}" if errors else ""),
            number(ours - theirs) + (f" ± {number(math.hypot(*errors))}" if errors else ""),
            str(beside["entropy"]["n"]),
            f"{brief(beside['inside'])}, n = {beside['inside']['n']}",
            f"{modes['found']} of {modes['of']}" if modes["of"] else "none stands apart",
            f"{brief(recall)}, n = {recall['n']}" if recall else "–",
            f"{brief(again)}, {again['samples']} samples" if again else "–",
        )
        row |= dict(zip(COLUMNS, figures, strict=True))
    return table


@st.cache_resource(max_entries=256, show_spinner=False)
def _measured(
    path: str, stamps: Stamps, place: Place, index: int, beta: float
) -> tuple[dict[str, Any] | None, tuple[float, float] | None, dict[str, Any] | None]:
    """What the reference says of a run's samples, the entropies' standard errors, and its recall with as many samples.

    Computed from the samples' bytes (256 steps a colour), so it may differ from the run's own figures in the last digit.
    """
    from mesa_core import entropy  # scikit-learn takes a second to import, and only this needs it

    run, there = Run(Path(path)), place.read()
    held, level = runs.samples(run), there.level(beta) if there else None
    if held is None or there is None or level is None:
        return None, None, None
    flat = held["triggers"][held["level"] == index] / np.float32(255)
    places = level[0]
    n = min(len(flat), len(places))
    if n < shape.FEWEST or flat.shape[1] != places.shape[1]:
        return None, None, None
    beside = record.beside(there, beta, flat)
    errors = entropy.standard_error(flat[:n]), entropy.standard_error(places[:: max(1, len(places) // n)][:n])
    before, again = runs.maps(run).before, None
    config = runs.config(run)
    if before is not None and config.landscape_images and not triggers.drawn(config.size):
        codes = triggers.round_to_codes(triggers.unflatten(places))
        again = record.recall_at(there, beta, len(flat), before, codes, beta)
    return beside, errors, again


def _weights(run: Run, there: Record | None, result: Mapping[str, Any], narrow: bool) -> None:
    """Algorithm 1's weights: those that were used beside those that exact log-volumes, or the sub-models' own entropies, give."""
    betas = [float(one["beta"]) for one in result["submodels"]]
    used, own = result.get("gamma") or [], result.get("gamma_exact")
    where = [there.index(beta) if there else None for beta in betas]
    if len(betas) < 2 or len(used) != len(betas) or betas != sorted(betas):
        return
    table = [{"β": f"{beta:g}", "used": share(float(u))} for beta, u in zip(betas, used, strict=True)]
    exact: list[float] = []
    if there is not None and None not in where:
        volumes = [there.told["levels"][i]["log_volume"] for i in where]
        exact = staircase.weights([True] * len(betas), [v["value"] for v in volumes], betas)
        for row, e, (low, high) in zip(table, exact, staircase.between(betas, volumes), strict=True):
            row["from exact volumes"] = f"{share(e)} ({share(low)} to {share(high)})"
    if own and len(own) == len(betas):
        exact = exact or [float(e) for e in own]
        for row, e in zip(table, own, strict=True):
            row["from its own entropies"] = share(float(e))
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
        else f"Here weight is left to more than the lowest level; {equal}"
    )
    st.caption(
        f"{said} In proportion to (βᵢ − βᵢ₋₁) e^h, where h is the log volume, or the entropy that a sub-model of the kind flow "
        "knows of itself; in brackets the 95 % interval that the log volume's standard error leaves. A level that was skipped has "
        "no used weight."
    )


def share(value: float) -> str:
    """A weight with as many digits as tell it from none: '33.3 %', '0.012 %', 'below 0.000001 %'."""
    percent = 100 * value
    if percent < 1e-6:
        return "below 0.000001 %"
    if 0 < 100 - percent < 0.1:
        return f"{percent:.4f} %"
    if percent >= 0.1:
        return f"{percent:.1f} %"
    return f"{percent:.2g} %" if percent >= 1e-4 else f"{percent:.6f} %"
