"""Pickles that hold numpy arrays, such as CIFAR's batches, read without running anything that they name. Needs no torch.

numpy's own classes are never built: a pickle may ask its dtype for objects among the bytes, which numpy then follows as
pointers. What stands for them keeps notes, from which an array of plain numbers is made and nothing else.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np

MOST_STEPS = 5_000_000  # of a pickle's program; a batch of CIFAR takes some 100,000
MOST_MEMO = 1_000_000  # values that a pickle may number; a greater number would take memory by itself
KINDS = ("b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")  # of numbers, as numpy names them
ORDERS = ("<", ">", "|", "=")
MOST_AXES = 8


class _Name:
    """Stands for a name that a pickle may call, and can be changed by nothing in it."""

    __slots__ = ("made",)

    def __init__(self, made: Callable[..., Any]) -> None:
        self.made = made

    def __call__(self, *given: Any) -> Any:
        return self.made(*given)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a name has no state")


class _Kind:
    """What is said of a dtype: the word it was made with, and the order of its bytes."""

    __slots__ = ("order", "word")

    def __init__(self, word: Any, *_: Any) -> None:
        self.word, self.order = _text(word), "|"

    def __setstate__(self, state: Any) -> None:
        self.order = _text(state[1])

    def dtype(self) -> np.dtype:
        """The dtype, where it is of plain numbers."""
        if self.word not in KINDS or self.order not in ORDERS:
            raise pickle.UnpicklingError("holds more than numbers")
        return np.dtype(f"{self.order}{self.word}")


class _Array:
    """An array that is to be filled in by the pickle, from its own bytes."""

    __slots__ = ("array",)

    def __init__(self, *_: Any) -> None:
        self.array: np.ndarray = np.zeros(0, np.uint8)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        if type(kind) is not _Kind or type(shape) is not tuple or type(data) is not bytes or len(shape) > MOST_AXES:
            raise pickle.UnpicklingError("is no array")
        if any(type(n) is not int or n < 0 for n in shape) or math.prod(shape) * kind.dtype().itemsize != len(data):
            raise pickle.UnpicklingError("has another size than its numbers")
        flat = np.frombuffer(data, kind.dtype()) if data else np.zeros(0, kind.dtype())
        self.array = flat.reshape(shape, order="F" if fortran else "C").copy()


def _text(word: Any) -> str:
    if not isinstance(word, (str, bytes)) or len(word) > 8:
        raise pickle.UnpicklingError("is no word")
    return word.decode("latin1") if isinstance(word, bytes) else word


def _encode(text: str, coding: str = "latin1") -> bytes:
    """How newer pickles of old protocols write bytes; no other coding is looked up."""
    return text.encode("latin1")


class ArraysOnly(pickle.Unpickler):
    """Refuses every name but those that rebuild a numpy array, and gives stand-ins for these."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name. Raises UnpicklingError."""
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _Name(_Array)  # the module has moved between versions of numpy
        if (module, name) == ("numpy", "ndarray"):
            return _Name(_Array)
        if (module, name) == ("numpy", "dtype"):
            return _Name(_Kind)
        if (module, name) == ("_codecs", "encode"):
            return _Name(_encode)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


def read(data: bytes) -> Any:
    """What a pickle holds, its texts as bytes where Python 2 wrote it; arrays alone or as values of the outer dictionary.

    Raises many types for a damaged one.
    """
    for steps, (step, argument, _) in enumerate(pickletools.genops(data)):
        if steps > MOST_STEPS:
            raise pickle.UnpicklingError("too long")
        if "PUT" in step.name and isinstance(argument, int) and argument > MOST_MEMO:
            raise pickle.UnpicklingError("numbers its values too high")
    found = ArraysOnly(io.BytesIO(data), encoding="bytes").load()
    if type(found) is dict:
        return {key: _array(value) for key, value in found.items()}
    return _array(found)


def _array(value: Any) -> Any:
    return value.array if type(value) is _Array else value
