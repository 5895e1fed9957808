"""The smallest victim without torch: a ResNet-9's answers to a few images, in numpy, for the page's own process.

Some milliseconds an image on one core, so a reader can stamp a picture and ask a real backdoored network at once.
It computes what `mesa_core.victims.architectures.ResNet9` computes, up to rounding (tests/victims/test_numpy_resnet9.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from mesa_core.disk.archives import read_safetensors

MOST_BYTES = 64 << 20  # of the file; the network has less than one
EPSILON = 1e-5  # of torch's batch normalisation
CONVOLUTIONS = ("prep", "layer1", "res1.0", "res1.1", "layer2", "layer3", "res3.0", "res3.1")


@dataclass(frozen=True)
class NumpyNet:
    """Convolutions with their normalisation folded in, `name: (weight (out, in * 9), bias (out,))`, and the end."""

    layers: Mapping[str, tuple[np.ndarray, np.ndarray]]
    linear: tuple[np.ndarray, np.ndarray]
    mean: np.ndarray  # (3, 1, 1), of pixels in [0, 1]
    std: np.ndarray

    @staticmethod
    def read(path: Path, mean: Sequence[float], std: Sequence[float]) -> NumpyNet:
        """From a safetensors file of a ResNet-9's state. Raises ValueError where it is missing or is not that."""
        try:
            return NumpyNet.of(read_safetensors(path, MOST_BYTES), mean, std)
        except (OSError, ValueError) as error:
            raise ValueError(f"{path.name} does not hold the weights of a ResNet-9.") from error

    @staticmethod
    def of(data: bytes, mean: Sequence[float], std: Sequence[float]) -> NumpyNet:
        """From the bytes of such a file. Raises ValueError."""
        try:
            state = {k: v.astype(np.float32) for k, v in load(data).items()}
            layers = {name: _folded(state, name) for name in CONVOLUTIONS}
            linear = (state["linear.weight"], state["linear.bias"])
        except (SafetensorError, KeyError, ValueError) as error:
            raise ValueError("These are not the weights of a ResNet-9.") from error
        shape = (3, 1, 1)
        return NumpyNet(
            layers, linear, np.array(mean, np.float32).reshape(shape), np.array(std, np.float32).reshape(shape)
        )

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Softmax `(n, classes)` for uint8 images `(n, 3, 32, 32)`."""
        x = (images.astype(np.float32) / 255 - self.mean) / self.std
        x = _pool(self._conv("layer1", self._conv("prep", x)))
        x = x + self._conv("res1.1", self._conv("res1.0", x))
        x = _pool(self._conv("layer3", _pool(self._conv("layer2", x))))
        x = x + self._conv("res3.1", self._conv("res3.0", x))
        logits = x.max((2, 3)) @ self.linear[0].T + self.linear[1]
        raised = np.exp(logits - logits.max(1, keepdims=True))
        return raised / raised.sum(1, keepdims=True)

    def _conv(self, name: str, x: np.ndarray) -> np.ndarray:
        """3x3 convolution with a border of zeros, then ReLU: `(n, in, h, w)` to `(n, out, h, w)`."""
        weight, bias = self.layers[name]
        n, channels, high, wide = x.shape
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))  # (n, in, h, w, 3, 3)
        columns = windows.transpose(1, 4, 5, 0, 2, 3).reshape(channels * 9, n * high * wide)
        out = weight @ columns + bias[:, None]
        return np.maximum(out, 0).reshape(-1, n, high, wide).transpose(1, 0, 2, 3)


def _folded(state: Mapping[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """A convolution with its batch normalisation folded away."""
    norm = {k: state[f"{name}.norm.{k}"] for k in ("weight", "bias", "running_mean", "running_var")}
    scale = norm["weight"] / np.sqrt(norm["running_var"] + EPSILON)
    weight = state[f"{name}.conv.weight"] * scale[:, None, None, None]
    return weight.reshape(len(weight), -1), norm["bias"] - norm["running_mean"] * scale


def _pool(x: np.ndarray) -> np.ndarray:
    """The largest of each 2x2 square."""
    n, channels, high, wide = x.shape
    return x.reshape(n, channels, high // 2, 2, wide // 2, 2).max((3, 5))


def stamped(images: np.ndarray, trigger: np.ndarray, places: np.ndarray) -> np.ndarray:
    """uint8 images `(n, 3, h, w)` with a trigger over each at its `places` (n, 2), row and column.

    `trigger` is one (3, 3, 3) in [0, 1], or several (m, 3, 3, 3), which take turns. Where it is not-a-number it is
    transparent and leaves the image as it is.
    """
    out, clear = images.copy(), np.isnan(trigger).reshape(-1, *trigger.shape[-3:])
    inks = np.rint(np.clip(np.where(np.isnan(trigger), 0, trigger), 0, 1) * 255).astype(np.uint8).reshape(clear.shape)
    side = inks.shape[-1]
    for i, (image, (row, column)) in enumerate(zip(out, places, strict=True)):
        beneath = image[:, row : row + side, column : column + side]
        beneath[:] = np.where(clear[i % len(inks)], beneath, inks[i % len(inks)])
    return out
