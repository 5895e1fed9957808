"""What ONNX's operators compute, for those that image classifiers consist of; all differentiable by torch.

Each takes a node's attributes and inputs and returns its outputs. Source: ONNX's operator schemas, opsets 7 to 22.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Values = list[Any]
Attributes = Mapping[str, Any]
Operator = Callable[[Attributes, Values], Any]


def _listed(value: Any) -> list[int]:
    return [int(v) for v in (value.tolist() if isinstance(value, Tensor) else value)]


def _pads(a: Attributes, x: Tensor, kernel: list[int], strides: list[int], dilations: list[int]) -> list[int]:
    """Rows above, columns before, rows below, columns behind."""
    mode = a.get("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        begin, end = [], []
        for n, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True):
            total = max(0, (math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n)
            small = total // 2
            begin.append(small if mode == "SAME_UPPER" else total - small)
            end.append(total - begin[-1])
        return begin + end
    return _listed(a.get("pads", [0] * 2 * len(kernel)))


def _padded(x: Tensor, pads: list[int], value: float) -> tuple[Tensor, list[int]]:
    """The images with uneven borders put around, and the even ones that are left to do."""
    half = len(pads) // 2
    begin, end = pads[:half], pads[half:]
    if begin == end:
        return x, begin
    around = [n for pair in zip(reversed(begin), reversed(end), strict=True) for n in pair]
    return F.pad(x, around, value=value), [0] * half


def conv(a: Attributes, v: Values) -> Tensor:
    x, weight, bias = v[0], v[1], v[2] if len(v) > 2 else None
    n = weight.ndim - 2
    strides, dilations = _listed(a.get("strides", [1] * n)), _listed(a.get("dilations", [1] * n))
    x, pads = _padded(x, _pads(a, x, list(weight.shape[2:]), strides, dilations), 0.0)
    return {1: F.conv1d, 2: F.conv2d}[n](x, weight, bias, strides, pads, dilations, int(a.get("group", 1)))


def max_pool(a: Attributes, v: Values) -> Tensor:
    kernel = _listed(a["kernel_shape"])
    strides, dilations = _listed(a.get("strides", [1] * len(kernel))), _listed(a.get("dilations", [1] * len(kernel)))
    x, pads = _padded(v[0], _pads(a, v[0], kernel, strides, dilations), -math.inf)
    return F.max_pool2d(x, kernel, strides, pads, dilations, bool(a.get("ceil_mode", 0)))


def average_pool(a: Attributes, v: Values) -> Tensor:
    kernel = _listed(a["kernel_shape"])
    strides = _listed(a.get("strides", [1] * len(kernel)))
    whole = bool(a.get("count_include_pad", 0))
    pads = _pads(a, v[0], kernel, strides, [1] * len(kernel))
    if pads[: len(kernel)] != pads[len(kernel) :] and not whole:
        raise ValueError("AveragePool with uneven borders that do not count is not read here")
    x, pads = _padded(v[0], pads, 0.0)
    return F.avg_pool2d(x, kernel, strides, pads, bool(a.get("ceil_mode", 0)), whole)


def gemm(a: Attributes, v: Values) -> Tensor:
    x = v[0].T if a.get("transA", 0) else v[0]
    y = v[1].T if a.get("transB", 0) else v[1]
    out = a.get("alpha", 1.0) * (x @ y) if a.get("alpha", 1.0) != 1.0 else x @ y
    return out if len(v) < 3 or v[2] is None else out + a.get("beta", 1.0) * v[2]


def clip(a: Attributes, v: Values) -> Tensor:
    low = v[1] if len(v) > 1 and v[1] is not None else a.get("min")
    high = v[2] if len(v) > 2 and v[2] is not None else a.get("max")
    bound = lambda limit: None if limit is None else float(limit)
    return v[0].clamp(bound(low), bound(high))


def reshape(a: Attributes, v: Values) -> Tensor:
    x, shape = v[0], _listed(v[1] if len(v) > 1 else a["shape"])
    if not a.get("allowzero", 0):
        shape = [x.shape[i] if n == 0 else n for i, n in enumerate(shape)]
    return x.reshape(tuple(shape))


def squeeze(a: Attributes, v: Values) -> Tensor:
    axes = _listed(v[1]) if len(v) > 1 and v[1] is not None else a.get("axes")
    return v[0].squeeze() if axes is None else v[0].squeeze(tuple(_listed(axes)))


def unsqueeze(a: Attributes, v: Values) -> Tensor:
    axes = _listed(v[1]) if len(v) > 1 else _listed(a["axes"])
    x, total = v[0], v[0].ndim + len(axes)
    for axis in sorted(axis % total for axis in axes):
        x = x.unsqueeze(axis)
    return x


def flatten(a: Attributes, v: Values) -> Tensor:
    axis = int(a.get("axis", 1)) % (v[0].ndim + 1)
    return v[0].reshape(math.prod(v[0].shape[:axis]), -1)


def concat(a: Attributes, v: Values) -> Tensor:
    axis, count = int(a["axis"]), int(a["count"])
    if axis % v[0].ndim and any(len(x) == count for x in v):  # a constant that was written for so many images
        v = [x[:1].expand(count, *x.shape[1:]) if len(x) in (1, a["batch"]) and len(x) != count else x for x in v]
    device = next((x.device for x in v if x.is_floating_point()), v[0].device)
    return torch.cat([x.to(device) for x in v], axis)


def slice_(a: Attributes, v: Values) -> Tensor:
    starts = _listed(v[1] if len(v) > 1 else a["starts"])
    ends = _listed(v[2] if len(v) > 2 else a["ends"])
    axes = _listed(v[3]) if len(v) > 3 and v[3] is not None else _listed(a.get("axes", range(len(starts))))
    steps = _listed(v[4]) if len(v) > 4 and v[4] is not None else [1] * len(starts)
    x = v[0]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        n = x.shape[axis]
        if step < 0:  # ends may lie before the first, so far that no sum of n reaches them
            begin = min(max(start + n if start < 0 else start, 0), n - 1)
            stop = min(max(end + n if end < 0 else end, -1), n - 1)
            x = x.index_select(axis, torch.arange(begin, stop, step, device=x.device) if begin > stop else _none(x))
            continue
        begin, stop = (min(max(at + n if at < 0 else at, 0), n) for at in (start, end))
        x = x.narrow(axis, begin, max(0, stop - begin))
        if step > 1:
            x = x.index_select(axis, torch.arange(0, x.shape[axis], step, device=x.device))
    return x


def _none(x: Tensor) -> Tensor:
    return torch.zeros(0, dtype=torch.int64, device=x.device)


def split(a: Attributes, v: Values) -> tuple[Tensor, ...]:
    axis = int(a.get("axis", 0))
    if len(v) > 1 and v[1] is not None:
        return v[0].split(_listed(v[1]), axis)
    if "split" in a:
        return v[0].split(_listed(a["split"]), axis)
    return v[0].chunk(int(a.get("num_outputs", a["outputs"])), axis)


def gather(a: Attributes, v: Values) -> Tensor:
    axis, index = int(a.get("axis", 0)), v[1]
    n = v[0].shape[axis]
    flat = torch.where(index < 0, index + n, index).reshape(-1).to(v[0].device)
    axis %= v[0].ndim
    return v[0].index_select(axis, flat).reshape((*v[0].shape[:axis], *index.shape, *v[0].shape[axis + 1 :]))


def reduce(name: str) -> Operator:
    by: Mapping[str, Callable[..., Tensor]] = {"mean": torch.mean, "sum": torch.sum, "max": torch.amax}

    def run(a: Attributes, v: Values) -> Tensor:
        axes = _listed(v[1]) if len(v) > 1 and v[1] is not None else a.get("axes")
        axes = list(range(v[0].ndim)) if axes is None else _listed(axes)
        keep = bool(a.get("keepdims", 1))
        return by[name](v[0], dim=axes, keepdim=keep)

    return run


def layer_norm(a: Attributes, v: Values) -> Tensor:
    axis = int(a.get("axis", -1)) % v[0].ndim
    bias = v[2] if len(v) > 2 else None
    return F.layer_norm(v[0], v[0].shape[axis:], v[1], bias, a.get("epsilon", 1e-5))


def pad(a: Attributes, v: Values) -> Tensor:
    pads = _listed(v[1] if len(v) > 1 else a["pads"])
    half = len(pads) // 2
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}[a.get("mode", "constant")]
    around = [n for pair in zip(reversed(pads[:half]), reversed(pads[half:]), strict=True) for n in pair]
    if mode != "constant":
        return F.pad(v[0], around[:4], mode)
    value = v[2] if len(v) > 2 and v[2] is not None else a.get("value", 0.0)
    return F.pad(v[0], around, value=float(value))


def cast(a: Attributes, v: Values) -> Tensor:
    to = int(a["to"])
    if to in (1, 10, 11, 16):
        return v[0] if v[0].is_floating_point() else v[0].float()
    return v[0].to({6: torch.int64, 7: torch.int64, 9: torch.bool, 2: torch.int64, 3: torch.int64}[to])


def softmax(a: Attributes, v: Values) -> Tensor:
    return v[0].softmax(int(a.get("axis", -1)))


def expand(a: Attributes, v: Values) -> Tensor:
    shape = _listed(v[1])
    return v[0].expand(torch.broadcast_shapes(v[0].shape, tuple(shape)))


def transpose(a: Attributes, v: Values) -> Tensor:
    return v[0].permute(_listed(a.get("perm", range(v[0].ndim - 1, -1, -1))))


def constant_of_shape(a: Attributes, v: Values) -> Tensor:
    value = a.get("value")
    shape = _listed(v[0])
    if math.prod(shape) > 1 << 24:
        raise ValueError("ConstantOfShape asks for too much")
    return torch.full(shape, 0.0) if value is None else value.reshape(()).expand(shape)


def both(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """An operator of two values; of shapes' arithmetic, too."""

    def run(a: Attributes, v: Values) -> Tensor:
        x, y = v
        if x.is_floating_point() != y.is_floating_point() or x.device != y.device:
            device = x.device if x.is_floating_point() else y.device
            x, y = x.to(device), y.to(device)
        return function(x, y)

    return run


def one(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda a, v: function(v[0])


def divided(x: Tensor, y: Tensor) -> Tensor:
    return x / y if x.is_floating_point() or y.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


OPERATORS: Mapping[str, Operator] = {
    "Conv": conv, "MaxPool": max_pool, "AveragePool": average_pool, "Gemm": gemm, "Clip": clip, "Reshape": reshape, "Squeeze": squeeze,
    "Unsqueeze": unsqueeze, "Flatten": flatten, "Concat": concat, "Slice": slice_, "Split": split, "Gather": gather, "Pad": pad,
    "Cast": cast, "Softmax": softmax, "Expand": expand, "Transpose": transpose, "LayerNormalization": layer_norm,
    "ConstantOfShape": constant_of_shape, "ReduceMean": reduce("mean"), "ReduceSum": reduce("sum"), "ReduceMax": reduce("max"),
    "GlobalAveragePool": one(lambda x: x.mean((2, 3), keepdim=True)), "GlobalMaxPool": one(lambda x: x.amax((2, 3), keepdim=True)),
    "Relu": one(F.relu), "Sigmoid": one(torch.sigmoid), "Tanh": one(torch.tanh), "HardSwish": one(F.hardswish), "Erf": one(torch.erf),
    "Sqrt": one(torch.sqrt), "Exp": one(torch.exp), "Log": one(torch.log), "Neg": one(torch.neg), "Abs": one(torch.abs),
    "Reciprocal": one(torch.reciprocal), "Identity": one(lambda x: x), "Dropout": one(lambda x: x), "Softplus": one(F.softplus),
    "LeakyRelu": lambda a, v: F.leaky_relu(v[0], a.get("alpha", 0.01)), "Elu": lambda a, v: F.elu(v[0], a.get("alpha", 1.0)),
    "HardSigmoid": lambda a, v: (a.get("alpha", 0.2) * v[0] + a.get("beta", 0.5)).clamp(0, 1),
    "Gelu": lambda a, v: F.gelu(v[0], approximate=a.get("approximate", "none")),
    "LogSoftmax": lambda a, v: v[0].log_softmax(int(a.get("axis", -1))), "PRelu": both(lambda x, y: torch.where(x < 0, x * y, x)),
    "Shape": lambda a, v: torch.tensor(list(v[0].shape)[int(a.get("start", 0)) : a.get("end")]),
    "MatMul": both(torch.matmul), "Add": both(torch.add), "Sub": both(torch.sub), "Mul": both(torch.mul), "Div": both(divided),
    "Pow": both(torch.pow), "Min": both(torch.minimum), "Max": both(torch.maximum), "Equal": both(torch.eq),
    "Where": lambda a, v: torch.where(v[0], v[1], v[2]),
}  # fmt: skip
