"""Where CIFAR-10 lies, in any of its usual layouts. Needs no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ARCHIVE = "cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"


class DataError(ValueError):
    """Data that cannot be used; the message says in one sentence what is wrong and what to do."""


@dataclass(frozen=True)
class Found:
    """Where a data set lies: its layout ('archive', 'folder', 'parquet', 'packed') and the path to it.

    `side` is the size in pixels to which its images are to be brought (0: its own), `classes` the file with the names of its
    classes ('': as the data says).
    """

    layout: str
    path: Path
    side: int = 0
    classes: str = ""


def find_cifar10(directory: str | Path | None = None, cache: Path | None = None) -> Found | None:
    """Look in `directory`, else in the one that MESA_LAB_DATA names, else in `cache`; None where there is nothing.

    A named directory is the only one that is looked in: who names one does not want another.
    """
    named = directory or os.environ.get("MESA_LAB_DATA")
    root = Path(os.path.expanduser(named)) if named else cache
    if root is None or not root.exists():
        return None
    if root.is_file():
        return Found("archive", root) if root.name.endswith((".tar.gz", ".tgz")) else None
    for place in (root, root / "cifar10", root / "cifar-10"):
        if (place / FOLDER).is_dir():
            return Found("folder", place / FOLDER)
        if (place / "data_batch_1").is_file():
            return Found("folder", place)
        for inner in (place, place / "plain_text", place / "data"):
            if inner.is_dir() and any(inner.glob("train-*.parquet")) and any(inner.glob("test-*.parquet")):
                return Found("parquet", inner)
        if (place / ARCHIVE).is_file():
            return Found("archive", place / ARCHIVE)
    return None


def need_cifar10(directory: str | Path | None, cache: Path) -> Found:
    """Where CIFAR-10 lies. DataError where it is not found."""
    found = find_cifar10(directory or None, cache)
    named = directory or os.environ.get("MESA_LAB_DATA")
    if found is None and named:
        raise DataError(
            f"There is no CIFAR-10 in {named}; run 'mesa-lab data cifar10 --download', or name another one with --data-dir."
        )
    if found is None:
        raise DataError(
            "CIFAR-10 was not found; run 'mesa-lab data cifar10 --download', or name its directory with --data-dir."
        )
    return found


def find_data(directory: str | Path | None = None, cache: Path | None = None) -> str:
    """What `auto` takes: 'cifar10' where it is found, else 'signs'."""
    return "cifar10" if find_cifar10(directory, cache) else "signs"
