"""Looking into a folder that somebody brings: through links, never in circles, and what is no picture is left out by name.

Needs no torch.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mesa_core.data.locate import DataError
from mesa_core.data.pictures import ENDINGS
from mesa_core.data.seen import Skips, fit
from mesa_core.disk.untrusted import KINDS

MOST_ENTRIES = 3_000_000  # names that are looked at in all
DEEPEST = 8  # folders inside each other
JUNK = frozenset(  # what systems and programs leave beside pictures, in small letters
    ("__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir", "$recycle.bin", "system volume information",
     "lost+found", "__pycache__", "icon\r")
)  # fmt: skip
LEFT_BY_SYSTEM = "left there by the system"
NO_PICTURE = "not a picture"

Place = tuple[int, int]
"""Device and number of a folder, by which a circle of links is seen."""


class TooMany(ValueError):
    """A folder with more in it than any data set has, or links that multiply."""


@contextlib.contextmanager
def looking(root: Path) -> Iterator[None]:
    """Around a look into a folder: what is closed, or has too much in it, is said in one DataError."""
    try:
        yield
    except TooMany:
        raise DataError(
            f"{fit(root.name)} has more in it than any data set; name the folder of the pictures."
        ) from None
    except OSError as error:
        raise DataError(f"{fit(str(root))} cannot be looked into: {error.strerror or type(error).__name__}.") from None


@dataclass(frozen=True)
class Folder:
    """A folder: its path, the path below the one that was named, and the places of all folders above it and itself."""

    path: Path
    within: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class File:
    """A regular file, or a link to one: its path, and that below the folder that was named."""

    path: Path
    within: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.within[-1]

    @property
    def is_picture(self) -> bool:
        return self.path.suffix.lower() in ENDINGS


@dataclass
class Walker:
    """Looks into folders, each once."""

    skips: Skips = field(default_factory=Skips)
    most: int = MOST_ENTRIES
    known: dict[tuple[str, ...], tuple[list[Folder], list[File]]] = field(default_factory=dict)
    seen: int = 0

    def start(self, root: Path) -> Folder:
        """The folder that was named. Raises OSError where it cannot be looked into."""
        with os.scandir(root):
            pass
        found = os.stat(root)
        return Folder(root, (), ((found.st_dev, found.st_ino),))

    def inside(self, folder: Folder) -> tuple[list[Folder], list[File]]:
        """Folders and files directly in it, by name. Raises TooMany."""
        if folder.within not in self.known:
            self.known[folder.within] = self._look(folder)
        return self.known[folder.within]

    def every(self, folder: Folder) -> Iterator[File]:
        """All files in it and below. Raises TooMany."""
        waiting = [folder]
        while waiting:
            folders, files = self.inside(waiting.pop())
            waiting += folders
            yield from files

    def pictures(self, folder: Folder) -> list[File]:
        """All pictures in it and below, by their paths; what else lies there is noted as skipped. Raises TooMany."""
        return sorted(self.only_pictures(self.every(folder)), key=lambda file: file.within)

    def only_pictures(self, files: Iterable[File]) -> list[File]:
        """Those that are pictures by their names; the others are noted as skipped."""
        found = []
        for file in files:
            if file.is_picture:
                found.append(file)
            else:
                self.skips.add("/".join(file.within[-2:]), NO_PICTURE)
        return found

    def holds_pictures(self, folder: Folder) -> bool:
        """Whether any picture lies in it or below. Raises TooMany."""
        return any(file.is_picture for file in self.every(folder))

    def _look(self, folder: Folder) -> tuple[list[Folder], list[File]]:
        folders: list[Folder] = []
        files: list[File] = []
        try:
            with os.scandir(folder.path) as entries:
                for entry in entries:
                    self.seen += 1
                    if self.seen > self.most:
                        raise TooMany
                    self._sort_out(folder, entry, folders, files)
        except OSError as error:
            self.skips.add("/".join(folder.within), f"cannot be looked into: {error.strerror or type(error).__name__}")
        folders.sort(key=lambda one: one.within)
        files.sort(key=lambda one: one.within)
        return folders, files

    def _sort_out(self, above: Folder, entry: os.DirEntry[str], folders: list[Folder], files: list[File]) -> None:
        within = (*above.within, entry.name)
        shown = "/".join(within[-2:])
        if entry.name.startswith(".") or entry.name.lower() in JUNK:
            self.skips.add(shown, LEFT_BY_SYSTEM)
            return
        path = Path(above.path, entry.name)
        try:
            # Without a call of its own for each file: a plain one is told by the folder itself.
            known = None if entry.is_file(follow_symlinks=False) else os.stat(path)
        except OSError:
            self.skips.add(shown, "a link that leads nowhere" if entry.is_symlink() else "cannot be looked at")
            return
        if known is None or stat.S_ISREG(known.st_mode):
            files.append(File(path, within))
        elif not stat.S_ISDIR(known.st_mode):
            self.skips.add(shown, f"a {KINDS.get(stat.S_IFMT(known.st_mode), 'special file')}, not a file")
        elif (known.st_dev, known.st_ino) in above.places and known.st_ino:
            self.skips.add(shown, "a link back to a folder above it")
        elif len(above.places) > DEEPEST:
            self.skips.add(shown, f"deeper than {DEEPEST} folders")
        else:
            folders.append(Folder(path, within, (*above.places, (known.st_dev, known.st_ino))))
