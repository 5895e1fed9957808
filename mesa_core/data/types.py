"""A data set as resident tensors, and its splits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

DEFENDER = 0.8  # share of the test images that the defender has


@dataclass(frozen=True)
class ImageSet:
    """Images uint8 `(n, 3, h, w)` with labels int64 `(n,)`."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> ImageSet:
        """The same on a device."""
        return ImageSet(self.images.to(device), self.labels.to(device))

    def take(self, index: Tensor) -> ImageSet:
        """A part, by index."""
        return ImageSet(self.images[index], self.labels[index])


@dataclass(frozen=True)
class Dataset:
    """A whole data set. `mean` and `std` are the training images', for each colour, pixels in [0, 1]."""

    name: str
    classes: tuple[str, ...]
    train: ImageSet
    test: ImageSet
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fingerprint: str

    @property
    def size(self) -> int:
        """Pixels on a side."""
        return self.train.images.shape[-1]


@dataclass(frozen=True)
class Splits:
    """Who has which images: the attacker trains, the defender models and repairs, the evaluation judges."""

    attacker: ImageSet
    defender: ImageSet
    evaluation: ImageSet


def _three(values: torch.Tensor) -> tuple[float, float, float]:
    """A value a channel, from steps of 255 to shares of one."""
    red, green, blue = (round(float(v) / 255, 4) for v in values)
    return red, green, blue


def make_dataset(name: str, classes: tuple[str, ...], train: ImageSet, test: ImageSet) -> Dataset:
    """A `Dataset` with its statistics and the fingerprint of its contents; `classes` are the names by label."""
    digest = hashlib.sha256("\n".join((name, *classes)).encode())
    for part in (train, test):
        digest.update(part.images.contiguous().numpy().data)
        digest.update(part.labels.contiguous().numpy().data)
    # Two moments from sums of integers: exact, and without a float copy of all images.
    sums, squares, count = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), 0
    for chunk in train.images.split(2000):
        values = chunk.double()
        sums += values.sum((0, 2, 3))
        squares += values.square().sum((0, 2, 3))
        count += values.numel() // 3
    mean = sums / count
    std = (squares / count - mean.square()).clamp(min=1.0).sqrt()
    return Dataset(name, classes, train, test, _three(mean), _three(std), digest.hexdigest()[:16])


def split(dataset: Dataset, seed: int) -> Splits:
    """Attacker: all training images; defender: 80 % of the test images, drawn by `seed`; evaluation: the others.

    Section 4.1.
    """
    count = len(dataset.test)
    shuffled = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    own = round(DEFENDER * count)
    return Splits(dataset.train, dataset.test.take(shuffled[:own]), dataset.test.take(shuffled[own:]))
