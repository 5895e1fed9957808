"""CIFAR-100 as its authors' pickles, folder or archive, and grey digits in MNIST's form.

Unlike CIFAR-10's the pickles are not held to a checksum, so that data made in this form is read, too; the unpickler knows
nothing but arrays.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mesa_core.data import archived, arrays_only, order
from mesa_core.data.folder import LEAST, fitted, keep_share, lacking
from mesa_core.data.forms import CIFAR100, IDX
from mesa_core.data.locate import DataError
from mesa_core.data.seen import Seen, fit
from mesa_core.data.types import Dataset, ImageSet, make_dataset
from mesa_core.disk.untrusted import MIB, Refused, open_file, read_bytes

MOST_BYTES = 512 * MIB  # of one file, packed and unpacked; CIFAR-100's train has 155 million
MAGIC: Mapping[int, int] = {0x00000803: 3, 0x00000801: 1}  # of MNIST's files: bytes, and how many axes

Tell = Callable[[str, int, int], None]
Part = tuple[np.ndarray, np.ndarray]
"""Pictures uint8 `(n, 3, h, w)`, labels int64 `(n,)`."""


def load(place: Path, tell: Tell, side: int, listed: tuple[str, ...]) -> Dataset:
    """What lies there, scaled to `side`. Raises DataError."""
    if place.is_file() or all((place / name).is_file() for name in CIFAR100):
        train, test, names = _cifar100(place)
        words = "Read as CIFAR-100 (fine labels), as its authors publish it."
    else:
        train, test = _idx(place)
        count = 1 + max(int(labels.max()) for _, labels in (train, test))
        names = tuple(map(str, range(count)))
        words = "Read as files in MNIST's form; grey is shown in all three colours."
    highest = max(int(labels.max()) for _, labels in (train, test))
    lowest = min(int(labels.min()) for _, labels in (train, test))
    if lowest < 0 or highest >= len(names) or not 2 <= len(names) <= order.MOST_CLASSES:
        raise DataError(
            f"The labels of {fit(place.name)} lie from {lowest} to {highest}, and it names {len(names)} classes."
        )
    numbering = (
        order.number(names, listed) if listed else order.Numbering(names, {n: i for i, n in enumerate(names)}, "")
    )
    moved = np.array([numbering.label[name] for name in names], np.int64)
    notes: list[str] = []
    is_test = np.arange(len(train[1]) + len(test[1])) >= len(train[1])
    keep = np.array(keep_share(is_test.tolist(), side, notes), bool)
    parts = []
    for (images, labels), stays in ((train, keep[~is_test]), (test, keep[is_test])):
        parts.append(ImageSet(_scaled(images[stays], side, tell), torch.from_numpy(moved[labels[stays]])))
    if min(map(len, parts)) < LEAST:
        raise DataError(
            f"{fit(place.name)} has {len(parts[0])} training and {len(parts[1])} test images; {LEAST} are needed."
        )
    told = numbering.words or f"The labels are the file's own, 0 {fit(names[0])} to {len(names) - 1} {fit(names[-1])}."
    labels = torch.cat([part.labels for part in parts]).numpy()
    notes += lacking(numbering.classes, labels, np.arange(len(labels)) >= len(parts[0]))
    return make_dataset("folder", numbering.classes, *parts, seen=Seen(words, told, tuple(notes)))


def _scaled(images: np.ndarray, side: int, tell: Tell) -> torch.Tensor:
    if images.shape[-2:] == (side, side):
        return torch.from_numpy(np.ascontiguousarray(images))
    found = np.empty((len(images), 3, side, side), np.uint8)
    for i, image in enumerate(images):
        found[i] = fitted(Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))), side)
        if i % 1000 == 0:
            tell("your images", i, len(images))
    return torch.from_numpy(found)


# -- CIFAR-100
def _cifar100(place: Path) -> tuple[Part, Part, tuple[str, ...]]:
    held = dict(_archived(place) if place.is_file() else _lying(place))
    names = _content(held["meta"], "meta")
    try:
        classes = tuple(_text(name) for name in names[_key(names, "fine_label_names")])
    except (KeyError, TypeError, ValueError):
        raise DataError("meta of CIFAR-100 names no classes; get it again.") from None
    if not all(name.isprintable() and name for name in classes) or len(set(classes)) < len(classes):
        raise DataError("meta of CIFAR-100 names no classes; get it again.")
    return _batch(held["train"], "train"), _batch(held["test"], "test"), classes


def _batch(data: bytes, name: str) -> Part:
    content = _content(data, name)
    try:
        pixels = np.asarray(content[_key(content, "data")])
        labels = np.asarray(content[_key(content, "fine_labels")], np.int64)
        if pixels.dtype != np.uint8 or labels.ndim != 1 or len(labels) != len(pixels) or not len(labels):
            raise ValueError(name)
        return np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32)), labels  # (n, 3072) -> (n, 3, 32, 32)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise DataError(f"{name} of CIFAR-100 does not hold pictures and fine labels; get it again.") from None


def _content(data: bytes, name: str) -> dict[Any, Any]:
    try:
        found = arrays_only.read(data)
    except Exception as error:  # a damaged pickle raises many types
        raise DataError(f"{name} of CIFAR-100 cannot be read ({type(error).__name__}); get it again.") from None
    if type(found) is not dict:
        raise DataError(f"{name} of CIFAR-100 is not what its authors publish; get it again.")
    return found


def _key(content: Mapping[Any, Any], name: str) -> Any:
    """A key as Python 2 or 3 wrote it."""
    return name.encode() if name.encode() in content else name


def _text(name: Any) -> str:
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)


def _lying(folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in CIFAR100:
        try:
            yield name, read_bytes(folder / name, MOST_BYTES)
        except Refused as error:
            raise DataError(f"{name} of CIFAR-100 {error}.") from None
        except OSError as error:
            raise DataError(f"{name} of CIFAR-100 cannot be read ({error.strerror}).") from None


def _archived(archive: Path) -> Iterator[tuple[str, bytes]]:
    last = lambda name: name.rsplit("/", 1)[-1]
    yield from archived.members(archive, CIFAR100, last, MOST_BYTES, MOST_BYTES).items()


# -- MNIST's form
def _idx(folder: Path) -> tuple[Part, Part]:
    """Both parts, the first of the files' names that has 'train' in it for training."""
    held: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        found = IDX.fullmatch(path.name)
        if found:
            held.setdefault(found.group(1), {}).setdefault(found.group(2), path)
    whole = {name: pair for name, pair in held.items() if len(pair) == 2}
    train = next((name for name in whole if "train" in name.lower()), None)
    test = next((name for name in whole if "train" not in name.lower()), None)
    if train is None or test is None:
        raise DataError(
            f"{fit(folder.name)} holds {', '.join(fit(name) for name in held) or 'nothing'} in MNIST's form; images and "
            "labels of a training and of a test part are needed."
        )
    parts = []
    for name in (train, test):
        images, labels = (_numbers(whole[name][what], axes) for what, axes in (("images", 3), ("labels", 1)))
        if len(images) != len(labels) or not len(images) or not images.size:
            raise DataError(f"{fit(name)} has {len(images)} images and {len(labels)} labels; get it again.")
        parts.append((np.repeat(images[:, None], 3, 1), labels.astype(np.int64)))  # (n, h, w) -> (n, 3, h, w)
    return parts[0], parts[1]


def _numbers(path: Path, axes: int) -> np.ndarray:
    """The array of a file: four bytes that say what it holds, the length of each axis, the bytes."""
    try:
        data = read_bytes(path, MOST_BYTES)
        if data[:2] == b"\x1f\x8b":
            with open_file(path, MOST_BYTES) as packed, gzip.GzipFile(fileobj=packed) as file:
                data = file.read(MOST_BYTES + 1)
        head = 4 + 4 * axes
        shape = tuple(int.from_bytes(data[4 * i : 4 * i + 4], "big") for i in range(1, axes + 1))
        if MAGIC.get(int.from_bytes(data[:4], "big")) != axes or len(data) != head + math.prod(shape):
            raise ValueError(path.name)
    except Refused as error:
        raise DataError(f"{fit(path.name)} {error}.") from None
    except (OSError, EOFError, ValueError, zlib.error):
        raise DataError(f"{fit(path.name)} is not a whole file of MNIST's form; get it again.") from None
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)
