"""Run directories: written, read, checked, made slim; and what the product ships. Needs no torch."""

from mesa_core.disk.errors import StoreError
from mesa_core.store.runs import (
    FILE,
    MOST_EVENTS,
    NAME,
    Reader,
    Run,
    Store,
    home,
)

__all__ = [
    "FILE",
    "MOST_EVENTS",
    "NAME",
    "Reader",
    "Run",
    "Store",
    "StoreError",
    "home",
]
