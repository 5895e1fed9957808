"""What is closed or full where runs are kept, said on the page in one sentence instead of a traceback. Needs no torch."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import streamlit as st

from mesa_core.disk.errors import StoreError, said

LEAST = 4 * 2**20  # bytes that must be free for anything to be written


def trouble(root: Path) -> str:
    """What hinders work in a home, in one sentence; '' where nothing does. Writes nothing."""
    try:
        there = next(path for path in (root, *root.parents) if os.path.lexists(path))
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "", str(there))
        for path in (root, root / "runs"):
            if path == root or os.path.lexists(path):
                _require_open(path if os.path.lexists(path) else there)
        if shutil.disk_usage(there).free < LEAST:
            raise OSError(errno.ENOSPC, "", str(root))
    except OSError as error:
        return said(error)
    return ""


def _require_open(path: Path) -> None:
    with os.scandir(path):  # raises where it is no folder, or cannot be read
        pass
    if os.access(path, os.W_OK | os.X_OK):
        return
    read_only = hasattr(os, "statvfs") and os.statvfs(path).f_flag & os.ST_RDONLY
    raise OSError(errno.EROFS if read_only else errno.EACCES, "", str(path))


def warn(root: Path) -> None:
    """Say on the page what hinders new runs, if anything does."""
    found = trouble(root)
    if found:
        st.warning(f"New runs cannot be kept here: {found} The prepared runs can be looked at.")


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Around a whole page: what is closed or full is said in its place."""
    try:
        yield
    except OSError as error:
        st.error(said(error))


def done(action: Callable[..., Any], *given: Any) -> bool:
    """Do what a button asks for; where that cannot be, say why and return False."""
    try:
        action(*given)
        return True
    except StoreError as error:
        st.error(str(error))
    except OSError as error:
        st.error(said(error))
    return False
