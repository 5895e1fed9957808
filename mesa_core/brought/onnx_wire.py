"""The bytes of an ONNX file: the few messages of its protocol buffers that a network of layers consists of.

A file is data: nodes that name operators, and numbers. Only what is asked for is read, each length is held against what
is left, and each number's place in the file is kept, so that others can be put there. Source: onnx.proto of ONNX 1.x.
Standard library only.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mesa_core.disk.untrusted import Refused

DAMAGED = "is not a whole ONNX file; it may be damaged"
MOST_FIELDS = 400_000
MOST_NODES = 20_000
MOST_AXES = 8
MOST_TEXT = 1000  # letters of a name
KINDS = {  # of ONNX's numbers: their name here, and struct's letter where a list of them may be written in another way
    1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64", 16: "bfloat16",
}  # fmt: skip
WIDTHS = {
    "float32": 4,
    "uint8": 1,
    "int8": 1,
    "int32": 4,
    "int64": 8,
    "bool": 1,
    "float16": 2,
    "float64": 8,
    "bfloat16": 2,
}


@dataclass
class Tensor:
    """Numbers: in the file from byte `begin` on, or, where they are written as single ones, `values`."""

    name: str = ""
    kind: str = "float32"
    shape: tuple[int, ...] = ()
    begin: int = -1
    values: list[int] | None = None

    @property
    def count(self) -> int:
        return math.prod(self.shape)


@dataclass
class Node:
    """One operation, by its operator's name."""

    op: str = ""
    domain: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Graph:
    """What a file computes; of inputs and outputs the shapes, None for a size that is open."""

    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    inputs: dict[str, list[int | None]] = field(default_factory=dict)
    outputs: dict[str, list[int | None]] = field(default_factory=dict)
    opset: int = 0


class Wire:
    """Reads fields of one file, at most MOST_FIELDS."""

    def __init__(self, data: bytes) -> None:
        self.data, self.left = data, MOST_FIELDS

    def varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while at < end and shift < 70:
            byte = self.data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value & (2**64 - 1), at
            shift += 7
        raise Refused(DAMAGED)

    def fields(self, begin: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Number, and value or place of each field: (number, kind, value or begin, end)."""
        at = begin
        while at < end:
            self.left -= 1
            if self.left < 0:
                raise Refused("holds more parts than a network here may have")
            tag, at = self.varint(at, end)
            number, kind = tag >> 3, tag & 7
            if kind == 0:
                value, at = self.varint(at, end)
                yield number, kind, value, at
                continue
            length = {1: 8, 5: 4}.get(kind, -1)
            if kind == 2:
                length, at = self.varint(at, end)
            if length < 0 or length > end - at or not number:
                raise Refused(DAMAGED)
            yield number, kind, at, at + length
            at += length

    def text(self, begin: int, end: int) -> str:
        if end - begin > MOST_TEXT:
            raise Refused(DAMAGED)
        return self.data[begin:end].decode("utf-8", "replace")

    def numbers(self, kind: int, value: int, end: int) -> list[int]:
        """Whole numbers of a field, one or many, with their signs."""
        if kind == 0:
            return [_signed(value)]
        found: list[int] = []
        if kind != 2 or end - value > 1 << 22:
            raise Refused(DAMAGED)
        while value < end:
            one, value = self.varint(value, end)
            found.append(_signed(one))
        return found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def parse(data: bytes) -> Graph:
    """What an ONNX file computes. Raises Refused."""
    wire = Wire(data)
    graph, opset = None, 0
    for number, kind, begin, end in wire.fields(0, len(data)):
        if number == 7 and kind == 2:
            graph = _graph(wire, begin, end)
        elif number == 8 and kind == 2:
            domain, version = "", 0
            for inner, k, b, e in wire.fields(begin, end):
                domain = wire.text(b, e) if inner == 1 and k == 2 else domain
                version = b if inner == 2 and k == 0 else version
            opset = version if domain in ("", "ai.onnx") else opset
    if graph is None or not graph.nodes or not graph.outputs:
        raise Refused(DAMAGED)
    graph.opset = opset
    return graph


def _graph(wire: Wire, begin: int, end: int) -> Graph:
    graph = Graph()
    for number, kind, b, e in wire.fields(begin, end):
        if kind != 2:
            continue
        if number == 1:
            if len(graph.nodes) >= MOST_NODES:
                raise Refused("holds more operations than a network here may have")
            graph.nodes.append(_node(wire, b, e))
        elif number == 5:
            tensor = _tensor(wire, b, e)
            graph.tensors[tensor.name] = tensor
        elif number in (11, 12):
            name, shape = _value(wire, b, e)
            (graph.inputs if number == 11 else graph.outputs)[name] = shape
        elif number == 15:
            raise Refused("holds sparse weights, which are not read here")
    graph.inputs = {name: shape for name, shape in graph.inputs.items() if name not in graph.tensors}
    return graph


def _node(wire: Wire, begin: int, end: int) -> Node:
    node = Node()
    for number, kind, b, e in wire.fields(begin, end):
        if kind != 2:
            continue
        if number == 1:
            node.inputs.append(wire.text(b, e))
        elif number == 2:
            node.outputs.append(wire.text(b, e))
        elif number == 4:
            node.op = wire.text(b, e)
        elif number == 7:
            node.domain = wire.text(b, e)
        elif number == 5:
            name, value = _attribute(wire, b, e)
            node.attributes[name] = value
    return node


def _attribute(wire: Wire, begin: int, end: int) -> tuple[str, Any]:
    name: str = ""
    value: Any = None
    floats: list[float] = []
    ints: list[int] = []
    for number, kind, b, e in wire.fields(begin, end):
        if number == 1 and kind == 2:
            name = wire.text(b, e)
        elif number == 2 and kind == 5:
            value = struct.unpack("<f", wire.data[b:e])[0]
        elif number == 3 and kind == 0:
            value = _signed(b)
        elif number == 4 and kind == 2:
            value = wire.text(b, e)
        elif number == 5 and kind == 2:
            value = _tensor(wire, b, e)
        elif number in (6, 10, 11):
            value = "a graph"
        elif number == 7 and kind in (2, 5):
            if (e - b) % 4:
                raise Refused(DAMAGED)
            floats += struct.unpack(f"<{(e - b) // 4}f", wire.data[b:e])
        elif number == 8:
            ints += wire.numbers(kind, b, e)
    return name, ints or floats or value


def _tensor(wire: Wire, begin: int, end: int) -> Tensor:
    tensor, shape, raw, kind_of = Tensor(), [], (-1, -1), 1
    values: list[int] = []
    for number, kind, b, e in wire.fields(begin, end):
        if number == 1:
            shape += wire.numbers(kind, b, e)
        elif number == 2 and kind == 0:
            kind_of = b
        elif number in (4, 9, 10) and kind == 2:
            if raw[0] >= 0 and number != 9:
                raise Refused(DAMAGED)  # single numbers in pieces
            raw = (b, e)
        elif number in (5, 7):
            values += wire.numbers(kind, b, e)
        elif number == 8 and kind == 2:
            tensor.name = wire.text(b, e)
        elif number == 13 or (number == 14 and kind == 0 and b):
            raise Refused(
                "keeps its weights in another file; export it as one: torch.onnx.export(..., external_data=False)"
            )
    if kind_of not in KINDS:
        raise Refused("holds numbers of a kind that weights are not of")
    tensor.kind, tensor.shape = KINDS[kind_of], tuple(shape)
    if len(shape) > MOST_AXES or any(not 0 <= n < 1 << 31 for n in shape):
        raise Refused(DAMAGED)
    if raw[0] >= 0:
        tensor.begin = raw[0]
        if tensor.count * WIDTHS[tensor.kind] != raw[1] - raw[0]:
            raise Refused(DAMAGED)
    else:
        tensor.values = values
        if tensor.count != len(values):
            raise Refused(DAMAGED)
    return tensor


def _value(wire: Wire, begin: int, end: int) -> tuple[str, list[int | None]]:
    """Name and shape of an input or output."""
    name, shape = "", []
    for number, kind, b, e in wire.fields(begin, end):
        if number == 1 and kind == 2:
            name = wire.text(b, e)
        elif number == 2 and kind == 2:
            for n1, k1, b1, e1 in wire.fields(b, e):
                if n1 != 1 or k1 != 2:
                    continue
                for n2, k2, b2, e2 in wire.fields(b1, e1):
                    if n2 != 2 or k2 != 2:
                        continue
                    for n3, k3, b3, e3 in wire.fields(b2, e2):
                        if n3 == 1 and k3 == 2:
                            sizes = [b4 for n4, k4, b4, _ in wire.fields(b3, e3) if n4 == 1 and k4 == 0]
                            shape.append(sizes[0] if sizes and sizes[0] > 0 else None)
    return name, shape
