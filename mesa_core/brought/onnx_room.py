"""What a step of an ONNX network may ask for, looked at before it is carried out: a file of a kilobyte can ask for all memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

MOST = 1 << 24  # numbers an image that a step may make
MOST_BORDER = 512  # pixels of a border
MOST_STEP = 4096  # of a kernel's sides, steps and gaps
BROADCAST = ("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Equal", "Where", "PRelu")


def require(op: str, attributes: Mapping[str, Any], given: list[Any], images: int) -> None:
    """ValueError where a step asks for more than a network needs; `given` are its inputs."""
    for name, most in (
        ("pads", MOST_BORDER),
        ("kernel_shape", MOST_STEP),
        ("strides", MOST_STEP),
        ("dilations", MOST_STEP),
    ):
        _bounded(op, attributes.get(name), most)
    if op == "Pad" and len(given) > 1:
        _bounded(op, given[1], MOST_BORDER)
    _few(op, _made(op, attributes, given), images)


def require_made(op: str, made: tuple[Any, ...], images: int) -> None:
    """The same of what a step has made, which may be larger than it looks: an expanded value takes room at the next step."""
    for value in made:
        if isinstance(value, Tensor):
            _few(op, value.numel(), images)


def _made(op: str, attributes: Mapping[str, Any], given: list[Any]) -> int:
    """How many numbers a step would make, where its inputs say so; 0 elsewhere."""
    shapes = [tuple(v.shape) for v in given if isinstance(v, Tensor)]
    if op in BROADCAST:
        return math.prod(torch.broadcast_shapes(*shapes))
    if op == "MatMul" and len(shapes) == 2 and min(map(len, shapes)) > 1:
        return math.prod(torch.broadcast_shapes(shapes[0][:-2], shapes[1][:-2])) * shapes[0][-2] * shapes[1][-1]
    if op == "Gemm" and len(shapes) >= 2 and all(len(shape) == 2 for shape in shapes[:2]):
        rows = shapes[0][1 if attributes.get("transA", 0) else 0]
        return rows * shapes[1][0 if attributes.get("transB", 0) else 1]
    if op == "Gather" and len(shapes) == 2 and shapes[0]:
        side = shapes[0][int(attributes.get("axis", 0)) % len(shapes[0])]
        return math.prod(shapes[0]) // max(1, side) * math.prod(shapes[1])
    return 0


def _bounded(op: str, value: Any, most: int) -> None:
    listed = value.tolist() if isinstance(value, Tensor) else value
    if isinstance(listed, (list, tuple)) and any(isinstance(n, (int, float)) and abs(n) > most for n in listed):
        raise ValueError(f"{op} asks for borders or steps above {most}")


def _few(op: str, count: int, images: int) -> None:
    if count > MOST * max(1, images):
        raise ValueError(f"{op} asks for too much: {count:,} numbers")
