"""CIFAR-10 from its archive, its extracted folder, or Parquet files.

The archive's batches are pickles, which can run code when they are read. So each is compared with its published
checksum first, and even then read by an unpickler that knows nothing but numpy arrays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from mesa_core.data import archived, arrays_only, parquet
from mesa_core.data.locate import FOLDER, DataError, Found
from mesa_core.data.names import CIFAR10 as CLASSES
from mesa_core.data.pictures import decode
from mesa_core.data.types import Dataset, ImageSet, make_dataset
from mesa_core.disk.untrusted import MIB, Refused, read_bytes

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST = "test_batch"
SIDE = 32
MOST_BATCH = 64 * MIB  # bytes of a batch, which has 30 million
MOST_ARCHIVE = 512 * MIB  # bytes of the archive, packed and unpacked; it has 170 and 186 million
MOST_PARQUET = 512 * MIB  # bytes of a Parquet file, packed and unpacked
MOST_COLUMNS = 20
CHECKSUMS: Mapping[str, str] = {  # md5, as published with the data set and as torchvision checks them
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
COUNTS: Mapping[str, int] = {"train": 50_000, "test": 10_000}
Tell = Callable[[str, int, int], None]


def load(
    found: Found, tell: Tell, checksums: Mapping[str, str] = CHECKSUMS, counts: Mapping[str, int] = COUNTS
) -> Dataset:
    """CIFAR-10 from where it was found; `tell(what, done, of)` hears of progress. Raises DataError.

    Batches are held to `checksums`; Parquet files, which have none, to `counts`.
    """
    if found.layout == "parquet":
        return _from_parquet(found.path, tell, counts)
    read = _archive_members if found.layout == "archive" else _folder_members
    images, labels = [], []
    for done, (name, data) in enumerate(read(found.path, (*TRAIN, TEST))):
        if hashlib.md5(data, usedforsecurity=False).hexdigest() != checksums.get(name):
            raise DataError(f"{name} of CIFAR-10 is not the published file (its checksum differs); get it again.")
        pixels, own = _batch(data, name)
        images.append(pixels)
        labels.append(own)
        tell("CIFAR-10", done + 1, 6)
    train = ImageSet(torch.from_numpy(np.concatenate(images[:-1])), torch.from_numpy(np.concatenate(labels[:-1])))
    test = ImageSet(torch.from_numpy(images[-1]), torch.from_numpy(labels[-1]))
    return make_dataset("cifar10", CLASSES, train, test)


def _batch(data: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 `(n, 3, 32, 32)` and labels of one batch whose checksum was right."""
    try:
        content = arrays_only.read(data)
        pixels, labels = content[b"data"], np.asarray(content[b"labels"], np.int64)
        return np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32)), labels  # (n, 3072) -> (n, 3, 32, 32)
    except Exception as error:  # a damaged pickle raises many types
        raise DataError(f"{name} of CIFAR-10 cannot be read ({type(error).__name__}); get it again.") from None


def _folder_members(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        try:
            yield name, read_bytes(folder / name, MOST_BATCH)
        except (OSError, Refused):
            raise DataError(f"{name} is missing from {folder.name}; extract CIFAR-10's archive again.") from None


def _archive_members(archive: Path, names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    inner = lambda name: name.removeprefix(f"{FOLDER}/")
    yield from archived.members(archive, names, inner, MOST_ARCHIVE, MOST_BATCH).items()


def _from_parquet(folder: Path, tell: Tell, counts: Mapping[str, int]) -> Dataset:
    classes: tuple[str, ...] = CLASSES
    parts: dict[str, ImageSet] = {}
    for part, before in (("train", 0), ("test", COUNTS["train"])):
        images: list[np.ndarray] = []
        labels: list[int] = []
        for file in sorted(folder.glob(f"{part}-*.parquet")):
            with parquet.opened(file, "CIFAR-10", MOST_PARQUET) as held:
                table = _table(held, counts[part])
                classes = parquet.class_names(table.schema.metadata).get("label", classes)
                for image, label in _rows(table, file.name):
                    images.append(image)
                    labels.append(label)
                    if len(labels) % 2000 == 1:
                        tell("CIFAR-10", before + len(labels), sum(COUNTS.values()))
        if not labels or not 0 <= min(labels) <= max(labels) < len(classes):
            raise DataError(f"The {part} files of {folder.name} hold no images of CIFAR-10; get them again.")
        if len(labels) != counts[part] or len(classes) != len(CLASSES):
            raise DataError(
                f"The {part} files of {folder.name} hold {len(labels):,} of CIFAR-10's {counts[part]:,} images; a file "
                "is missing or not the right one."
            )
        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()  # (n, h, w, 3) -> (n, 3, h, w)
        parts[part] = ImageSet(pixels, torch.tensor(labels))
    return make_dataset("cifar10", classes, parts["train"], parts["test"])


def _rows(table: pa.Table, name: str) -> Iterator[tuple[np.ndarray, int]]:
    """Each picture uint8 `(32, 32, 3)` with its label; `name` is the file's. Raises DataError for a picture that is none."""
    pictures = table.column(0 if table.column_names[0] != "label" else 1)
    for number, (picture, label) in enumerate(zip(pictures, table.column("label"), strict=True)):
        try:
            image = decode(picture["bytes"].as_py(), SIDE * SIDE)
        except Refused as error:
            raise DataError(f"Picture {number} of {name} {error}.") from None
        if image.size != (SIDE, SIDE):
            raise DataError(f"{name} holds an image of {image.size}, not of 32 x 32.")
        yield np.asarray(image), int(label.as_py())


def _table(file: pq.ParquetFile, most: int) -> pa.Table:
    """Pictures and labels of a Parquet file, whose own list of contents is held to a size first. Raises ValueError."""
    told = file.metadata
    if told.num_rows > most or sum(parquet.unpacked(file)) > MOST_PARQUET or told.num_columns > MOST_COLUMNS:
        raise ValueError("larger than CIFAR-10")
    return file.read()
