"""The architecture of an ONNX file, which the file itself is; without the file it cannot be built."""

from __future__ import annotations

from torch import nn


def none(classes: int) -> nn.Module:
    """Raises ValueError: there is nothing to build."""
    raise ValueError("An ONNX network is made of its file alone; name the file as the one to examine.")
