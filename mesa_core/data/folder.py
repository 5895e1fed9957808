"""A folder of a user's own images: one sub-folder a class, optionally under `train` and `test`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from mesa_core.data.locate import DataError, Found
from mesa_core.data.types import Dataset, ImageSet, make_dataset

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SIDE = 32
MOST_PIXELS = 50_000_000  # of one picture; a small file can unpack to a huge one
LEAST = 20  # images in the test part, or nothing could be measured
TEST_SHARE = 6  # without a test folder every sixth image, by the digest of its name, is for testing


def load_from(found: Found, tell: Callable[[str, int, int], None]) -> Dataset:
    """The data set as it is chosen by name."""
    return load(found.path, tell)


def load(folder: Path, tell: Callable[[str, int, int], None]) -> Dataset:
    """Read, crop to a square and scale to 32 x 32. Raises DataError, naming the first bad file."""
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
    pixels = []
    for number, (path, _, _) in enumerate(files):
        pixels.append(_read(path))
        if number % 200 == 0:
            tell("your images", number, len(files))
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
    return names


def _read(path: Path) -> np.ndarray:
    """One picture, uint8 `(32, 32, 3)`."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise DataError(f"{path.name} has more than {MOST_PIXELS // 1_000_000} million pixels; scale it down.")
            square = ImageOps.fit(image.convert("RGB"), (SIDE, SIDE), Image.Resampling.LANCZOS)
            return np.asarray(square)
    except DataError:
        raise
    except Exception:  # Pillow raises many types for damaged files
        name = path.name.encode("utf-8", "replace").decode()  # a file name need not be text
        raise DataError(f"{name} in {path.parent.name} is not a picture that can be read; mend or remove it.") from None
