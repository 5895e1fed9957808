"""torchvision's image classifiers by their own names, without weights: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def names() -> list[str]:
    """All of them."""
    from torchvision import models

    return models.list_models(module=models)


def __getattr__(name: str) -> Callable[..., nn.Module]:
    """What builds the classifier `name`; a vision transformer for images of `side` pixels, if that is said. Raises ValueError for one that torchvision does not have."""
    if name.startswith("_"):
        raise AttributeError(name)
    if name not in names():
        raise ValueError(
            f"torchvision has no classifier {name!r}; it has {', '.join(names()[:6])} and {len(names()) - 6} more."
        )

    def build(classes: int, side: int = 0) -> nn.Module:
        from torchvision import models

        more: dict[str, bool | int] = (
            {"init_weights": False, "aux_logits": False} if name in ("inception_v3", "googlenet") else {}
        )
        if side and name.startswith("vit_"):
            more = {"image_size": side}
        return models.get_model(name, weights=None, num_classes=classes, **more)

    return build
