"""The command line: what there is to say (`parser`), what it does (`commands`), how a run is told (`console`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mesa_core.cli.parser import DETECT, RUN, build_parser, main

__all__ = ["DETECT", "RUN", "build_parser", "main"]


def __getattr__(name: str) -> Any:
    """Imported when first used: the page repeats a command without the parser."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("mesa_core.cli.parser"), name)
