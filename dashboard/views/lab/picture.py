"""What the scatter shows of a run: frames, ground, marks and modes, put together once for all visitors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components import scatter as dots
from dashboard.serving import reading
from dashboard.serving.shown import Shown
from dashboard.views.lab import reference_layer
from mesa_core import events as ev
from mesa_core.opacity import effect, heard, seen
from mesa_core.store import Run, StoreError
from mesa_core.triggers import rescaled, to_hex

MOST_FRAMES = 21
VIEWS = {"pca": "PCA", "tsne": "t-SNE"}
COLOURS = {"asr": "success (ASR)", "level": "β", "mode": "mode"}
# A dot belongs to the mode of the nearest measured sample within this (Euclidean, 27 values in [0, 1]; see
# `triggers.rescaled`).
NEAR = 1.0
MOST_CLUSTERED = 2500  # dots that are clustered while they move; more would keep the page waiting
SAMPLES = "samples.npz"


def files_of(shown: Shown) -> list[tuple[str, str, int]]:
    """(file, label, step) of the moments that are shown: the last one while a run goes on, else all of them, thinned."""
    shots = list(shown.all(ev.Snapshot))
    if not shots:
        return []
    if not shown.done:
        return [(shots[-1].file, f"step {shots[-1].step}", shots[-1].step)]
    every = -(-len(shots) // MOST_FRAMES)
    chosen = [(s.file, f"step {s.step}", s.step) for s in shots[::-1][::every][::-1]]
    if os.path.isfile(shown.run.path / "snapshots" / SAMPLES):
        chosen.append((SAMPLES, f"measured after step {shots[-1].step}", shots[-1].step))
    return chosen


def marks_of(shown: Shown, view: str) -> list[dict[str, Any]]:
    """The original, its inverse and the point baselines, with their places in this view."""
    found = {e.name: e for e in shown.all(ev.Mark)}
    return [
        {
            "name": name,
            "kind": name.split()[0],
            "trigger": e.trigger if e.opacity is None else to_hex(seen(heard(e.trigger, e.opacity))),
            "place": [float(v) for v in getattr(e, view)],
        }
        for name, e in found.items()
    ]


def block(
    shown: Shown,
    view: str,
    colour: str,
    pick: dict[str, Any],
    play: str,
    text: str,
    layer: reference_layer.Layer | None = None,
) -> bytes:
    """The scatter's data, with the exact distribution as its `layer`. Raises what unreadable files raise."""
    axes, shot = shown.first(ev.Axes), shown.last(ev.Snapshot)
    header = {
        "view": view,
        "colour": colour,
        "betas": [float(b) for b in shot.betas] if shot else [],
        "text": text,
        "play": play,
    }
    return _block(
        str(shown.run.path),
        tuple(files_of(shown)),
        axes.file if axes else None,
        view,
        colour == "mode",
        header,
        marks_of(shown, view),
        pick,
        layer,
    )


@st.cache_resource(max_entries=48, show_spinner=False)
def _block(
    path: str,
    files: tuple[tuple[str, str, int], ...],
    axes: str | None,
    view: str,
    modes: bool,
    header: dict[str, Any],
    marks: list[dict[str, Any]],
    pick: dict[str, Any],
    layer: reference_layer.Layer | None,
) -> bytes:
    run = Run(Path(path))
    ground: dict[str, Any] | None = None
    behind: dict[str, np.ndarray] | None = None
    if axes:
        fixed = reading.arrays(run, axes)
        ground = {
            "places": fixed[view],
            "asr": fixed["codes_asr"],
            "bounds": [float(v) for v in fixed[f"{view}_bounds"]],
        }
        behind = reference_layer.marks(layer, fixed, view) if layer else None
    frames: list[dict[str, Any]] = []
    most = 0
    for file, label, step in files if ground else ():
        known = reading.arrays(run, file)
        frame: dict[str, Any] = {"file": file, "label": label, "step": step, "places": known[view]}
        frame |= {k: known[k] for k in ("triggers", "asr", "level")}
        if modes:
            frame["mode"] = modes_of(run, file)
            most = max(most, int(frame["mode"].max(initial=-1)) + 1)
        frames.append(frame)
    return dots.block(frames, ground, marks, {**header, "pick": pick, "modes": min(most, 8)}, behind)


def modes_of(run: Run, file: str) -> np.ndarray:
    """A mode for every dot of a file, `(n,)`, -1 for none.

    The measured samples bring theirs. An earlier dot takes that of the nearest measured sample, so that one mode has
    one colour throughout; before there are samples, the dots themselves are clustered, in the same way.
    """
    known = reading.arrays(run, file)
    if "mode" in known:
        return known["mode"]
    try:
        samples = reading.arrays(run, SAMPLES)
    except StoreError:
        return _clustered(str(run.path), file)
    if known["triggers"].shape[1] != samples["triggers"].shape[1]:
        raise StoreError(f"{file} and {SAMPLES} hold triggers of different sizes.")
    a, b = (effect(one["triggers"].astype(np.float32) / 255) for one in (known, samples))
    distance = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
    nearest = distance.argmin(1)
    found = samples["mode"][nearest].copy()
    found[distance[np.arange(len(a)), nearest] > rescaled(NEAR, a.shape[1]) ** 2] = -1
    return found


@st.cache_resource(max_entries=64, show_spinner=False)
def _clustered(path: str, file: str) -> np.ndarray:
    from mesa_core.measures.modes import find_modes  # scikit-learn takes a second to import, and only this needs it

    found = reading.arrays(Run(Path(path)), file)["triggers"].astype(np.float32) / 255
    return find_modes(found) if len(found) <= MOST_CLUSTERED else np.full(len(found), -1, np.int16)


@st.cache_resource(max_entries=64, show_spinner=False)
def trust(path: str, file: str) -> float:
    """How far neighbours in the t-SNE picture are neighbours as triggers, 0 to 1 (Venna and Kaski, 2001; k = 12)."""
    from sklearn.manifold import trustworthiness

    known = reading.arrays(Run(Path(path)), file)
    flat = effect(known["triggers"].astype(np.float32) / 255)
    return float(trustworthiness(flat, known["tsne"], n_neighbors=min(12, max(1, (len(flat) - 1) // 2))))
