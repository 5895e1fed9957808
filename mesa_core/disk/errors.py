"""Errors about files whose message is for people, and what the system's own say in one sentence. Needs no torch."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from mesa_core.disk.plain import plain


class StoreError(ValueError):
    """Something about a run's files; the message says what, in one sentence."""


class Closed(StoreError, OSError):
    """A place that cannot be used now, or is full; the message says what and where. `errno` is the system's."""


BUSY = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)  # which say nothing of the file itself
SAYS = {  # `{place}` is the file or folder that was asked for
    errno.ENOSPC: "The disk is full at {place}; make room there, then try again.",
    errno.EFBIG: "{place} would be larger than a file may be here (a limit of the session, see ulimit -f, or of the disk).",
    errno.EMFILE: "Too many files are open in this program to open {place}; raise the limit (ulimit -n).",
    errno.ENFILE: "Too many files are open on this machine to open {place}.",
    errno.EROFS: "{place} lies on a disk that can only be read; choose another home (MESA_LAB_HOME) or folder.",
    errno.EACCES: "{place} is closed to this program (permission denied).",
    errno.EPERM: "{place} is closed to this program (not permitted).",
    errno.ENOTDIR: "{place} cannot be used: there is a file where a folder should be.",
    errno.EEXIST: "{place} cannot be made: there is a file where a folder should be.",
    errno.EISDIR: "{place} is a folder where a file should be; move it away.",
    errno.ENOTEMPTY: "{place} is a folder that is not empty where something else should be; move it away.",
    errno.ENOENT: "{place} is not there.",
    errno.ELOOP: "{place} is a link that leads to itself.",
    errno.ENAMETOOLONG: "{place} is a longer name than this disk allows.",
    errno.EIO: "The disk does not answer at {place} (input/output error).",
}
if hasattr(errno, "EDQUOT"):
    SAYS[errno.EDQUOT] = "Your quota is used up at {place}; make room there, then try again."


def said(error: OSError, place: Path | str | None = None) -> str:
    """What is full or closed, and where, in one sentence. `place` where the error itself names none, or a temporary one."""
    if isinstance(error, Closed):
        return str(error)
    where = place if place is not None else error.filename
    named = plain(str(_fs(where))) if where is not None else "A file"
    if error.errno in SAYS:
        return SAYS[error.errno].format(place=named)
    return f"{named} cannot be used ({plain(error.strerror or str(error) or type(error).__name__)})."


def _fs(place: object) -> object:
    return os.fsdecode(place) if isinstance(place, (str, bytes, os.PathLike)) else place


def closed(error: OSError, place: Path | str | None = None) -> Closed:
    """The same as an error to raise."""
    found = Closed(said(error, place))
    found.errno = error.errno
    return found


@contextlib.contextmanager
def naming(place: Path) -> Iterator[None]:
    """An OSError inside becomes Closed, which names `place`."""
    try:
        yield
    except Closed:
        raise
    except OSError as error:
        raise closed(error, place) from error
