"""A data set as resident tensors, and its splits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mesa_core.data.seen import Seen

DEFENDER = 0.8  # share of the test images that the defender has
JUDGE, MOST_JUDGES = 0.2, 2000  # of a brought network's images: the share that evaluates, and how many at most
MOST_OWN = 8000  # of them the defender's at most, as many as of CIFAR-10


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
    """A whole data set. `mean` and `std` are the training images', for each colour, pixels in [0, 1].

    `groups` int64 `(test,)` are numbers of what belongs together among the test images, such as a track of GTSRB, and is
    never split; None where each stands alone. `seen` is what there is to say of how it was read.
    """

    name: str
    classes: tuple[str, ...]
    train: ImageSet
    test: ImageSet
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fingerprint: str
    seen: Seen = field(default_factory=Seen, compare=False)
    groups: Tensor | None = field(default=None, compare=False)

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


def make_dataset(
    name: str,
    classes: tuple[str, ...],
    train: ImageSet,
    test: ImageSet,
    *,
    seen: Seen | None = None,
    groups: Tensor | None = None,
) -> Dataset:
    """A `Dataset` with its statistics and the fingerprint of its contents; `classes` are the names by label."""
    digest = hashlib.sha256("\n".join((name, *classes)).encode())
    for part in (train, test):
        digest.update(part.images.contiguous().numpy().data)
        digest.update(part.labels.contiguous().numpy().data)
    if groups is not None:  # they decide the splits
        digest.update(groups.contiguous().numpy().data)
    # Two moments from sums of integers: exact, and without a float copy of all images.
    sums, squares, count = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), 0
    for chunk in train.images.split(2000):
        values = chunk.double()
        sums += values.sum((0, 2, 3))
        squares += values.square().sum((0, 2, 3))
        count += values.numel() // 3
    mean = sums / count
    std = (squares / count - mean.square()).clamp(min=1.0).sqrt()
    return Dataset(
        name, classes, train, test, _three(mean), _three(std), digest.hexdigest()[:16], seen or Seen(), groups
    )


def split(dataset: Dataset, seed: int) -> Splits:
    """Attacker: all training images; defender: 80 % of the test images, drawn by `seed`; evaluation: the others.

    Section 4.1. Test images of one group, such as a track, go to one side.
    """
    if dataset.groups is not None:
        shuffled, own = _by_groups(dataset.test.labels, dataset.groups, seed)
        return Splits(dataset.train, dataset.test.take(shuffled[:own]), dataset.test.take(shuffled[own:]))
    count = len(dataset.test)
    shuffled = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    own = round(DEFENDER * count)
    return Splits(dataset.train, dataset.test.take(shuffled[:own]), dataset.test.take(shuffled[own:]))


def split_brought(dataset: Dataset, seed: int) -> Splits:
    """For a network that somebody brings, which nobody attacks here: all images are the defender's, but those that evaluate.

    Evaluation: test images, a fifth of all or 2,000 at most, whole groups of them. Defender: the other test images, then
    training images, 8,000 at most; drawn by `seed`.
    """
    draw = torch.Generator().manual_seed(seed)
    test, train = len(dataset.test), len(dataset.train)
    wanted = min(test, MOST_JUDGES, max(1, round(JUDGE * (test + train))))
    groups = torch.arange(test) if dataset.groups is None else dataset.groups
    names, which = groups.unique(return_inverse=True)
    rank = torch.randperm(len(names), generator=draw)[which]  # a random order in which groups stay whole
    order = torch.argsort(rank, stable=True)
    while 0 < wanted < test and rank[order[wanted]] == rank[order[wanted - 1]]:
        wanted += 1
    rest = order[wanted:]
    rest = rest[torch.randperm(len(rest), generator=draw)][:MOST_OWN]
    more = torch.randperm(train, generator=draw)[: MOST_OWN - len(rest)]
    parts = (dataset.test.take(rest), dataset.train.take(more))
    defender = ImageSet(torch.cat([p.images for p in parts]), torch.cat([p.labels for p in parts]))
    return Splits(dataset.train, defender, dataset.test.take(order[:wanted]))


def _by_groups(labels: Tensor, groups: Tensor, seed: int) -> tuple[Tensor, int]:
    """An order of the test images in which no group is cut at the returned place, some 80 % of each class before it.

    A class of two groups or more has one on either side.
    """
    draw = torch.Generator().manual_seed(seed)
    before: list[Tensor] = []
    for label in labels.unique().tolist():
        names = groups[labels == label].unique()
        names = names[torch.randperm(len(names), generator=draw)]
        keep = min(len(names) - 1, max(1, round(DEFENDER * len(names)))) if len(names) > 1 else 1
        before.append(names[:keep])
    first = torch.isin(groups, torch.cat(before)).nonzero().squeeze(1)
    last = (~torch.isin(groups, torch.cat(before))).nonzero().squeeze(1)
    first = first[torch.randperm(len(first), generator=draw)]
    last = last[torch.randperm(len(last), generator=draw)]
    return torch.cat([first, last]), len(first)
