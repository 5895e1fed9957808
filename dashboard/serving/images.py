"""The images that pages offer: data sets that are on this machine, and folders that the operator names."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.serving import queue
from mesa_core.data.locate import DataError
from mesa_core.data.sources import SOURCES

FOLDERS = "MESA_LAB_IMAGES"  # folders of images, a sub-folder a class, with the system's path separator between


@dataclass(frozen=True)
class Offer:
    """One choice: the data set's name, its folder where one is named, and what it is called on a page."""

    data: str
    directory: str
    words: str


def here() -> tuple[str, ...]:
    """Names of the data sets that could be read at this moment and need no folder named."""
    return _here(str(queue.store().cache), os.environ.get("MESA_LAB_DATA", ""))


def offers() -> dict[str, Offer]:
    """Every choice by its key, data sets first."""
    found = {name: Offer(name, "", SOURCES[name].words[:1].upper() + SOURCES[name].words[1:]) for name in here()}
    for number, folder in enumerate(filter(None, os.environ.get(FOLDERS, "").split(os.pathsep))):
        path = Path(os.path.expanduser(folder))
        if os.path.isdir(path):  # False, too, where it is closed
            found[f"folder{number}"] = Offer("folder", str(path.resolve()), f"Folder {path.name}")
    return found


@st.cache_resource(ttl=60, max_entries=8, show_spinner=False)
def _here(cache: str, named: str) -> tuple[str, ...]:
    """Looked for once a minute, for all visitors."""
    found = []
    for name, source in SOURCES.items():
        with contextlib.suppress(OSError, DataError):
            if not source.needs_directory:
                if source.find is not None:
                    source.find(named, Path(cache))
                found.append(name)
    return tuple(found)
