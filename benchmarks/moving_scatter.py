"""A page for benchmarks/frames.py: the scatter alone with `?n=` made-up dots, all of them moved each second.

Start it with frames.py; it is a Streamlit script and no page of the product.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components import scatter as dots

LEVELS = 3
st.set_page_config(layout="wide")
count = int(st.query_params.get("n", "2000"))


@st.cache_resource
def start(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triggers `(n, 27)`, a place for each, and its level; the same for every visit."""
    draw = np.random.default_rng(0)
    level = np.arange(n) % LEVELS
    return draw.integers(0, 256, (n, 27), dtype=np.uint8), draw.normal(0, 1, (n, 2)) + level[:, None], level


st.title("Moving dots")
st.session_state.pinged = st.session_state.get("pinged", 0) + int(st.button("ping", key="ping"))
st.markdown(f"pong {st.session_state.pinged}")


@st.fragment(run_every=1.0)
def picture() -> None:
    """The next frame: every dot walks, a third of the triggers change."""
    triggers, places, level = start(count)
    step = int(time.time())
    draw = np.random.default_rng(step)
    ink = triggers.copy()
    ink[::3] = draw.integers(0, 256, ink[::3].shape, dtype=np.uint8)
    moved = places + draw.normal(0, 0.5, places.shape)
    frame = {
        "file": f"snapshot-{step}.npz", "label": f"step {step}", "step": step, "bounds": [-4, 6, -4, 6], "triggers": ink,
        "places": moved, "asr": draw.random(count), "level": level,
    }  # fmt: skip
    codes = np.random.default_rng(1)
    ground = {"places": codes.normal(0, 2, (512, 2)), "asr": codes.random(512), "bounds": [-4, 6, -4, 6]}
    header: dict[str, Any] = {
        "view": "pca",
        "colour": "asr",
        "betas": [0.5, 0.8, 0.9],
        "text": "Moving dots",
        "play": "",
        "pick": {},
        "modes": 0,
    }
    dots.scatter(dots.block([frame], ground, [], header), "scatter", lambda: None)


picture()
