"""ONNX networks: one file, no code in it, read into a network of torch's with weights and gradients, and written back.

The file names operators and holds numbers; operators that are not known here are refused by their name. A healed network
is the same file with other numbers in the places of its weights.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mesa_core.brought import onnx_room, onnx_wire
from mesa_core.brought.files import FLOATS, Brought, Slot, row
from mesa_core.brought.matching import Match
from mesa_core.brought.networks import Network
from mesa_core.brought.onnx_ops import OPERATORS
from mesa_core.brought.onnx_wire import Graph, Node
from mesa_core.disk.untrusted import Refused, open_file, read_bytes
from mesa_core.victims import weights
from mesa_core.victims.checkpoints import MOST_BYTES
from mesa_core.victims.filekinds import HEAD, unlike
from mesa_core.victims.weights import WeightsError

TYPES = FLOATS | {
    "int64": torch.int64,
    "int32": torch.int32,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "bool": torch.bool,
}
LEARNED: Mapping[str, tuple[int, ...]] = {  # which inputs of an operator are weights
    "Conv": (1, 2), "Gemm": (1, 2), "MatMul": (0, 1), "BatchNormalization": (1, 2), "LayerNormalization": (1, 2), "Add": (0, 1),
    "Mul": (0, 1), "Concat": tuple(range(8)), "PRelu": (1,), "Expand": (0,),
}  # fmt: skip
LAYERS = ("Conv", "Gemm", "MatMul")
OPEN = 64  # bytes in which a file says that it is ONNX


def looks_like(path: Path) -> bool:
    """Whether a file is called or begins like ONNX: the version of its form, then who made it."""
    if path.suffix == ".onnx":
        return True
    try:
        with open_file(path, weights.MOST_FILE) as file:
            head = file.read(3)
    except (OSError, Refused):
        return False
    return len(head) == 3 and head[0] == 8 and 3 <= head[1] <= 20 and head[2] in (0x12, 0x1A, 0x3A)


def read(path: Path) -> Brought:
    """Read an ONNX file. Raises WeightsError in one sentence."""
    with weights.reading(path, "ONNX"):
        data = read_bytes(path, MOST_BYTES)
        if said := unlike(data[:HEAD]):
            raise Refused(said)
        graph = onnx_wire.parse(data)
        for node in graph.nodes:
            if node.op == "Constant":
                _constant(node, graph)
        _known(graph)
        state = {name: _numbers(data, tensor) for name, tensor in graph.tensors.items()}
        for node in graph.nodes:
            node.attributes = {
                k: _numbers(data, v) if isinstance(v, onnx_wire.Tensor) else v for k, v in node.attributes.items()
            }
    slots = {
        name: Slot(t.begin, t.kind, t.shape, row(t.shape))
        for name, t in graph.tensors.items()
        if t.begin >= 0 and t.kind in FLOATS
    }
    return Brought(path, weights.digest(path), "onnx", state, slots, graph=graph)


def _constant(node: Node, graph: Graph) -> None:
    """A Constant's value among the other tensors, under the name of its output."""
    found = node.attributes.get("value")
    if not isinstance(found, onnx_wire.Tensor):
        for name, kind in (
            ("value_float", "float32"),
            ("value_int", "int64"),
            ("value_floats", "float32"),
            ("value_ints", "int64"),
        ):
            if name in node.attributes:
                value = node.attributes[name]
                values = value if isinstance(value, list) else [value]
                found = onnx_wire.Tensor(
                    kind=kind, shape=(len(values),) if isinstance(value, list) else (), values=values
                )
    if not isinstance(found, onnx_wire.Tensor) or len(node.outputs) != 1:
        raise Refused("holds a constant that is no tensor")
    graph.tensors[node.outputs[0]] = found


def _known(graph: Graph) -> None:
    """Refused where an operator is not known here, or a value is asked for that nobody makes."""
    known = {*OPERATORS, "BatchNormalization", "Constant"}
    made = {*graph.tensors, *graph.inputs, ""}
    for node in graph.nodes:
        name = node.op if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op}"
        if name not in known or any(value == "a graph" for value in node.attributes.values()):
            shown = "".join(c for c in name if c.isalnum() or c in "._")[:60]
            raise Refused(f"uses the operator {shown}, which is not read here")
        if any(one not in made for one in node.inputs):
            raise Refused(onnx_wire.DAMAGED)
        made |= set(node.outputs)
    if len(graph.inputs) != 1:
        raise Refused(f"takes {len(graph.inputs)} inputs; networks that take images alone are read here")
    if any(one not in made for one in graph.outputs):
        raise Refused(onnx_wire.DAMAGED)


def _numbers(data: bytes, tensor: onnx_wire.Tensor) -> Tensor:
    """A tensor's numbers: floats as float32, others as int64 or bool."""
    if tensor.values is not None:
        kind = torch.float32 if tensor.kind in FLOATS else torch.bool if tensor.kind == "bool" else torch.int64
        if tensor.kind in ("float16", "bfloat16"):  # written as the number that their bits make
            return (
                torch.tensor(tensor.values, dtype=torch.int32)
                .to(torch.int16)
                .view(TYPES[tensor.kind])
                .float()
                .reshape(tensor.shape)
            )
        return torch.tensor(tensor.values, dtype=kind).reshape(tensor.shape)
    if not tensor.count:
        return torch.zeros(tensor.shape)
    flat = torch.frombuffer(
        bytearray(data[tensor.begin : tensor.begin + tensor.count * onnx_wire.WIDTHS[tensor.kind]]),
        dtype=TYPES[tensor.kind],
    )
    flat = flat.float() if tensor.kind in FLOATS else flat if tensor.kind == "bool" else flat.long()
    return flat.reshape(tensor.shape)


class OnnxNet(nn.Module):
    """A graph carried out node by node; its weights are parameters `w0`, `w1`, ..., running means and variances buffers."""

    def __init__(self, graph: Graph, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.nodes = _direct([node for node in graph.nodes if node.op != "Constant"], state)
        self.source, self.sink = next(iter(graph.inputs)), next(iter(graph.outputs))
        shape = graph.inputs[self.source]
        self.batch = shape[0] if shape else None  # of an export for so many images, where it says
        self.last = len(shape) == 4 and shape[1] not in (1, 3) and shape[3] in (1, 3)  # channels come last
        learned, running = _roles(self.nodes, state)
        self.names: dict[str, str] = {}  # of the file's tensors, the attribute that holds each
        self.fixed: dict[str, Tensor] = {}  # whole numbers, which stay where they are: shapes and axes
        for i, (name, tensor) in enumerate(state.items()):
            word = f"w{i}"
            if name in learned:
                self.register_parameter(word, nn.Parameter(tensor.clone()))
            elif tensor.is_floating_point():
                self.register_buffer(word, tensor.clone(), persistent=name in running)
            else:
                self.fixed[name] = tensor
                continue
            self.names[name] = word

    def forward(self, x: Tensor) -> Tensor:
        values: dict[str, Any] = {name: getattr(self, word) for name, word in self.names.items()} | self.fixed
        values[self.source], values[""] = x.permute(0, 2, 3, 1) if self.last else x, None
        for node in self.nodes:
            given = [values[name] for name in node.inputs]
            if node.op == "BatchNormalization":
                made: Any = self._norm(node, given)
            else:
                made = self._step(node, given, len(x))
            outputs = made if isinstance(made, tuple) else (made,)
            for name, value in zip(node.outputs, outputs, strict=False):
                values[name] = value
        out = values[self.sink]
        return out.flatten(1) if out.ndim > 2 and math.prod(out.shape[2:]) == 1 else out

    def _step(self, node: Node, given: list[Any], count: int) -> Any:
        attributes = node.attributes
        if node.op == "Split":
            attributes = {**attributes, "outputs": len(node.outputs)}
        if node.op == "Concat":
            attributes = {**attributes, "count": count, "batch": self.batch}
        if node.op == "Reshape" and self.batch and self.batch != count and node.inputs[1] in self.fixed:
            given = [given[0], self._for(given[0], given[1], count), *given[2:]]
        onnx_room.require(node.op, attributes, given, count)
        made = OPERATORS[node.op](attributes, given)
        onnx_room.require_made(node.op, made if isinstance(made, tuple) else (made,), count)
        return made

    def _for(self, x: Tensor, shape: Tensor, count: int) -> Tensor:
        """The shape for `count` images that was written for another number of them."""
        assert self.batch
        first = int(shape[0]) if len(shape) else 0
        if (shape < 0).any():
            first = count if first == self.batch else first
        elif math.prod(shape.tolist()) * count == x.numel() * self.batch:
            first = first * count // self.batch
        return torch.cat([torch.tensor([first]), shape[1:]]) if len(shape) else shape

    def _norm(self, node: Node, given: list[Any]) -> Tensor:
        x, scale, bias, mean, var = given[:5]
        momentum = 1 - node.attributes.get("momentum", 0.9)
        return F.batch_norm(x, mean, var, scale, bias, self.training, momentum, node.attributes.get("epsilon", 1e-5))


def _direct(nodes: list[Node], state: Mapping[str, Tensor]) -> list[Node]:
    """The nodes without those that only give a weight another name, as exporters do where two are equal."""
    of: dict[str, str] = {}
    found = []
    for node in nodes:
        node = replace(node, inputs=[of.get(name, name) for name in node.inputs])
        if node.op == "Identity" and node.inputs[0] in state:
            of[node.outputs[0]] = node.inputs[0]
        found.append(node)
    return found


def _roles(nodes: list[Node], state: Mapping[str, Tensor]) -> tuple[set[str], set[str]]:
    """Names of what a repair may change, and of running means and variances.

    What stands before the first layer normalises the image, and stays.
    """
    learned: set[str] = set()
    running: set[str] = set()
    begun = False
    for node in nodes:
        begun = begun or node.op in LAYERS
        if node.op == "BatchNormalization":
            running |= set(node.inputs[3:5])
        if begun or node.op == "BatchNormalization":
            places = LEARNED.get(node.op, ())
            learned |= {
                name for i, name in enumerate(node.inputs) if i in places and name in state and state[name].numel() > 1
            }
    return {name for name in learned if state[name].is_floating_point()} - running, running


def network(brought: Brought) -> Network:
    """The network of an ONNX file. Raises WeightsError in one sentence."""
    graph, name = brought.graph, brought.path.name
    shape = next(iter(graph.inputs.values()))
    net = OnnxNet(graph, brought.state)
    channels, sides = (shape[3], shape[1:3]) if net.last else (shape[1], shape[2:]) if len(shape) == 4 else (None, [])
    if len(shape) != 4 or channels not in (1, 3, None):
        raise WeightsError(f"{name} takes {shape}, not images of one or three colours.")
    if sides[0] != sides[1]:
        raise WeightsError(f"{name} takes images of {sides[0]}x{sides[1]}; square ones are examined here.")
    side = sides[0] or 0
    try:
        with torch.no_grad():
            out = net.eval()(torch.zeros(2, channels or 3, side or 32, side or 32))
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError, AssertionError, AttributeError) as error:
        raise WeightsError(f"{name} cannot be carried out: {(str(error).splitlines() or ['?'])[0][:200]}") from None
    if not isinstance(out, Tensor) or out.ndim != 2 or len(out) != 2 or out.shape[1] < 2:
        told = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        raise WeightsError(f"{name} answers {told} for two images, not a number for each class.")
    keys = {word: tensor for tensor, word in net.names.items() if word in net.state_dict() and tensor in brought.slots}
    if not any(True for _ in net.parameters()):
        raise WeightsError(f"{name} has no weights that a repair could change.")
    return Network(brought, "onnx", out.shape[1], lambda: copy.deepcopy(net), Match(keys), channels == 1, side)
