"""Images and labels as somebody has them, a tensor, a Dataset or a DataLoader, as a resident `ImageSet`."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mesa_core.data.locate import DataError
from mesa_core.data.types import ImageSet

FEWEST = 20  # images; with fewer nothing could be measured
WANTED = "images are a tensor (n, 3, h, w), uint8 or floats in [0, 1]"


def image_set(data: Any, labels: Any = None, classes: int | None = None) -> ImageSet:
    """`data` as uint8 `(n, 3, h, w)` with int64 labels `(n,)`, read whole into memory.

    `data` is a tensor or array of images with `labels` beside it, a pair (images, labels), a `Dataset` of (image, label),
    or a `DataLoader` of batches; pixels are uint8, or floats in [0, 1], which are rounded to steps of 1/255. `classes` is
    how many the network tells apart. Raises DataError in one sentence that says what to change.
    """
    if isinstance(data, ImageSet):
        found = data
    elif labels is not None:
        found = ImageSet(_pixels(torch.as_tensor(data)), _labels(labels))
    elif isinstance(data, (tuple, list)) and len(data) == 2 and hasattr(data[0], "shape") and len(data[0].shape) == 4:
        found = ImageSet(_pixels(torch.as_tensor(data[0])), _labels(data[1]))
    elif hasattr(data, "shape"):
        raise DataError("These images have no labels; give a tensor of labels (n,) beside them.")
    else:
        found = _read(data)
    if len(found.images) != len(found.labels):
        raise DataError(
            f"There are {len(found.images)} images and {len(found.labels)} labels; give one label an image."
        )
    if len(found) < FEWEST:
        raise DataError(f"There are {len(found)} images; give {FEWEST} or more.")
    low, high = int(found.labels.min()), int(found.labels.max())
    if low < 0 or (classes is not None and high >= classes):
        told = f"the network has the classes 0 to {classes - 1}" if classes is not None else "labels begin at 0"
        raise DataError(
            f"A label is {low if low < 0 else high}, but {told}; check the labels, or the network's last layer."
        )
    return found


def _read(data: Iterable[Any]) -> ImageSet:
    """All of a Dataset or DataLoader."""
    batched = hasattr(data, "batch_size") and data.batch_size is not None
    items: Iterable[Any] = data
    if not batched and isinstance(data, Sized) and hasattr(data, "__getitem__"):
        items = (data[i] for i in range(len(data)))
    images: list[Tensor] = []
    labels: list[Tensor] = []
    try:
        for item in items:
            picture, label = item[0], item[1]
            own = (
                torch.from_numpy(np.array(picture)).permute(2, 0, 1)
                if _is_picture(picture)
                else torch.as_tensor(picture)
            )
            own = own if batched else own[None]
            images.append(_pixels(own))
            labels.append(torch.as_tensor(label, dtype=torch.int64).reshape(-1))
    except (TypeError, KeyError, IndexError):
        raise DataError(f"This data does not give pairs of an image and a label; {WANTED}, with labels (n,).") from None
    if not images:
        raise DataError("This data is empty.")
    if len({part.shape[1:] for part in images}) > 1:
        raise DataError("The images differ in size; resize them to one size first.")
    return ImageSet(torch.cat(images), torch.cat(labels))


def _is_picture(item: Any) -> bool:
    """Whether it is a Pillow picture, told without importing Pillow."""
    return type(item).__module__.startswith("PIL.")


def _pixels(images: Tensor) -> Tensor:
    if images.ndim != 4:
        raise DataError(f"The images have the shape {tuple(images.shape)}; {WANTED}.")
    if images.shape[1] != 3:
        more = "; repeat grey ones with images.expand(-1, 3, -1, -1)" if images.shape[1] == 1 else ""
        raise DataError(f"The images have {images.shape[1]} channels, and triggers have three colours{more}.")
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise DataError(f"The pixels are {images.dtype}; {WANTED}.")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):  # also where a pixel is no number
        raise DataError(
            f"The pixels lie from {low:.3g} to {high:.3g}; give them in [0, 1] or as uint8, without normalisation, which is "
            "the victim's: Victim(model, Normalise(mean, std))."
        )
    return (images * 255).round().to(torch.uint8)


def _labels(labels: Any) -> Tensor:
    found = torch.as_tensor(labels)
    if found.ndim != 1 or found.is_floating_point() or found.is_complex():
        raise DataError(
            f"The labels have the shape {tuple(found.shape)} and are {found.dtype}; give whole numbers (n,)."
        )
    return found.to(torch.int64)
