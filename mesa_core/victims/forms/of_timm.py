"""timm's image classifiers by their own names, without weights: nothing is downloaded. timm is an extra."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from torch import nn


def there() -> bool:
    """Whether timm is installed."""
    return find_spec("timm") is not None


def __getattr__(name: str) -> Callable[[int], nn.Module]:
    """What builds the classifier `name`. Raises ValueError where timm is not installed, or does not have it."""
    if name.startswith("_"):
        raise AttributeError(name)
    if not there():
        raise ValueError("timm is not installed; get it with: python -m pip install timm.")
    import timm

    if not timm.is_model(name):
        raise ValueError(f"timm has no network {name!r}; timm.list_models() names those that it has.")
    return lambda classes: timm.create_model(name, pretrained=False, num_classes=classes)
