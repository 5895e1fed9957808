"""A run's progress events as the curves' panels. Needs no torch and no streamlit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from mesa_core import events as ev

MOST_POINTS = 400
# name of the metric, title, low, high, in per cent
LEVELLED = (
    ("asr", "Success of the samples (ASR)", 0.0, 1.0, True),
    ("information", "Information between noise and trigger (a bound on the entropy, nats)", None, None, False),
    ("hinge", "Distance to the level asked for (hinge loss)", 0.0, None, False),
)
LOSSES = {
    "attack": "attack",
    "victim": "clean training",
    "repair.mesa": "repair: MESA",
    "repair.point": "repair: point",
    "repair.random": "repair: random",
    "repair.uniform": "repair: random colours",
    "repair.neural_cleanse": "repair: Neural Cleanse",
    "repair.ideal": "repair: original (oracle)",
    "repair.control": "repair: control",
}


def panels(events: Sequence[ev.Event]) -> list[dict[str, Any]]:
    """One panel a figure: of every level's sub-model over MESA's steps, and of the networks' losses."""
    lines: dict[tuple[str, str], tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for e in events:
        if not isinstance(e, ev.Progress):
            continue
        for name, value in e.metrics.items():
            what, _, level = str(name).rpartition("_")
            key = (what, f"β = {level}") if what in ("asr", "information", "hinge") else None
            if name == "loss" and e.stage in LOSSES:
                key = ("loss", LOSSES[e.stage])
            if key is None:
                continue
            xs, ys = lines[key]
            if xs and float(e.done) <= xs[-1]:  # a resumed stage begins anew
                xs.clear(), ys.clear()
            xs.append(float(e.done)), ys.append(float(value))
    found = []
    for what, title, low, high, percent in (*LEVELLED, ("loss", "Loss of the networks", 0.0, None, False)):
        own = [_line(name, *xy) for (kind, name), xy in lines.items() if kind == what]
        if own:
            found.append({"title": title, "x": "step", "low": low, "high": high, "percent": percent, "lines": own})
    return found


def _line(name: str, xs: list[float], ys: list[float]) -> dict[str, Any]:
    """A line with at most MOST_POINTS points, the last one always."""
    every = -(-len(xs) // MOST_POINTS)
    return {"name": name, "x": xs[::-1][::every][::-1], "y": ys[::-1][::every][::-1]}
