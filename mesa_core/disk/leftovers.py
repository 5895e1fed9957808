"""Temporary names, and what a killed process left under them. Needs no torch.

Whatever is not whole yet has a name that begins with a dot, says what it is ('new' and 'tmp' are unfinished, 'old' was
set aside for a new one), and says which process of which machine makes it. So the next start can tell what nobody works
on any more: at once where its maker ran here and is gone, else once it is an hour old.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mesa_core.disk.processes import machine, process_lives

OLD = 3600.0  # seconds without a change after which nobody works on it, whoever made it
UNFINISHED = re.compile(r"\.(?:new|tmp)-(?:(?P<where>[0-9a-f]{8})-(?P<pid>[0-9]{1,10})-)?[a-z0-9_]{8}")
ASIDE = re.compile(r"\.old-(?P<where>[0-9a-f]{8})-(?P<pid>[0-9]{1,10})-(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,99})")


@functools.cache
def _here() -> str:
    return hashlib.sha256(machine().encode()).hexdigest()[:8]


def _marked(kind: str) -> str:
    return f".{kind}-{_here()}-{os.getpid()}-"


def new_folder(parent: Path) -> Path:
    """An empty folder in `parent`, open to all readers, under a temporary name."""
    made = Path(tempfile.mkdtemp(dir=parent, prefix=_marked("new")))
    made.chmod(0o755)
    return made


def new_file(parent: Path) -> tuple[int, str]:
    """An open handle on, and the path of, an empty file in `parent` under a temporary name; its maker's alone."""
    return tempfile.mkstemp(dir=parent, prefix=_marked("tmp"))


def aside(path: Path) -> Path:
    """The name beside `path` to which it is set aside until a new one is in its place."""
    return path.with_name(f"{_marked('old')}{path.name}")


def sweep_up(folder: Path, shared: bool = False, wanted: Callable[[str], bool] = lambda name: True) -> int:
    """Remove what killed processes left in `folder`, not below; returns how many. Says nothing where that fails.

    What was set aside goes back to its place, if that is empty and the name still `wanted`. In a folder that is `shared`
    with others, only names that say whose they are count as ours.
    """
    count, names = 0, []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.startswith((".new-", ".tmp-", ".old-"))]
    for name in names:
        found, path = UNFINISHED.fullmatch(name) or ASIDE.fullmatch(name), folder / name
        with contextlib.suppress(OSError):
            if found is None or (shared and not found["where"]) or not _abandoned(found, path):
                continue
            was = found.groupdict().get("name")
            if was and wanted(was) and not os.path.lexists(path.with_name(was)):
                os.rename(path, path.with_name(was))
            else:
                remove(path)
            count += 1
    return count


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _abandoned(found: re.Match[str], path: Path) -> bool:
    if found["where"] == _here():
        return not process_lives(int(found["pid"]))
    return abs(time.time() - path.lstat().st_mtime) > OLD


def sweep_home(root: Path) -> int:
    """Sweep up in every folder of a home in which something is ever written; returns how many were removed."""
    return sum(sweep_up(folder) for folder in _written(root))


def _written(root: Path) -> Iterator[Path]:
    yield root
    for name in ("runs", "stages", "cache", "sweeps", "questions", "references"):
        yield root / name
    for name in ("runs", "references"):
        folders: list[str] = []
        with contextlib.suppress(OSError), os.scandir(root / name) as entries:
            folders = [e.path for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith(".")]
        for folder in folders:
            yield Path(folder)
            if name == "runs":
                yield Path(folder, "snapshots")
                yield Path(folder, "weights")
