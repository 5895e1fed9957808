"""What the verbs are given, checked before any work: images, network, class, trigger. Each error is one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mesa_core import triggers as codes
from mesa_core.config import ConfigError
from mesa_core.data.given import image_set
from mesa_core.data.types import ImageSet
from mesa_core.opacity import SAMPLED
from mesa_core.victims.victim import Victim

Trigger = Tensor | np.ndarray | int | str
"""A tensor or array `(3, s, s)` in [0, 1], a code from 0 to 511, or hex colours in a string, row by row, `-` transparent."""


def asked(victim: Victim, data: Any) -> tuple[ImageSet, int]:
    """The images on the victim's device, and how many classes it tells apart."""
    if not isinstance(victim, Victim):
        raise ConfigError(
            f"The first argument is a {type(victim).__name__}; give Victim(model), with Normalise(mean, std)."
        )
    images = image_set(data).to(victim.compute.device)
    classes = _classes(victim, images)
    return image_set(images, classes=classes), classes


@torch.no_grad()
def _classes(victim: Victim, images: ImageSet) -> int:
    """How many logits it gives for real images. Raises ConfigError where it gives none."""
    was = victim.model.training
    victim.model.eval()
    try:
        logits = victim.model(victim.normalise.images(images.images[:2]))
    except (RuntimeError, TypeError, ValueError) as error:
        size = "x".join(map(str, images.images.shape[1:]))
        raise ConfigError(f"The network does not take images of {size}: {str(error).splitlines()[0]}") from None
    finally:
        victim.model.train(was)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.shape[1] < 2:
        told = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ConfigError(f"The network returns {told} for two images; it must return logits (2, classes).")
    if next(victim.model.parameters(), None) is None:
        raise ConfigError("The network has no parameters, so there is nothing that an attack or a repair could change.")
    return logits.shape[1]


def class_of(target: Any, classes: int) -> int:
    if isinstance(target, bool) or not isinstance(target, (int, np.integer)) or not 0 <= int(target) < classes:
        raise ConfigError(f"target is {target!r}; give a class from 0 to {classes - 1}.")
    return int(target)


def hex_of(trigger: Trigger) -> str:
    """A trigger as hex colours. Raises ConfigError."""
    try:
        if isinstance(trigger, str):
            return codes.to_hex(codes.from_hex(trigger))
        if isinstance(trigger, (int, np.integer)):
            return codes.to_hex(codes.from_code(int(trigger)))
        pixels = np.asarray(trigger.cpu() if isinstance(trigger, Tensor) else trigger, np.float32)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    fits = pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.shape[1] == pixels.shape[2] in codes.SIZES
    if not fits or not (pixels.min() >= 0 and pixels.max() <= 1):
        sides = ", ".join(map(str, codes.SIZES))
        raise ConfigError(f"A trigger is (3, s, s) with s one of {sides} and values in [0, 1], not {pixels.shape}.")
    return codes.to_hex(pixels)


def pool_of(triggers: Any) -> Tensor:
    cells = (codes.COLOURS, codes.WITH_OPACITY)
    if not isinstance(triggers, Tensor) or triggers.ndim != 4 or triggers.shape[1] not in cells or not len(triggers):
        raise ConfigError(
            "triggers are Samples, or a tensor (m, 3, s, s), or (m, 4, s, s) with opacities, with values in [0, 1]."
        )
    if not (triggers.min() >= 0 and triggers.max() <= 1):
        raise ConfigError(f"The triggers lie from {triggers.min():.3g} to {triggers.max():.3g}; give them in [0, 1].")
    return triggers.float()


def assumed(given: Mapping[str, Any], pool: Tensor | None) -> dict[str, Any]:
    """The parameters `given`; for triggers `(m, 4, s, s)` what their opacities say goes without saying."""
    if pool is None or pool.shape[1] == codes.COLOURS:
        return dict(given)
    return {"search_opacity": SAMPLED, **given}


def blank(size: int) -> str:
    """A black trigger of this size: what it says is the size that is sought."""
    if size not in codes.SIZES:
        raise ConfigError(f"size is {size!r}; choose one of {', '.join(map(str, codes.SIZES))}.")
    return codes.to_hex(np.zeros((3, size, size), np.float32))


def fits(size: int, images: ImageSet) -> None:
    height, width = images.images.shape[-2:]
    if size > min(height, width):
        raise ConfigError(f"A trigger of {size} pixels does not fit on images of {height}x{width}.")
