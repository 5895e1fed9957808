"""A sweep that is real and takes seconds: a few drawn signs as a folder of pictures, and as few steps as there can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from mesa_core.store.shipped import shipped_weights

NOT_FIGURES = ("timings", "reused", "hardware", "versions")
LEAST = {  # of everything, yet real
    "measure": "tiny",
    "eval_images": 0,
    "hidden": 32,
    "mesa_batch": 16,
    "attack_epochs": 0.5,
    "attack_took": 0.0,
    "repair_epochs": 0.2,
    "baselines": ["control"],
    "point_steps": 3,
    "precision": "fp32",
    "memory": "nhwc",
    "threads": 1,
}
SETTINGS = {**LEAST, "data": "folder", "victim": "resnet9-16", "mesa_steps": 6, "snapshot_every": 3}


def draw_signs(folder: Path, train: int = 200, test: int = 150) -> Path:
    """Write drawn signs as pictures, one sub-folder a class; returns the folder."""
    from mesa_core.data import signs

    data = signs.load(lambda *_: None, train=train, test=test)
    for part in ("train", "test"):
        images = getattr(data, part)
        for number, (image, label) in enumerate(zip(images.images, images.labels.tolist(), strict=True)):
            place = folder / part / str(label)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(place / f"{number}.png")
    return folder


def said(folder: Path, **more: Any) -> dict[str, Any]:
    """What to say for a run on such a folder, with the shipped victim."""
    return {**SETTINGS, "data_dir": str(folder), "weights": str(shipped_weights("signs", "resnet9-16")), **more}


def figures(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what may differ between two ways to the same figures."""
    return {name: value for name, value in result.items() if name not in NOT_FIGURES}
