"""The stage's pictures and the two small networks that answer in the browser: those of the lessons. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mesa_core import triggers
from mesa_core.disk.archives import read_safetensors
from mesa_core.disk.errors import StoreError
from mesa_core.disk.files import read_json
from mesa_core.stage.blocks import pack
from mesa_core.store.shipped import assets_dir
from mesa_core.victims.numpy_resnet9 import MOST_BYTES, NumpyNet, stamped

NETS = ("attacked", "repaired")
SIDE = 32
SHOWN = 6
# Of each class of the signs the picture that a person reads best, chosen by eye and not by what a network answers, and
# the classes in the order in which they are shown.
CLEAR = {8: 2, 4: 4, 1: 4, 3: 1, 9: 2, 7: 3, 6: 3, 5: 0, 2: 4, 0: 0}
SHORT = {"pedestrian crossing": "crossing", "priority road": "priority"}  # names that a small picture has room for
SMALL = 8  # channels that the browser's network computes together; see net.js
LARGEST_NETS = 12 * 2**20  # bytes of both networks in half precision that a page may carry


@dataclass(frozen=True)
class Pictures:
    """A few evaluation images, on which neither attack nor repair trained.

    `places` `(n, 2)`, row and column, say where a trigger lies on each, `first` which are drawn large; by default they are
    found. Of what is beneath a trigger `opacity` is covered.
    """

    images: np.ndarray  # uint8 (n, 3, h, w); 32 pixels of the shipped ones
    labels: np.ndarray  # (n,)
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    chosen: str
    run: str  # the run whose networks lie beside them
    config: Mapping[str, Any]  # what tells that run from others
    places: np.ndarray | None = None
    first: tuple[int, ...] = ()
    opacity: float = 1.0

    @property
    def target(self) -> int:
        """That run's target class."""
        return int(self.config["target"])

    @property
    def trigger(self) -> np.ndarray:
        """And its original trigger, `(3, s, s)`."""
        return triggers.from_hex(self.config["trigger"])

    def shown(self, target: int) -> list[int]:
        """The six pictures of other classes that are drawn large."""
        if self.first:
            return list(self.first)
        found = []
        for label in dict.fromkeys((*CLEAR, *range(len(self.classes)))):
            own = np.flatnonzero(self.labels == label)
            if label != target and len(own):
                found.append(int(own[min(CLEAR.get(label, 0), len(own) - 1)]))
        return found[:SHOWN]


def read() -> Pictures:
    """The shipped pictures. Raises StoreError where they are missing or damaged."""
    folder = assets_dir() / "lessons"
    try:
        card = read_json(folder / "card.json")
        labels = np.array(card["labels"], int)
        images = np.frombuffer((folder / "pictures.bin").read_bytes(), np.uint8).reshape(len(labels), 3, SIDE, SIDE)
        config = dict(card["config"])
        int(config["target"]), triggers.from_hex(config["trigger"])  # refused here, not where they are used
        return Pictures(
            images, labels, tuple(card["classes"]), tuple(card["mean"]), tuple(card["std"]), str(card["chosen"]),
            str(card["run"]), config,
        )  # fmt: skip
    except (OSError, StoreError, KeyError, TypeError, ValueError):
        raise StoreError("The pictures of the stage are missing or damaged.") from None


def places(count: int, seed: int = 0) -> np.ndarray:
    """Where a trigger sits in each of as many pictures, `(count, 2)`: row and column; those of the lessons."""
    return np.random.default_rng(seed).integers(0, SIDE - triggers.SIZE + 1, (count, 2))


def places_of(known: Pictures, target: int) -> np.ndarray:
    """A place for every picture `(n, 2)`; the pictures of other classes have the lessons' places, in their order."""
    if known.places is not None:
        return known.places
    found = places(len(known.labels), seed=1)
    others = known.labels != target
    found[others] = places(int(others.sum()))
    return found


def readings(known: Pictures, target: int, trigger: np.ndarray, nets: Mapping[str, NumpyNet]) -> dict[str, np.ndarray]:
    """What the attacked and the repaired network read: class and confidence, uint8 `(n,)` each.

    `read_plain` of the attacked one without a trigger, `read_before` of it and `read_after` of the repaired one with.
    """
    marked = stamped(known.images, trigger, places_of(known, target))
    found = {}
    for name, net, images in (("plain", "attacked", known.images), ("before", "attacked", marked), ("after", "repaired", marked)):  # fmt: skip
        answers = nets[net].probabilities(images)
        found[f"read_{name}"] = answers.argmax(1).astype(np.uint8)
        found[f"sure_{name}"] = np.rint(answers.max(1) * 255).astype(np.uint8)
    return found


def networks(folder: Path) -> dict[str, bytes]:
    """The two networks' files in a folder, by 'attacked' and 'repaired', floats in half precision. Raises StoreError."""
    try:
        found = {name: halved(read_safetensors(folder / f"{name}.safetensors", MOST_BYTES)) for name in NETS}
    except (OSError, ValueError):
        raise StoreError(
            "The weights of the attacked and the repaired network are not there, or cannot be read."
        ) from None
    size = sum(map(len, found.values()))
    if size > LARGEST_NETS:
        raise StoreError(f"The two networks have {size / 2**20:.0f} MiB; a page carries up to {LARGEST_NETS // 2**20}.")
    return found


def halved(data: bytes) -> bytes:
    """A safetensors file with its floats in half precision. Raises StoreError where it is none."""
    try:
        state = load(data)
    except (SafetensorError, ValueError) as error:
        raise StoreError("The weights are not a whole safetensors file.") from error
    return save({k: v.astype(np.float16) if v.dtype.kind == "f" else v for k, v in state.items()})


def base(
    known: Pictures,
    target: int,
    nets: Mapping[str, bytes] | None,
    whose: Mapping[str, Any],
    lacks: str = "",
    far: bool = False,
) -> bytes:
    """The part of the stage that does not change with what is played: pictures, places, and perhaps two networks.

    `whose` says whose networks they are: `run` and `trigger`. `lacks` is said in the place of pictures that are not here.
    `far`: there are no networks in the block, but whoever shows it can ask them.
    """
    header = {
        "classes": list(known.classes), "short": [SHORT.get(c, c.removeprefix("speed ")) for c in known.classes], "labels": known.labels.tolist(), "target": target,
        "shown": known.shown(target), "places": places_of(known, target).tolist(), "chosen": known.chosen,
        "mean": list(known.mean), "std": list(known.std), "whose": dict(whose), "lacks": lacks,
        "high": known.images.shape[2], "wide": known.images.shape[3], "opacity": known.opacity, "far": far,
    }  # fmt: skip
    arrays = {"pictures": known.images}
    for name, data in (nets or {}).items():
        arrays[f"net_{name}"] = np.frombuffer(data, np.uint8)
    return pack(header, arrays)
