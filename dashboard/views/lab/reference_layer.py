"""The exact distribution as a layer of the scatter: which level is drawn, its marks, and what they are in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard import address
from dashboard.serving.references import Place
from dashboard.serving.shown import Shown
from dashboard.views.shared.amounts import one_in, volume
from dashboard.visit import controls
from mesa_core import triggers
from mesa_core.reference.record import Record
from mesa_core.store import StoreError

MOST = 500  # marks in the picture
OFF, ALL = "off", "all"
FORMS = ("triangles", "diamonds", "pentagons", "hexagons")  # of the marks, by level; as drawn by scatter.js
HELP = (
    "The exact distribution: all colour triggers to which the network gives the target class a chance (softmax) of at least "
    "β, in the mean over some fixed images; each equally likely, sampled with the network itself and no model in between. It "
    "is what a sub-model should cover. A yardstick and an oracle, not a defence: it is told the target class, and takes "
    "minutes to hours."
)


@dataclass(frozen=True)
class Layer:
    """What the scatter draws behind the dots: one level of a reference, or ALL."""

    place: Place
    choice: str


def control(shown: Shown, where: Any) -> tuple[Layer | None, str]:
    """The choice of a level, drawn where there is a reference; returns what to draw, and a line that says what it is."""
    try:
        place, there = shown.place, shown.reference
    except StoreError as error:
        return None, str(error)
    if place is None or there is None:
        return None, ""
    levels = [f"{one.beta:g}" for one in there.levels]
    names = {OFF: "off", **{word: f"β ≥ {word}" for word in levels}, **({ALL: "all"} if len(levels) > 1 else {})}
    asked = address.said("exact")
    choice = controls.segmented("Exact distribution", "exact", names, OFF, HELP, where)
    if choice == OFF:
        if asked is None or asked in names:
            return None, ""
        there_are = ", ".join(levels)
        return None, f"The address asks for a level of the exact distribution that is not there; there are {there_are}."
    return Layer(place, choice), legend(there, choice)


def rows(there: Record, choice: str) -> np.ndarray:
    """Which samples are drawn: at most MOST, evenly taken from each level that is shown."""
    shown = [i for i, one in enumerate(there.levels) if choice in (ALL, f"{one.beta:g}")]
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
        left, right, bottom, top = (float(v) for v in axes["tsne_bounds"])
        bounds = (left, right, bottom, top)
        places = embedding.TsneMap(axes["tsne"], bounds, triggers.side_of(flat.shape[1])).place_first(flat)
    return {"places": places, "level": there.arrays["level"][taken]}


def legend(there: Record, choice: str) -> str:
    """What the marks are, in plain words: how many of how many, and how much room there is for valid triggers."""
    levels, drawn = there.levels, there.arrays["level"][rows(there, choice)]
    lines = []
    for index in np.unique(drawn).tolist():
        one, total = levels[index], int((there.arrays["level"] == index).sum())
        form = FORMS[min(index, len(FORMS) - 1)]
        lines.append(
            f"**Exact distribution at β ≥ {one.beta:g}** (hollow {form} behind the dots; {int((drawn == index).sum()):,} of "
            f"{total:,} samples are drawn): log volume {volume(one.log_volume)} (standard error), that is {one_in(one.log_volume)}."
        )
    images = int(there.told["options"]["images"])
    return " ".join(lines) + (
        f" It holds every trigger to which the network gives the target class a chance of at least β, in the mean over {images} "
        "fixed images, each equally often. Untick the β boxes above to see the marks alone. Compare marks and dots in PCA: in "
        "t-SNE a mark lies beside the black-and-white triggers that it resembles most, and the dots have moved on from there."
    )
