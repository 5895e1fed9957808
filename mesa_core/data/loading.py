"""One door to all data sets, with a cache of decoded tensors that is checked on reading."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor
from torch.nn import functional as F

from mesa_core.data.locate import DataError
from mesa_core.data.seen import Seen
from mesa_core.data.sources import SOURCES
from mesa_core.data.types import Dataset, ImageSet, make_dataset
from mesa_core.data.walking import TooMany, Walker
from mesa_core.disk.archives import read_safetensors
from mesa_core.disk.files import write_atomically
from mesa_core.disk.untrusted import MIB, read_json
from mesa_core.registry import load

VERSION = 2
MOST_BYTES = 768 * MIB  # of decoded pictures; CIFAR-10 takes 184


def load_data(
    name: str,
    directory: str | Path = "",
    *,
    cache: Path,
    progress: Callable[[str, int, int], None] | None = None,
    side: int = 0,
    classes: str = "",
) -> Dataset:
    """A data set of `SOURCES` as resident tensors; `progress(what, done, of)` hears of long work.

    `side` is the size in pixels to which images are brought (0: the data's own, 32 for a folder), `classes` a file with a
    folder's class names by label, a name a line. Raises DataError in one sentence that says what to do.
    """
    tell = progress or (lambda what, done, of: None)
    if name not in SOURCES:
        raise DataError(f"There is no data set {name!r}; choose one of {', '.join(SOURCES)}.")
    source = SOURCES[name]
    found = source.find(directory, cache) if source.find else None
    if found is not None:
        found = replace(found, side=side, classes=classes)
    what = [name, *([source.version] if source.version else []), *([_stamp(found.path)] if found else [])]
    what += [f"side {side}"] if side else []
    what += [_stamp(Path(classes))] if classes else []
    return _cached(cache, " ".join(what), lambda: scaled(load(source.load)(found, tell), side))


def scaled(dataset: Dataset, side: int) -> Dataset:
    """The same with images of `side` pixels (0: as they are)."""
    if side in (0, dataset.size):
        return dataset
    parts = [ImageSet(_resized(part.images, side), part.labels) for part in (dataset.train, dataset.test)]
    return make_dataset(dataset.name, dataset.classes, *parts, seen=dataset.seen, groups=dataset.groups)


def _resized(images: Tensor, side: int) -> Tensor:
    """uint8 `(n, 3, h, w)` scaled to squares, a part at a time."""
    found = []
    for part in images.split(500):
        large = F.interpolate(part.float(), (side, side), mode="bicubic", antialias=True, align_corners=False)
        found.append(large.round().clamp(0, 255).to(torch.uint8))
    return torch.cat(found)


def _stamp(path: Path) -> str:
    """What tells that a source has changed: every file's name, size and time; links are followed, not in circles."""
    listing: list[tuple[str, int, int]] = []
    if path.is_dir():
        walker = Walker()
        try:
            for file in walker.every(walker.start(path)):
                with contextlib.suppress(OSError):
                    listing.append(("/".join(file.within), *_size_and_time(file.path)))
        except (OSError, TooMany):  # said once it is read
            listing.clear()
    else:
        with contextlib.suppress(OSError):
            listing.append((path.name, *_size_and_time(path)))
    return f"{path.resolve()} {json.dumps(sorted(listing))}"


def _size_and_time(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _cached(cache: Path, what: str, make: Callable[[], Dataset]) -> Dataset:
    key = hashlib.sha256(f"{VERSION} {what}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    path = cache / f"data-{what.split()[0]}-{key}.safetensors"
    side = path.with_suffix(".json")
    try:
        known = read_json(side)
        tensors = load_tensors(read_safetensors(path, MOST_BYTES))
        train = ImageSet(tensors["train_images"], tensors["train_labels"])
        test = ImageSet(tensors["test_images"], tensors["test_labels"])
        if any(part.images.dtype != torch.uint8 or part.images.ndim != 4 for part in (train, test)):
            raise ValueError("pictures")
        groups = tensors.get("test_groups")
        if groups is not None and (groups.dtype != torch.int64 or groups.shape != test.labels.shape):
            raise ValueError("groups")
        seen = Seen.from_json(known["seen"])
        dataset = make_dataset(known["name"], tuple(known["classes"]), train, test, seen=seen, groups=groups)
        if dataset.fingerprint == known["fingerprint"]:
            return dataset
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError):
        pass  # missing or damaged: made again below
    dataset = make()
    held = {
        "train_images": dataset.train.images,
        "train_labels": dataset.train.labels,
        "test_images": dataset.test.images,
        "test_labels": dataset.test.labels,
    }
    if dataset.groups is not None:
        held["test_groups"] = dataset.groups
    write_atomically(path, save_tensors({name: tensor.contiguous() for name, tensor in held.items()}))
    write_atomically(
        side,
        json.dumps(
            {
                "name": dataset.name,
                "classes": list(dataset.classes),
                "fingerprint": dataset.fingerprint,
                "seen": dataset.seen.to_json(),
            }
        ).encode(),
    )
    return dataset
