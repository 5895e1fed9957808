"""The live scatter: every dot is a sampled trigger, drawn as itself, on axes that never move.

`frames` are moments of the training; the same row is the same noise, so a dot can be followed. With one frame the
dots tween to it; with several there is a time slider to replay them.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

HERE = Path(__file__).parent
_HTML = """<div class="scatter">
<canvas role="img" tabindex="0"></canvas>
<div class="tip" hidden><canvas width="72" height="72"></canvas><div class="words"></div></div>
<div class="time"><button type="button" class="play">Play</button>
<input type="range" class="slider" min="0" value="0" aria-label="Step of the training"><span class="step"></span></div>
</div>"""
MOUNT = st.components.v2.component(
    "mesa_scatter", html=_HTML, css=(HERE / "scatter.css").read_text(), js=(HERE / "scatter.js").read_text()
)


def packed(array: np.ndarray, kind: type) -> str:
    """Base64 of an array in little-endian order."""
    return base64.b64encode(np.ascontiguousarray(array, np.dtype(kind).newbyteorder("<")).tobytes()).decode()


def frame(arrays: dict[str, np.ndarray], view: str, step: int) -> dict[str, Any]:
    """A snapshot of the store as the component wants it; `view` is 'pca' or 'tsne'."""
    good = {
        "step": step,
        "n": len(arrays["triggers"]),
        "triggers": packed(arrays["triggers"], np.uint8),
        "places": packed(arrays[view], np.float32),
        "asr": packed(arrays["asr"], np.float32),
        "level": packed(arrays["level"], np.uint8),
    }
    if "mode" in arrays:
        good["mode"] = packed(arrays["mode"], np.int16)
    return good


def ground(arrays: dict[str, np.ndarray], view: str) -> dict[str, Any]:
    """The 512 black-and-white triggers as a faint ground, and the axes' bounds."""
    return {
        "places": packed(arrays[view], np.float32),
        "asr": packed(arrays["codes_asr"], np.float32),
        "bounds": [float(v) for v in arrays[f"{view}_bounds"]],
    }


def scatter(
    frames: list[dict[str, Any]],
    backdrop: dict[str, Any] | None,
    marks: list[dict[str, Any]],
    betas: list[float],
    colour: str,
    text: str,
    key: str,
) -> None:
    """Mount the scatter; `colour` is 'asr', 'level' or 'mode'; `text` is what a screen reader says."""
    data = {"frames": frames, "ground": backdrop, "marks": marks, "betas": betas, "colour": colour, "text": text}
    MOUNT(key=key, data=data, height=560)
