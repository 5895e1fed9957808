"""Small ONNX files, written byte by byte, for tests that have no exporter at hand."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

KINDS = {torch.float32: 1, torch.int64: 7, torch.float16: 10}


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name: str, value: Tensor) -> bytes:
    dims = b"".join(number(1, n) for n in value.shape)
    return dims + number(2, KINDS[value.dtype]) + block(8, name) + block(9, value.contiguous().numpy().tobytes())


def attribute(name: str, value: Any) -> bytes:
    if isinstance(value, float):
        return block(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, int):
        return block(1, name) + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return block(1, name) + block(4, value) + number(20, 3)
    if isinstance(value, Tensor):
        return block(1, name) + block(5, tensor("", value)) + number(20, 4)
    return block(1, name) + b"".join(number(8, n) for n in value) + number(20, 7)


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes: Any) -> bytes:
    told = b"".join(block(1, name) for name in inputs) + b"".join(block(2, name) for name in outputs) + block(4, op)
    return (
        told
        + b"".join(block(5, attribute(k, v)) for k, v in attributes.items())
        + (block(7, domain) if domain else b"")
    )


def value(name: str, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(block(1, number(1, n) if isinstance(n, int) else block(2, n)) for n in shape)
    return block(1, name) + block(2, block(1, number(1, 1) + block(2, dims)))


def model(
    nodes: Sequence[bytes],
    tensors: Mapping[str, Tensor],
    source: Sequence[int | str],
    sink: Sequence[int | str] = ("n", 10),
) -> bytes:
    """A file that takes `x` and answers `y`."""
    graph = b"".join(block(1, one) for one in nodes) + block(2, "net")
    graph += b"".join(block(5, tensor(k, v)) for k, v in tensors.items())
    graph += block(11, value("x", source)) + block(12, value("y", sink))
    return number(1, 8) + block(2, "tests") + block(7, graph) + block(8, number(2, 17))
