"""Folders of a user's choice, into which results are put: nothing is ever replaced that was not written from here.

The new is made whole under a temporary name beside the old before that is touched; the old is set aside, not removed,
until everything is in its place, so that a failure anywhere leaves all as it was. Needs no torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from mesa_core.disk.errors import StoreError, closed, naming
from mesa_core.disk.leftovers import aside, new_folder, remove, sweep_up
from mesa_core.disk.plain import plain
from mesa_core.disk.untrusted import read_bytes

LARGEST = 1 << 26  # bytes of a folder that is compared with what was written into it


def check_out(out: Path, *homes: Path) -> None:
    """StoreError in one sentence where `out` cannot be a folder for results: a file, a home, or a folder inside one."""
    with naming(out):
        there = out.resolve()
        if os.path.lexists(out) and not there.is_dir():
            raise StoreError(f"{plain(str(out))} is not a folder; name another one with --out.")
        for home in homes:
            own = home.resolve()
            if there == own or own in there.parents:
                raise StoreError(
                    f"{plain(str(out))} lies in the store of runs ({own}); name a folder outside with --out."
                )


def digest_of(folder: Path) -> str | None:
    """SHA-256 over the names and contents of all that is in a folder of plain files; None where there is anything else,
    or more than we ever write into one."""
    found, left = hashlib.sha256(), LARGEST
    if folder.is_symlink() or not folder.is_dir():
        return None
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            return None
        if path.is_file():
            if path.stat().st_size > left:
                return None
            data = read_bytes(path, left)
            left -= len(data)
            found.update(os.fsencode(f"{path.relative_to(folder).as_posix()} {len(data)}\n") + data)
    return found.hexdigest()


class Exchange:
    """Makes things in `staging`, then puts them into `out` all together; used as a context, which undoes on failure.

    Folders that had to be made for `out` are removed again where nothing was put there. `wanted` says of what a killed
    one had set aside whether it belongs there still.
    """

    def __init__(self, out: Path, wanted: Callable[[str], bool] = lambda name: True) -> None:
        self.out, self.wanted, self.made = out, wanted, [p for p in (out, *out.parents) if not p.exists()]
        self.put: list[tuple[Path, Path | None]] = []  # what is in its place now, and where what was there is kept
        self.staging = out

    def __enter__(self) -> Exchange:
        try:
            with naming(self.out):
                self.out.mkdir(parents=True, exist_ok=True)
                sweep_up(self.out, True, self.wanted)
                self.staging = new_folder(self.out)
        except BaseException:
            self._unmake()
            raise
        return self

    def replace(self, name: str, new: bool = True) -> None:
        """Put `staging/name` in the place of `out/name`; without `new` only set that aside."""
        path, kept = self.out / name, None
        try:
            if os.path.lexists(path):
                kept = aside(path)
                os.rename(path, kept)
                self.put.append((path, kept))
            if new:
                os.rename(self.staging / name, path)
                if kept is None:
                    self.put.append((path, None))
        except OSError as error:
            raise closed(error, path) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path, kept in reversed(self.put):
            with contextlib.suppress(OSError):
                if kind is not None and os.path.lexists(path):
                    remove(path)
                if kept is not None and kind is not None:
                    os.rename(kept, path)
                elif kept is not None:
                    remove(kept)
        shutil.rmtree(self.staging, ignore_errors=True)
        if kind is not None:
            self._unmake()

    def _unmake(self) -> None:
        for path in self.made:
            with contextlib.suppress(OSError):
                path.rmdir()


def remove_known(folder: Path, names: Iterable[str]) -> bool:
    """Remove the files of these names from a folder and then, if nothing else is in it, the folder; whether it is gone."""
    with contextlib.suppress(OSError):
        if folder.is_symlink() or not folder.is_dir():
            return False
        for name in names:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError, PermissionError):
                (folder / name).unlink()
        folder.rmdir()
        return True
    return False
