"""The live scatter: every dot is a sampled trigger, drawn as itself, on axes that never move.

Frames are moments of the training; the same row is the same noise, so a dot can be followed. With one frame the dots
tween to it; with several there is a time slider to replay them. Zoom, switched layers and the chosen dots stay through
new data. A lasso or a box sends `select` with {file, rows}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dashboard.components import register
from mesa_core import opacity, triggers
from mesa_core.stage.blocks import pack, placed, rates, share_of

_HTML = """<div class="scatter">
<div class="tools" role="toolbar" aria-label="Tools of the picture">
<span class="group"><button type="button" data-tool="move" title="Drag moves the picture">Move</button>
<button type="button" data-tool="box" title="Drag a box around triggers">Box</button>
<button type="button" data-tool="lasso" title="Draw around triggers">Lasso</button></span>
<span class="group"><button type="button" class="in" aria-label="Zoom in">+</button>
<button type="button" class="out" aria-label="Zoom out">−</button>
<button type="button" class="reset">Whole picture</button></span><span class="much"></span>
<span class="chosen" role="status"></span><button type="button" class="none" hidden>Choose none</button></div>
<div class="plane"><canvas class="ground" aria-hidden="true"></canvas><canvas class="dots" aria-hidden="true"></canvas>
<canvas class="over" role="img" aria-label="Sampled triggers, as dots" tabindex="0" aria-keyshortcuts="+ - 0 ArrowLeft ArrowRight ArrowUp ArrowDown n p Escape"></canvas>
<div class="tip" hidden><canvas width="84" height="84"></canvas><div class="words" role="status"></div></div></div>
<div class="time"><button type="button" class="play">Play</button>
<input type="range" class="slider" min="0" value="0" aria-label="Step of the training"><span class="step"></span></div>
<div class="under"><fieldset class="layers" aria-label="Layers"></fieldset><div class="legend"></div></div>
</div>"""
MOUNT = register(__file__, _HTML, "drawing")


def block(
    frames: Sequence[Mapping[str, Any]],
    ground: Mapping[str, Any] | None,
    marks: Sequence[Mapping[str, Any]],
    header: Mapping[str, Any],
    behind: Mapping[str, np.ndarray] | None = None,
) -> bytes:
    """What the browser gets.

    A frame holds `file`, `label`, `step`, `bounds`, `triggers` `(n, d)` uint8, d = 27, 48 or 75, a third more with opacities, `places` `(n, 2)`, `asr` `(n,)`,
    `level` `(n,)`, and perhaps `mode` `(n,)`; `ground` holds `places` and `asr` of the 512 and `bounds`;
    `behind` holds the exact distribution's `places` `(m, 2)` and `level` `(m,)`, drawn as hollow marks that do not move.
    """
    arrays: dict[str, np.ndarray] = {}
    described = []
    for i, frame in enumerate(frames):
        n, inks = len(frame["triggers"]), triggers.unflatten(np.asarray(frame["triggers"], np.uint8))
        if (share := opacity.own(inks)) is not None:
            arrays[f"opacity{i}"] = np.ascontiguousarray(share)
        arrays |= {
            f"triggers{i}": np.ascontiguousarray(inks[:, : triggers.COLOURS]),
            f"places{i}": placed(frame["places"], ground["bounds"] if ground else frame["bounds"]).reshape(n, 2),
            f"asr{i}": rates(frame["asr"]).reshape(n),
            f"level{i}": np.asarray(frame["level"], np.uint8).reshape(n),
        }
        if frame.get("mode") is not None:
            arrays[f"mode{i}"] = np.clip(frame["mode"], -1, 127).astype(np.int8).reshape(n)
        described.append({"file": frame["file"], "label": frame["label"], "step": frame["step"], "n": n})
    shown: list[dict[str, Any]] = []
    if ground is not None:
        arrays |= {"ground": placed(ground["places"], ground["bounds"]), "ground_asr": rates(ground["asr"])}
        if behind is not None:
            arrays["exact"] = placed(behind["places"], ground["bounds"])
            arrays["exact_level"] = np.asarray(behind["level"], np.uint8)
        shown = [{**mark, "place": share_of(mark["place"], ground["bounds"])} for mark in marks]
    return pack({**header, "frames": described, "marks": shown}, arrays)


def scatter(data: bytes, key: str, on_select: Callable[[], None]) -> None:
    """Mount the scatter with a `block`; `on_select` finds {file, rows} in session_state[key]["select"]."""
    MOUNT(key=key, data=data, on_select_change=on_select)
