"""Labels of pictures that lie in one folder, from a table beside them: GTSRB's, Kaggle's, Tiny-ImageNet's. Needs no torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mesa_core.data.walking import File
from mesa_core.disk.untrusted import MIB, Refused, read_bytes

ENDINGS = (".csv", ".tsv", ".txt")
MOST_BYTES = 64 * MIB
SAMPLE = 200  # rows by which a column is told
COVERED = 0.5  # of the pictures, or a table is not theirs
NAMES = (  # of a column with labels, in small letters, the likeliest first
    "classid", "class_id", "label", "labels", "class", "class_name", "category", "target", "y", "fine_label", "breed", "id_code",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table that names pictures: the file's name, and each picture's word by its path below the folder that was named."""

    name: str
    words: Mapping[tuple[str, ...], str]


def find(pictures: Sequence[File], beside: Sequence[File]) -> Table | None:
    """The table among the files `beside` that names most of `pictures`; None where none names half of them."""
    best: Table | None = None
    for file in beside:
        if file.path.suffix.lower() in ENDINGS:
            words = _read(file, pictures)
            if words and len(words) >= COVERED * len(pictures) and (best is None or len(words) > len(best.words)):
                best = Table(file.name, words)
    return best


def _read(file: File, pictures: Sequence[File]) -> dict[tuple[str, ...], str]:
    try:
        text = read_bytes(file.path, MOST_BYTES).decode("utf-8-sig", "replace")
        first = text.split("\n", 1)[0]
        comma = max((",", ";", "\t"), key=first.count)
        if not first.count(comma):
            return {}
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=comma) if row]
    except (OSError, Refused, csv.Error):
        return {}
    lying: dict[tuple[str, ...], tuple[str, ...]] = {}
    for picture in pictures:
        for key in _keys(picture.within):
            lying.setdefault(key, picture.within)

    def picture_of(cell: str) -> tuple[str, ...] | None:
        parts = PurePosixPath(cell.strip().replace("\\", "/")).parts
        tail = tuple(part.casefold() for part in parts[-2:])
        return lying.get(tail) or (lying.get(tail[-1:]) if len(tail) == 1 else None) if tail else None

    sample = rows[:SAMPLE]
    wide = max(map(len, sample))
    counts = [sum(len(row) > i and picture_of(row[i]) is not None for row in sample) for i in range(wide)]
    which = max(range(wide), key=lambda i: counts[i])
    if not counts[which]:
        return {}
    headed = len(rows[0]) <= which or picture_of(rows[0][which]) is None
    label = _label_column(rows, which, headed)
    if label is None:
        return {}
    found: dict[tuple[str, ...], str] = {}
    for row in rows[headed:]:
        if len(row) > max(which, label):
            place = picture_of(row[which])
            if place is not None:
                found[place] = row[label].strip()
    return found


def _keys(within: tuple[str, ...]) -> list[tuple[str, ...]]:
    """What a table may call a picture: by its name, with or without its ending, or with its folder's name before it."""
    *above, name = (part.casefold() for part in within)
    bare = name.rsplit(".", 1)[0]
    return [(name,), (bare,), (*above[-1:], name)]


def _label_column(rows: Sequence[Sequence[str]], which: int, headed: bool) -> int | None:
    others = [i for i in range(len(rows[0])) if i != which]
    if headed:
        heads = [cell.strip().casefold() for cell in rows[0]]
        for name in NAMES:
            if name in heads and heads.index(name) != which:
                return heads.index(name)
        return others[0] if len(others) == 1 else None
    return others[0] if others else None
