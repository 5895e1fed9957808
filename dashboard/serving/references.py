"""The exact distribution of a run's attacked network, where somebody has sampled it: found, and read once for all visitors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.serving import queue, reading
from mesa_core import events as ev
from mesa_core.config import ExperimentConfig
from mesa_core.reference import record
from mesa_core.reference.record import Record

Stamps = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True)
class Place:
    """The folder of a reference, as it was at `stamps`: what tells a cache that it has changed."""

    path: str
    stamps: Stamps

    def read(self) -> Record | None:
        """The reference, read once for all visitors. StoreError where it is damaged."""
        return _read(self)


def place_of(config: ExperimentConfig, events: Sequence[ev.Event]) -> Place | None:
    """Where the reference of a run's attacked network, for its target class, lies; None where nobody has made one."""
    path = record.find(queue.store(), events, config.target, config.size)
    return Place(str(path), stamps_of(path, "reference.json", "reference.npz")) if path else None


def stamps_of(folder: Path, *files: str) -> Stamps:
    """What tells that one of these files has changed."""
    return tuple(reading.stamp_of(folder / file) for file in files)


@st.cache_resource(max_entries=32, show_spinner=False)
def _read(place: Place) -> Record | None:
    return record.read(Path(place.path))
