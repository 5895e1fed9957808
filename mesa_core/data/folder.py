"""A folder of a user's own images: one sub-folder a class, optionally under `train` and `test`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from mesa_core.data.locate import DataError, Found
from mesa_core.data.pictures import ENDINGS, name_of, open_picture
from mesa_core.data.types import Dataset, ImageSet, make_dataset
from mesa_core.disk.untrusted import Refused

SIDE = 32
MOST_NAMED = 5  # pictures that a message names
LEAST = 20  # images in the test part, or nothing could be measured
TEST_SHARE = 6  # without a test folder every sixth image, by the digest of its name, is for testing


def load_from(found: Found, tell: Callable[[str, int, int], None]) -> Dataset:
    """The data set as it is chosen by name."""
    return load(found.path, tell)


def load(folder: Path, tell: Callable[[str, int, int], None]) -> Dataset:
    """Read, crop to a square and scale to 32 x 32: uint8 `(n, 3, 32, 32)`, classes in the order of their names.

    Raises DataError, which names the pictures that are not read.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; name one with --data-dir.")
    parted = all((folder / part).is_dir() for part in ("train", "test"))
    classes = _classes(folder / "train" if parted else folder)
    if parted and _classes(folder / "test") != classes:
        raise DataError("The folders train and test do not have the same sub-folders (one a class).")
    files: list[tuple[Path, int, bool]] = []  # path, label, whether for testing
    for part in ("train", "test") if parted else ("",):
        for label, name in enumerate(classes):
            for path in sorted((folder / part / name).iterdir()):
                if path.suffix.lower() in ENDINGS and path.is_file() and not path.is_symlink():
                    draw = hashlib.sha256(os.fsencode(f"{name}/{path.name}")).digest()[0] % TEST_SHARE == 0
                    files.append((path, label, part == "test" if parted else draw))
    pixels: list[np.ndarray] = []
    failed: list[str] = []
    for number, (path, _, _) in enumerate(files):
        try:
            pixels.append(_read(path))
        except Refused as error:
            failed.append(f"{name_of(path)} {error}")
        if number % 200 == 0:
            tell("your images", number, len(files))
    if failed:
        raise DataError(_said(failed, len(files)))
    test = np.array([t for _, _, t in files], bool)
    labels = np.array([label for _, label, _ in files], np.int64)
    if test.sum() < LEAST or (~test).sum() < LEAST:
        raise DataError(
            f"The folder has {int((~test).sum())} training and {int(test.sum())} test images; each part "
            f"needs {LEAST} or more."
        )
    whole = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous()  # (n, h, w, 3) -> (n, 3, h, w)
    parts = [ImageSet(whole[torch.from_numpy(mask)], torch.from_numpy(labels[mask])) for mask in (~test, test)]
    return make_dataset("folder", classes, *parts)


def _classes(folder: Path) -> tuple[str, ...]:
    names = tuple(sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")))
    if not 2 <= len(names) <= 1000:
        raise DataError(f"{folder.name} has {len(names)} sub-folders; one a class is needed, from 2 to 1000.")
    if not all(name.isprintable() and name.encode("utf-8", "replace").decode() == name for name in names):
        raise DataError("The name of a sub-folder is not plain text; rename it, since it is the name of its class.")
    return names


def _read(path: Path) -> np.ndarray:
    """One picture, uint8 `(32, 32, 3)`. Raises Refused."""
    square = ImageOps.fit(open_picture(path), (SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(square)


def _said(failed: list[str], count: int) -> str:
    """Which pictures are not read, and why; the first few of many."""
    more = f"; and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
    return f"{len(failed)} of {count} pictures cannot be read: {'; '.join(failed[:MOST_NAMED])}{more}. Mend or remove them."
