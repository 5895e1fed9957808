"""In which form pictures of one's own lie: a folder of pictures, Parquet files, CIFAR-100's pickles, MNIST's files. Needs no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mesa_core.data.locate import DataError, Found
from mesa_core.data.pictures import ENDINGS
from mesa_core.data.seen import fit

CIFAR100 = ("train", "test", "meta")
IDX = re.compile(r"(.*)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
MOST = 5000  # names that are looked at before pictures are taken for granted
DEPTH = 3


def form_of(root: Path) -> Found:
    """The form of what lies there. Raises DataError where there is nothing, or a file of a form that is not read."""
    if root.is_dir():
        place = cifar100_in(root)
        if place is not None:
            return Found("packed", place)
        names = list(_names(root))
        if any(path.suffix.lower() in ENDINGS for path in names):
            return Found("folder", root)
        if any(path.suffix.lower() == ".parquet" for path in names):
            return Found("parquet", root)
        idx = next((path for path in names if IDX.fullmatch(path.name)), None)
        return Found("folder", root) if idx is None else Found("packed", idx.parent)
    if not root.exists():
        raise DataError(f"There is no folder {root}; name one with --data-dir.")
    name = root.name.lower()
    if name.endswith(".parquet"):
        return Found("parquet", root)
    if name.endswith((".tar.gz", ".tgz")) and name.startswith("cifar-100"):
        return Found("packed", root)
    if name.endswith((".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")):
        raise DataError(f"{fit(root.name)} is an archive; unpack it and name its folder with --data-dir.")
    raise DataError(f"{fit(root.name)} is a file; name the folder that its pictures lie in with --data-dir.")


def cifar100_in(root: Path) -> Path | None:
    """The folder with CIFAR-100's three pickles, or its archive, in or below `root`."""
    for place in (root, root / "cifar-100-python"):
        if all((place / name).is_file() for name in CIFAR100):
            return place
    archive = root / "cifar-100-python.tar.gz"
    return archive if archive.is_file() else None


def _names(root: Path) -> Iterator[Path]:
    """The first few thousand files, level by level; links to folders are followed, not in circles, since levels end."""
    level, left = [root], MOST
    for _ in range(DEPTH):
        below: list[Path] = []
        for folder in level:
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:  # told once the folder is read
                continue
            for entry in entries:
                left -= 1
                if left < 0:
                    return
                try:
                    is_folder = entry.is_dir()
                except OSError:
                    continue
                if is_folder and not entry.name.startswith("."):
                    below.append(Path(entry.path))
                elif not is_folder and not entry.name.startswith("."):
                    yield Path(entry.path)
        level = below
