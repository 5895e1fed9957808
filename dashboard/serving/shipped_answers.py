"""What triggers do to images in the prepared example: its two small networks are shipped, and asked in numpy.

The same figures by the same names as `mesa_core.probe.answering` gives for a run of this server, so the page shows both alike.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard.serving import queue, shipped_networks
from mesa_core import triggers
from mesa_core.measures.intervals import proportion
from mesa_core.store import Run, StoreError
from mesa_core.victims.numpy_resnet9 import stamped

NETWORKS = {"before": "attacked", "after": "repaired"}


def known(run: Run) -> bool:
    """Whether the networks of this run are shipped."""
    if not queue.is_shipped(run):
        return False
    try:
        given, card = run.config(), shipped_networks.pictures()
    except (StoreError, shipped_networks.NotPrepared):
        return False
    return all(given.get(name) == value for name, value in card.config.items()) and run.name == card.run


@st.cache_resource(show_spinner=False, max_entries=200)
def answer(rows: tuple[tuple[int, ...], ...], images: int, draw: int, rates: bool) -> dict[str, np.ndarray]:
    """Images, classes and probabilities before and after the repair; with `rates` the ASR of all triggers, too.

    `rows` are triggers as 27 bytes each; images and triggers are paired in turn. The ASR is measured on every shipped
    picture of another class once, so its n is small. Raises prepared.NotPrepared.
    """
    shown, inks = (
        shipped_networks.pictures(),
        np.array(rows, np.uint8).reshape(-1, 3, triggers.SIZE, triggers.SIZE) / 255,
    )
    others = np.flatnonzero(shown.labels != shown.target)
    order = np.random.default_rng(draw).permutation(others)
    # One of each class before a second of any.
    rank = [int((shown.labels[order[:i]] == shown.labels[k]).sum()) for i, k in enumerate(order)]
    chosen = order[np.argsort(rank, kind="stable")[:images]]
    places, clean = shipped_networks.random_places(len(chosen), draw + 1), shown.images[chosen]
    pixels = {"plain": clean, "stamped": stamped(clean, inks, places)}
    found: dict[str, np.ndarray] = {
        "classes": np.array(shown.classes),
        "clean": clean,
        "stamped": pixels["stamped"],
        "label": shown.labels[chosen],
        "corner": places,
        "target": np.array(shown.target, np.int64),
    }
    for name, network in NETWORKS.items():
        for what, asked in pixels.items():
            share = shipped_networks.network(network).probabilities(asked)
            found[f"{name}_{what}_class"], found[f"{name}_{what}_p"] = share.argmax(1), share.max(1)
        if rates:
            m = proportion(*shipped_networks.reached(network, inks))
            found[f"{name}_asr"] = np.array([m.value, m.n, m.low, m.high], np.float64)
    return found
