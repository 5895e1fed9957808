"""A file that somebody brings, its weights, and the same file with other numbers in their places.

Nothing of the file is built anew when it is written: it is copied, and numbers of the same kind are put where the old
ones lie. So keys, dtypes, the container, and all that its owner keeps beside the weights stay as they are.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from mesa_core.disk.files import write_atomically
from mesa_core.disk.untrusted import Refused, open_file
from mesa_core.victims import weights
from mesa_core.victims.checkpoints import KINDS, NOTES
from mesa_core.victims.weights import MOST_FILE, WeightsError

FLOATS = {
    "float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16,
    "float8_e4m3fn": torch.float8_e4m3fn, "float8_e5m2": torch.float8_e5m2,
}  # fmt: skip
OF_SAFETENSORS = {word: kind for kind, (word, _) in KINDS.items()}
IN_MEMORY = 2048  # MiB that a healed file may have


@dataclass(frozen=True)
class Slot:
    """Where a tensor's numbers lie in a file: the first byte, their kind, shape and strides in numbers."""

    begin: int
    kind: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def width(self) -> int:
        return KINDS[self.kind][1]

    @property
    def span(self) -> int:
        """Bytes from the first number to the end of the last."""
        if not math.prod(self.shape):
            return 0
        return (1 + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))) * self.width


@dataclass(frozen=True)
class Brought:
    """A file of weights: its tensors by its own names, floats as float32, and where they lie in it.

    `kind` is safetensors, zip, legacy (torch's two formats) or onnx; `told` what the file says of its network (`arch`,
    `classes`); `beside` the names in the state dict of what is no tensor.
    """

    path: Path
    digest: str
    kind: str
    state: Mapping[str, Tensor]
    slots: Mapping[str, Slot]
    swapped: bool = False
    sums: tuple[
        tuple[int, int, tuple[int, ...]], ...
    ] = ()  # of a zip's members: first byte, bytes, where the checksum stands
    told: Mapping[str, str | int] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    graph: Any = None  # of an ONNX file: what it computes


def read(path: Path) -> Brought:
    """Read a file of weights, or an ONNX network. Raises WeightsError in one sentence; nothing in the file is executed."""
    from mesa_core.brought import onnx  # reads files of its own kind

    if onnx.looks_like(path):
        return onnx.read(path)
    data, state = weights.read_whole(path)
    length = int.from_bytes(data[:8], "little")
    told = json.loads(data[8 : 8 + length])
    if not state:
        raise WeightsError(f"{path.name} holds no weights.")
    meta = told.pop("__metadata__", None) or {}
    # As the file orders them; safetensors sorts by letters, where 10 comes before 2.
    plain = _is_safetensors(path, data)
    order = sorted(told, key=_natural) if plain else list(told)
    held = {k: state[k].float() if state[k].is_floating_point() else state[k] for k in order}
    notes = _notes(meta.get(NOTES)) if isinstance(meta, dict) and not plain else None
    if notes is None:
        slots = {
            name: Slot(8 + length + one["data_offsets"][0], OF_SAFETENSORS[one["dtype"]], tuple(one["shape"]), row(one["shape"]))
            for name, one in told.items()
        }  # fmt: skip
        arch = meta.get("arch") if isinstance(meta, dict) else None
        said = {"arch": arch} if isinstance(arch, str) and 0 < len(arch) <= 60 else {}
        return Brought(path, weights.digest(path), "safetensors", held, slots, told=said)
    slots = {
        name: Slot(begin, kind, tuple(shape), tuple(strides))
        for name, (begin, kind, shape, strides) in notes["slots"].items()
    }
    sums = tuple((begin, count, tuple(where)) for begin, count, where in notes["sums"])
    return Brought(
        path, weights.digest(path), notes["kind"], held, slots, notes["swapped"], sums, notes["told"], tuple(notes["beside"]),
    )  # fmt: skip


def _natural(key: str) -> list[tuple[int, str]]:
    """By it names sort so that 2 comes before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in key.split(".")]


def _is_safetensors(path: Path, data: bytes) -> bool:
    """Whether these are the file's own bytes; else they were made of it."""
    with open_file(path, MOST_FILE) as file:
        return file.read(64) == data[:64]


def _notes(text: Any) -> dict[str, Any] | None:
    return json.loads(text) if isinstance(text, str) else None


def row(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides in numbers of a tensor that lies in one piece."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


# -- the same file with other numbers
def write(brought: Brought, new: Mapping[str, Tensor], out: Path) -> None:
    """Write `brought`'s file to `out` with the numbers of `new`, named and shaped as in the file, in its own kinds.

    Raises WeightsError where a name is not the file's, or the file is no longer the one that was read.
    """
    if weights.digest(brought.path) != brought.digest:
        raise WeightsError(f"{brought.path.name} is not the file any more that was read; bring it again.")
    unknown = [name for name in new if name not in brought.slots]
    if unknown:
        raise WeightsError(f"{brought.path.name} has no place for {unknown[0]}.")
    try:
        with open_file(brought.path, MOST_FILE) as file, tempfile.TemporaryFile() as made:
            shutil.copyfileobj(file, made)
            size = made.tell()
            for name, tensor in new.items():
                _put(made, brought.slots[name], tensor, brought.swapped, size)
            for begin, count, where in brought.sums:
                _sum_again(made, begin, count, where, size)
            made.seek(0)
            write_atomically(out, made.read())
    except Refused as error:
        raise WeightsError(f"{brought.path.name} {error}.") from None


def _put(file: BinaryIO, slot: Slot, tensor: Tensor, swapped: bool, size: int) -> None:
    """Write a tensor's numbers into its slot."""
    if slot.kind in FLOATS:
        tensor = tensor.to(FLOATS[slot.kind])
    tensor = tensor.detach().cpu().contiguous().reshape(slot.shape)
    if slot.begin < 0 or slot.begin + slot.span > size or tensor.element_size() != slot.width:
        raise Refused("does not hold its weights where it says")
    flat = tensor.view(-1).view(torch.uint8) if tensor.numel() else torch.empty(0, dtype=torch.uint8)
    numbers = np.frombuffer(flat.numpy().tobytes(), f"u{slot.width}").reshape(slot.shape)
    numbers = numbers.byteswap() if swapped else numbers
    file.seek(slot.begin)
    held = np.frombuffer(bytearray(file.read(slot.span)), f"u{slot.width}")
    strides = tuple(step * slot.width for step in slot.strides)
    np.lib.stride_tricks.as_strided(held, slot.shape, strides)[...] = numbers
    file.seek(slot.begin)
    file.write(held.tobytes())


def _sum_again(file: BinaryIO, begin: int, count: int, where: tuple[int, ...], size: int) -> None:
    """Write a zip member's checksum anew, since torch compares it."""
    if begin < 0 or begin + count > size or any(not 0 <= at <= size - 4 for at in where):
        raise Refused("does not hold its weights where it says")
    file.seek(begin)
    found, left = 0, count
    while left and (piece := file.read(min(left, 1 << 20))):
        found, left = zlib.crc32(piece, found), left - len(piece)
    for at in where:
        file.seek(at)
        file.write(found.to_bytes(4, "little"))
