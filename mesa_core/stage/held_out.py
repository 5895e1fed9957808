"""The stage's pictures of a run on any data: images that it kept for evaluation, as the engine's probe gives them.

Of these networks may be asked: neither attack nor repair trained on them. A small ResNet-9 that takes 32×32 pixels answers
in the browser; of others, and where a trigger lets the image show through, the engine is asked. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mesa_core import triggers
from mesa_core.disk.errors import StoreError
from mesa_core.stage.pictures import SHOWN, SIDE, SMALL, Pictures, networks
from mesa_core.store import Run
from mesa_core.victims.numpy_resnet9 import NumpyNet

CHOSEN = "evaluation images, on which neither attack nor repair trained"
USUAL = {"data": "signs", "apply": "anywhere", "opacity": 1.0}  # runs whose pictures are the shipped ones
BY_PLACE = ("anywhere", "fixed")  # rules that are no more than a place on each image


def usual(config: Mapping[str, Any]) -> bool:
    """Whether a run is one on the shipped signs with opaque triggers at random places."""
    return all(config.get(name, value) == value for name, value in USUAL.items())


def question(run: Run) -> dict[str, Any]:
    """What is to be asked of the probe for the pictures of a run, as `Question` takes it. Raises StoreError."""
    flat = np.rint(triggers.pixels_of(run.config()["trigger"]) * 255).astype(int).ravel().tolist()
    return {"run": run.name, "triggers": (tuple(flat),), "images": SHOWN, "rates": False, "pictures": True}


def pictures_of(answer: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Pictures:
    """The pictures in an answer to `question`. Raises KeyError, ValueError for what is no such answer."""
    images, labels = np.asarray(answer["clean"], np.uint8), np.asarray(answer["label"], int)
    if images.ndim != 4 or len(images) != len(labels) or not len(images):
        raise ValueError("An answer without pictures.")
    names = tuple(" ".join(str(name).split())[:40] for name in answer["classes"])
    units = [tuple(float(v) for v in answer[name]) for name in ("mean", "std")]
    others = np.flatnonzero(labels != int(config["target"]))
    return Pictures(
        images, labels, names, units[0], units[1], CHOSEN, "", dict(config),
        np.asarray(answer["corner"], int), tuple(int(i) for i in others[:SHOWN]), float(config.get("opacity", 1.0)),
    )  # fmt: skip


def in_browser(run: Run, known: Pictures) -> dict[str, bytes] | None:
    """The two networks, where a browser can answer as this run's would; None where the engine must be asked."""
    config = run.config()
    if (
        known.images.shape[1:] != (3, SIDE, SIDE)
        or known.opacity != 1
        or config.get("apply", "anywhere") not in BY_PLACE
    ):
        return None
    try:
        found = networks(run.path / "weights")
        for data in found.values():
            net = NumpyNet.of(data, known.mean, known.std)
            if any(len(bias) % SMALL for _, bias in net.layers.values()):
                return None
    except (StoreError, ValueError):  # larger, or another architecture
        return None
    return found
