"""Data sets: CIFAR-10 in three layouts, drawn road signs, an image folder; and how they are split.

Names are imported when first used, so that the page can ask where the data lies without importing torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mesa_core.data.loading import load_data
    from mesa_core.data.locate import DataError, find_cifar10, find_data
    from mesa_core.data.types import Dataset, ImageSet, Splits, split, split_brought

_HOME = {
    "DataError": "locate",
    "find_cifar10": "locate",
    "find_data": "locate",
    "Dataset": "types",
    "ImageSet": "types",
    "Splits": "types",
    "split": "types",
    "split_brought": "types",
    "load_data": "loading",
}
__all__ = [
    "DataError",
    "Dataset",
    "ImageSet",
    "Splits",
    "find_cifar10",
    "find_data",
    "load_data",
    "split",
    "split_brought",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
