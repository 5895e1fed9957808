"""MESA Lab's engine: plant a backdoor in a network, sample the distribution of its triggers, repair the network.

The public face. Names are imported when first used, so that importing the package brings no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mesa_core.api import (
        Evaluation,
        Found,
        Repaired,
        Samples,
        Trigger,
        attack,
        detect,
        evaluate,
        places,
        repair,
        sample,
    )
    from mesa_core.config import PROTOCOLS
    from mesa_core.victims.images import Normalise
    from mesa_core.victims.victim import Victim

_HOME = {
    **dict.fromkeys(("attack", "sample", "detect", "repair", "evaluate", "places"), "api"),
    **dict.fromkeys(("Evaluation", "Found", "Repaired", "Samples", "Trigger"), "api"),
    "Victim": "victims.victim",
    "Normalise": "victims.images",
    "PROTOCOLS": "config",
}
__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "Found",
    "Normalise",
    "Repaired",
    "Samples",
    "Trigger",
    "Victim",
    "__version__",
    "attack",
    "detect",
    "evaluate",
    "places",
    "repair",
    "sample",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("mesa-lab")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
