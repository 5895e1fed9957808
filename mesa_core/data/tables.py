"""Parquet files of pictures and labels, as data sets are published: any names of columns, class names from the metadata."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mesa_core.data import order, parquet
from mesa_core.data.folder import LEAST, fitted, keep_share, lacking, require_readable
from mesa_core.data.layouts import TEST, TRAIN, VALIDATION
from mesa_core.data.locate import DataError
from mesa_core.data.pictures import decode
from mesa_core.data.seen import Seen, Skips, fit
from mesa_core.data.types import Dataset, ImageSet, make_dataset
from mesa_core.data.walking import File, Walker, looking
from mesa_core.disk.untrusted import MIB, Refused

if TYPE_CHECKING:
    import pyarrow.parquet as pq

MOST_FILE = 2048 * MIB  # bytes of one file
MOST_GROUP = 1024 * MIB  # bytes of one group of rows, unpacked
MOST_ROWS = 5_000_000
MOST_COLUMNS = 100
ROWS = 256  # that are held at once
SHARE = 6  # without a part for testing every sixth row is
PICTURES = ("image", "img", "picture", "photo")
LABELS = (
    "label",
    "labels",
    "fine_label",
    "fine_labels",
    "class",
    "class_id",
    "classid",
    "class_label",
    "target",
    "category",
    "y",
)

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Columns:
    """The columns of pictures and labels, and the class names that the file's metadata has; () where it has none."""

    picture: str
    label: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Rows:
    """One file: which part it is ('' where its name does not say), and the labels of all its rows, numbers or names."""

    path: Path
    part: str
    columns: Columns
    labels: list[Any]


def load(place: Path, tell: Tell, side: int, listed: tuple[str, ...]) -> Dataset:
    """All Parquet files in a folder, or one; scaled to `side`. Raises DataError."""
    skips, notes = Skips(), list[str]()
    files = [_rows(path) for path in _files(place, skips)]
    if len({(file.columns.picture, file.columns.label) for file in files}) > 1:
        raise DataError(
            f"The Parquet files of {fit(place.name)} do not have the same columns; name the folder of one data set."
        )
    files = _chosen(files, skips)
    numbering = _numbering(files, listed)
    parted = len({file.part for file in files}) > 1
    test = [_for_testing(file, i, parted) for file in files for i in range(len(file.labels))]
    keep = iter(keep_share(test, side, notes))
    total, done = len(test), 0
    images: dict[bool, list[np.ndarray]] = {False: [], True: []}
    labels: dict[bool, list[int]] = {False: [], True: []}
    shown = [""] * len(numbering.classes)
    failed: list[str] = []
    for file in files:
        known = _labels(file, numbering)
        wanted = [next(keep) for _ in file.labels]
        for i, data in enumerate(_pictures(file)):
            done += 1
            if done % 500 == 1:
                tell("your images", done, total)
            if not wanted[i]:
                continue
            try:
                if not isinstance(data, bytes):
                    raise Refused("is not in the file, which names a place elsewhere" if data else "is empty")
                pixels = fitted(decode(data), side)
            except Refused as error:
                failed.append(f"picture {i} of {fit(file.path.name)} {error}")
                skips.add(f"picture {i} of {file.path.name}", str(error))
                continue
            where = _for_testing(file, i, parted)
            images[where].append(pixels)
            labels[where].append(known[i])
            shown[known[i]] = shown[known[i]] or f"row {i} of {fit(file.path.name)}"
    require_readable(failed, total, "")
    if min(map(len, labels.values())) < LEAST:
        raise DataError(
            f"The Parquet files have {len(labels[False])} training and {len(labels[True])} test images; each part needs "
            f"{LEAST} or more.{skips.words()}"
        )
    own = {part: np.array(labels[part], np.int64) for part in labels}
    parts = [
        ImageSet(torch.from_numpy(np.stack(images.pop(part))), torch.from_numpy(own[part])) for part in (False, True)
    ]
    both = np.concatenate([own[False], own[True]])
    notes += lacking(numbering.classes, both, np.arange(len(both)) >= len(own[False]))
    columns = files[0].columns
    split = " and ".join(dict.fromkeys(file.part for file in files)) if parted else "about a sixth is for testing"
    words = f"Read as {len(files)} Parquet files, pictures from {fit(columns.picture)}, labels from {fit(columns.label)}; {split}."
    return make_dataset(
        "folder", numbering.classes, *parts, seen=Seen(words, numbering.words, tuple(notes), skips.all(), tuple(shown))
    )


def _files(place: Path, skips: Skips) -> list[Path]:
    if place.is_file():
        return [place]
    walker, found = Walker(skips), list[File]()
    with looking(place):
        for file in walker.every(walker.start(place)):
            if file.path.suffix.lower() == ".parquet":
                found.append(file)
            else:
                skips.add("/".join(file.within[-2:]), "not a Parquet file")
    return [file.path for file in sorted(found, key=lambda file: file.within)]


def _part(path: Path) -> str:
    words = [word for name in (path.parent.name, path.stem) for word in re.split(r"[-_.\s]+", name.casefold())]
    for part, names in (("train", TRAIN), ("test", TEST), ("validation", VALIDATION)):
        if any(word in names for word in words):
            return part
    return ""


def _chosen(files: list[Rows], skips: Skips) -> list[Rows]:
    """The files of two parts, or of one."""
    there = {file.part for file in files}
    second = next((part for part in ("test", "validation") if part in there), "")
    if "train" not in there or not second:
        return files
    for file in files:
        if file.part not in ("train", second):
            skips.add(
                file.path.name, "neither for training nor for testing" if not file.part else "a second part for testing"
            )
    return [file for file in files if file.part in ("train", second)]


def _for_testing(file: Rows, row: int, parted: bool) -> bool:
    if parted:
        return file.part != "train"
    return hashlib.sha256(f"{file.path.name} {row}".encode("utf-8", "replace")).digest()[0] % SHARE == 0


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """The open file, its own list of contents held to sizes. Raises DataError."""
    with parquet.opened(path, "pictures and labels", MOST_FILE) as file:
        told = file.metadata
        largest = max(parquet.unpacked(file), default=0)
        if told.num_rows > MOST_ROWS or told.num_columns > MOST_COLUMNS or largest > MOST_GROUP:
            raise DataError(f"{fit(path.name)} is larger than a data set of pictures may be.")
        yield file


def _rows(path: Path) -> Rows:
    with _opened(path) as file:
        columns = _columns(file, path.name)
        labels = file.read(columns=[columns.label]).column(0).to_pylist()
        if any(type(label) not in (int, str, bool) for label in labels) or len({type(one) for one in labels}) > 1:
            raise DataError(f"Some labels of {fit(path.name)} are missing, or neither whole numbers nor names.")
        return Rows(path, _part(path), columns, labels)


def _columns(file: pq.ParquetFile, name: str) -> Columns:
    import pyarrow as pa

    schema = file.schema_arrow
    pictures, labels = [], []
    for column in schema:
        kind = column.type
        if pa.types.is_struct(kind):
            inner = [kind.field(i) for i in range(kind.num_fields)]
            if any(one.name == "bytes" and _is_bytes(one.type) for one in inner):
                pictures.append(column.name)
        elif _is_bytes(kind):
            pictures.append(column.name)
        elif pa.types.is_integer(kind) or pa.types.is_boolean(kind) or _is_text(kind):
            labels.append(column.name)
    named = parquet.class_names(schema.metadata)
    picture = _pick(pictures, PICTURES)
    label = _pick([one for one in labels if one in named], LABELS) or _pick(labels, LABELS)
    if picture is None or label is None:
        what = "pictures" if picture is None else "labels"
        there = ", ".join(fit(column.name) for column in schema)
        raise DataError(f"No column of {fit(name)} is told to hold {what}; it has {there}. Call them image and label.")
    return Columns(picture, label, named.get(label, ()))


def _is_bytes(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _pick(there: Sequence[str], names: Sequence[str]) -> str | None:
    """The column with the likeliest name, or the only one."""
    folded = {name.casefold(): name for name in reversed(there)}
    return next((folded[name] for name in names if name in folded), there[0] if len(there) == 1 else None)


def _numbering(files: Sequence[Rows], listed: tuple[str, ...]) -> order.Numbering:
    there = {label for file in files for label in file.labels}
    if not there or len({type(label) for label in there}) > 1:
        raise DataError("The Parquet files hold no labels, or numbers in one and names in another.")
    names = files[0].columns.names
    if any(isinstance(label, str) for label in there):
        if not 2 <= len(there) <= order.MOST_CLASSES or not all(str(label).isprintable() for label in there):
            raise DataError(f"The labels have {len(there)} names; 2 to {order.MOST_CLASSES} are needed.")
        return order.number(sorted(map(str, there)), listed)
    low, high = min(map(int, there)), max(map(int, there))
    count = max(len(names), len(listed), high + 1)
    if low < 0 or not 2 <= count <= order.MOST_CLASSES or (names and high >= len(names)):
        told = f", and it names {len(names)} classes" if names else ""
        raise DataError(f"The labels lie from {low} to {high}{told}; they are to count the classes from 0.")
    if names:
        if listed:
            return order.number(names, listed)
        words = f"The labels are the file's own, 0 {fit(names[0])} to {len(names) - 1} {fit(names[-1])}."
        return order.Numbering(names, {name: i for i, name in enumerate(names)}, words)
    if listed and high >= len(listed):
        raise DataError(f"The labels go to {high}, but the class list has {len(listed)} names.")
    classes = listed or tuple(map(str, range(count)))
    words = "The labels are the file's own numbers" + (
        ", named by the class list." if listed else "; it names no classes."
    )
    return order.Numbering(classes, {str(i): i for i in range(len(classes))}, words)


def _labels(file: Rows, numbering: order.Numbering) -> list[int]:
    names = file.columns.names
    if any(isinstance(label, str) for label in file.labels):
        return [numbering.label[label] for label in file.labels]
    return [numbering.label[names[int(label)]] if names else int(label) for label in file.labels]


def _pictures(file: Rows) -> Iterator[Any]:
    """Each row's bytes, or what stands there instead."""
    with _opened(file.path) as opened:
        for batch in opened.iter_batches(ROWS, columns=[file.columns.picture]):
            for value in batch.column(0).to_pylist():
                yield (value.get("bytes") or value.get("path")) if isinstance(value, dict) else value
