"""Run directories: written, read, checked, made slim; and what the product ships. Needs no torch."""

from mesa_core.disk.files import StoreError
from mesa_core.store.runs import (
    FILE,
    MOST_SNAPSHOTS,
    NAME,
    PARTS,
    STATES,
    TAIL,
    Reader,
    Run,
    Store,
    Writer,
    home,
    new_name,
)

__all__ = [
    "FILE",
    "MOST_SNAPSHOTS",
    "NAME",
    "PARTS",
    "STATES",
    "TAIL",
    "Reader",
    "Run",
    "Store",
    "StoreError",
    "Writer",
    "home",
    "new_name",
]
