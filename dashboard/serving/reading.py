"""Reading a run for the page: each file once for all visitors, and a sentence instead of a traceback.

A run directory may be half written, damaged, foreign, or gone in the middle of a look at it. What is read here is
shared between visitors and must not be changed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import streamlit as st

from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.store import Reader, Run, StoreError

# What a file that somebody else wrote can raise when it is used as if it were ours.
UNREADABLE = (StoreError, KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, OverflowError)


@contextlib.contextmanager
def readable(what: str) -> Iterator[None]:
    """Draws `what`; where its files make no sense, says so and lets the page go on."""
    try:
        yield
    except UNREADABLE:
        st.warning(f"{what} cannot be read; the run's folder may be damaged or made by another program.")


def stamp_of(path: Path) -> tuple[int, int] | None:
    """What tells that a file has changed; None where it is not there."""
    try:
        known = path.stat()
        return known.st_mtime_ns, known.st_size
    except OSError:
        return None


def events(run: Run) -> list[ev.Event]:
    """All events of a run so far; [] where there are none."""
    return _reader(str(run.path)).events()


def arrays(run: Run, file: str) -> dict[str, np.ndarray]:
    """A file of the run. Raises StoreError."""
    return _arrays(str(run.path), file, stamp_of(run.path / "snapshots" / file))


def size_of(run: Run) -> int:
    """The side of a run's triggers; 3 where its settings cannot be read."""
    try:
        return triggers.size_of(run.config()["trigger"])
    except UNREADABLE:
        return triggers.SIZE


@st.cache_resource(max_entries=64, show_spinner=False)
def _reader(path: str) -> Reader:
    return Reader(Path(path) / "events.jsonl")


@st.cache_resource(max_entries=256, show_spinner=False)
def _arrays(path: str, file: str, stamp: tuple[int, int] | None) -> dict[str, np.ndarray]:
    return Run(Path(path)).read_arrays(file)
