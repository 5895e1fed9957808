"""Pictures of one's own as a data set: a folder in any usual layout, Parquet files, CIFAR-100's pickles, MNIST's files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from mesa_core.data import layouts, order, tracks
from mesa_core.data.layouts import Picture
from mesa_core.data.locate import DataError, Found
from mesa_core.data.pictures import name_of, open_picture
from mesa_core.data.seen import Seen, Skips, fit
from mesa_core.data.types import Dataset, ImageSet, make_dataset
from mesa_core.disk.untrusted import MIB, Refused

SIDE = 32  # pixels, where nobody says another size
MOST_NAMED = 5  # pictures that a message names
LEAST = 20  # images in the test part, or nothing could be measured
TEST_SHARE = 6  # without a test folder every sixth image, by the digest of its name, is for testing
MOST_DAMAGED = 0.01  # share of the pictures that may be left out because they cannot be read
MOST_BYTES = 700 * MIB  # of all pictures once they are read; more are thinned out, every class alike
TEST_PART = 0.4  # of those bytes at most for testing, where both parts are too large

Tell = Callable[[str, int, int], None]


def load_from(found: Found, tell: Tell) -> Dataset:
    """The data set as it is chosen by name. Raises DataError."""
    listed = order.read_list(found.classes) if found.classes else ()
    side = found.side or SIDE
    if found.layout == "parquet":
        from mesa_core.data import tables

        return tables.load(found.path, tell, side, listed)
    if found.layout == "packed":
        from mesa_core.data import packed

        return packed.load(found.path, tell, side, listed)
    return load(found.path, tell, side, listed)


def load(folder: Path, tell: Tell, side: int = SIDE, listed: tuple[str, ...] = ()) -> Dataset:
    """Read, crop to a square and scale: uint8 `(n, 3, side, side)`; `listed` are the classes by label, where they were named.

    Raises DataError, which names the pictures that are not read, and what was seen and skipped.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; name one with --data-dir.")
    skips = Skips()
    layout = layouts.find(folder, listed, skips)
    notes = list(layout.notes)
    chosen = _parted(layout, notes)
    classes = layout.numbering.classes
    chosen = _thinned(chosen, side, notes)
    whole, read = _read_all(chosen, side, tell, skips)
    pictures = [one.picture for one, fine in zip(chosen, read, strict=True) if fine]
    test = np.array([one.test for one, fine in zip(chosen, read, strict=True) if fine], bool)
    track = np.array([one.track for one, fine in zip(chosen, read, strict=True) if fine], np.int64)
    labels = np.array([picture.label for picture in pictures], np.int64)
    if test.sum() < LEAST or (~test).sum() < LEAST:
        raise DataError(
            f"The folder has {int((~test).sum())} training and {int(test.sum())} test images; each part needs {LEAST} "
            f"or more.{skips.words()}"
        )
    notes += lacking(classes, labels, test)
    parts = [ImageSet(whole[torch.from_numpy(mask)], torch.from_numpy(labels[mask])) for mask in (~test, test)]
    groups = torch.from_numpy(track[test]) if (track >= 0).any() else None
    seen = Seen(layout.words, layout.numbering.words, tuple(notes), skips.all(), examples(classes, pictures))
    return make_dataset("folder", classes, *parts, seen=seen, groups=groups)


@dataclass(frozen=True)
class Chosen:
    """A picture, whether it is for testing, and the number of its track (-1: tracks are not known)."""

    picture: Picture
    test: bool
    track: int


def _parted(layout: layouts.Layout, notes: list[str]) -> list[Chosen]:
    """Which pictures are for testing: as the folder says, else by the digest of their names; tracks stay together."""
    pictures = layout.pictures
    own = [picture.test for picture in pictures]
    names = [picture.path.name for picture in pictures]
    labels = [picture.label for picture in pictures]
    numbers = tracks.tracks_of(names, labels)
    if numbers is None:
        told = [_drawn(picture) if said is None else said for picture, said in zip(pictures, own, strict=True)]
        return [Chosen(picture, test, -1) for picture, test in zip(pictures, told, strict=True)]
    both = {n for n, t in zip(numbers, own, strict=True) if t} & {n for n, t in zip(numbers, own, strict=True) if not t}
    if layout.parted and not both:
        notes.append("Pictures of one track (GTSRB) lie in one part.")
        return [Chosen(p, bool(t), n) for p, t, n in zip(pictures, own, numbers, strict=True)]
    if both:
        notes.append(
            f"{len(both)} tracks (GTSRB: pictures of one sign) lie in both parts, so the parts are drawn anew by tracks."
        )
    else:
        notes.append("Pictures of one track (GTSRB) stay together: whole tracks are for training or for testing.")
    drawn = tracks.for_testing(numbers, labels, names)
    return [Chosen(p, t, n) for p, t, n in zip(pictures, drawn, numbers, strict=True)]


def _drawn(picture: Picture) -> bool:
    return hashlib.sha256(os.fsencode(picture.name)).digest()[0] % TEST_SHARE == 0


def _thinned(chosen: list[Chosen], side: int, notes: list[str]) -> list[Chosen]:
    """As many as fit MOST_BYTES once they are read, of every class the same share, in their order."""
    kept = keep_share([one.test for one in chosen], side, notes)
    return [one for one, stays in zip(chosen, kept, strict=True) if stays]


def keep_share(test: Sequence[bool], side: int, notes: list[str]) -> list[bool]:
    """Which of many pictures are read, so that they fit MOST_BYTES: evenly along their order, which goes by class."""
    room = MOST_BYTES // (3 * side * side)
    count = {True: sum(test), False: len(test) - sum(test)}
    if len(test) <= room:
        return [True] * len(test)
    keep = {True: min(count[True], max(int(room * TEST_PART), room - count[False]))}
    keep[False] = min(count[False], room - keep[True])
    notes.append(
        f"So that they fit memory at {side} x {side}, {keep[False]:,} of {count[False]:,} training and {keep[True]:,} of "
        f"{count[True]:,} test images are read, of every class the same share."
    )
    at = {True: 0, False: 0}
    found = []
    for part in test:
        n, k = at[part], keep[part]
        found.append((n + 1) * k // count[part] > n * k // count[part])
        at[part] += 1
    return found


def _read_all(chosen: Sequence[Chosen], side: int, tell: Tell, skips: Skips) -> tuple[torch.Tensor, list[bool]]:
    """The pictures `(n, 3, side, side)` that could be read, and which those are. Raises DataError where many are not."""
    whole = np.empty((len(chosen), 3, side, side), np.uint8)
    failed: list[str] = []
    read: list[bool] = []
    for number, one in enumerate(chosen):
        try:
            whole[len(read) - len(failed)] = fitted(open_picture(one.picture.path), side)
            read.append(True)
        except Refused as error:
            failed.append(f"{name_of(one.picture.path)} {error}")
            skips.add(f"{one.picture.path.parent.name}/{one.picture.path.name}", str(error))
            read.append(False)
        if number % 200 == 0:
            tell("your images", number, len(chosen))
    require_readable(failed, len(chosen), " Mend or remove them.")
    return torch.from_numpy(whole[: len(read) - len(failed)]), read


def fitted(image: Image.Image, side: int) -> np.ndarray:
    """A picture cropped to a square and scaled, uint8 `(3, side, side)`."""
    square = ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS)
    return np.asarray(square).transpose(2, 0, 1)  # (h, w, 3) -> (3, h, w)


def lacking(classes: tuple[str, ...], labels: np.ndarray, test: np.ndarray) -> list[str]:
    """Sentences on classes that have no images, or none to test on; they keep their number and can still be searched."""
    told = []
    for mask, words in ((labels == labels, "no images at all"), (test, "no images for testing")):
        there = set(labels[mask].tolist())
        gone = [f"{i} ({fit(name)})" for i, name in enumerate(classes) if i not in there]
        if gone:
            more = f" and {len(gone) - MOST_NAMED} more" if len(gone) > MOST_NAMED else ""
            told.append(
                f"Class {', '.join(gone[:MOST_NAMED])}{more}: {words}. It keeps its number and is searched for triggers, but "
                "its own accuracy is left out."
            )
            break
    return told


def examples(classes: tuple[str, ...], pictures: Sequence[Picture]) -> tuple[str, ...]:
    """The name of each class's first picture, '' where it has none."""
    found = [""] * len(classes)
    for picture in pictures:
        found[picture.label] = found[picture.label] or fit(picture.path.name)
    return tuple(found)


def require_readable(failed: Sequence[str], count: int, advice: str) -> None:
    """DataError where more than MOST_DAMAGED of the pictures could not be read: which and why, the first few of many."""
    if len(failed) > MOST_DAMAGED * count:
        more = f"; and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        raise DataError(
            f"{len(failed)} of {count} pictures cannot be read: {'; '.join(failed[:MOST_NAMED])}{more}.{advice}"
        )
