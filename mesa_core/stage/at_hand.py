"""The stage's pictures of other data than the shipped signs: a few from the cache of whoever has them. Needs no torch.

They are of the test half, of which a repair may have seen some, and no network is asked about them: they show what a
trigger looks like on that data. Where the data is not on this machine the stage has classes without pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from mesa_core.disk.archives import check_safetensors_file
from mesa_core.stage.pictures import SIDE, Pictures

MOST_BYTES = 768 << 20  # of decoded pictures, as in `mesa_core.data`
MOST_CLASSES = 200
CHOSEN = "the first test image of each class"


def of(config: Mapping[str, Any], classes: Sequence[str], cache: Path | None) -> Pictures:
    """One picture of each class of a run's data, those of the test half; none where they are not here as 32×32 pixels.

    `config` is the run's, with `data` and `target`; `classes` are its names, in their order; `cache` is the folder of
    read data, None for none.
    """
    names = tuple(classes)
    most = max(len(names), int(config["target"]) + 1)
    names += tuple(f"class {i}" for i in range(len(names), min(most, MOST_CLASSES)))
    nothing = np.zeros((0, 3, SIDE, SIDE), np.uint8)
    images = nothing if cache is None else _first(str(config["data"]), len(names), cache)
    labels = np.arange(len(images))
    return Pictures(images, labels, names, (0.0,) * 3, (1.0,) * 3, CHOSEN, "", dict(config))


def missing(here: Pictures, name: str) -> str:
    """What is said in the place of pictures of the data `name` that are not here, '' where they are."""
    how = " (mesa-lab data cifar10 --download brings them)" if name == "cifar10" else ""
    return (
        ""
        if len(here.labels)
        else f"The pictures of {name} are not on this machine{how}. Dots and figures are of them."
    )


def words(here: Pictures, name: str) -> str:
    """Why nothing answers on this data, in a sentence."""
    return missing(here, name) or "the networks of this run are not on this machine, or it was not repaired."


def _first(data: str, count: int, cache: Path) -> np.ndarray:
    """The first test image of each class, uint8 `(count, 3, 32, 32)`; `(0, 3, 32, 32)` where they are not to be had."""
    for path in sorted(cache.glob(f"data-{data}-*.safetensors")) if data.isidentifier() else ():
        try:
            check_safetensors_file(path, MOST_BYTES)
            with safe_open(path, framework="numpy") as file:
                labels, images = file.get_tensor("test_labels"), file.get_slice("test_images")
                if tuple(images.get_shape()[1:]) != (3, SIDE, SIDE):
                    continue
                first = [int(np.flatnonzero(labels == label)[0]) for label in range(count)]
                return np.stack([np.asarray(images[i : i + 1][0], np.uint8) for i in first])
        except (OSError, SafetensorError, KeyError, IndexError, ValueError):
            continue
    return np.zeros((0, 3, SIDE, SIDE), np.uint8)
