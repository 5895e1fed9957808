"""Monotone rational-quadratic splines from [0, 1] onto [0, 1], with their inverse and the log of their slope.

Source: Gregory and Delbourgo, IMA J. Numer. Anal. 2 (1982); as a layer of a flow: Durkan, Bekasov, Murray and
Papamakarios, NeurIPS 2019 ("neural spline flows"), equations 4 to 8. They live on the box itself here, so a spline
of zeros is the identity and a flow of them starts at the uniform law.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST = 1e-3  # width and height of a bin, and slope at a knot
_UNIT = math.log(math.exp(1 - LEAST) - 1)  # softplus of this is 1 - LEAST: zeros mean a slope of one


def values_of(bins: int) -> int:
    """How many free values a spline of so many bins has: widths, heights, and slopes at the knots."""
    return 3 * bins + 1


def apply(x: Tensor, free: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
    """The splines with `free` values `(..., 3*bins + 1)` at `x` `(...,)` in [0, 1], or their inverses.

    Returns the images `(...,)` and the log of the slope there `(...,)`; of an inverse, the log of the inverse's slope.
    """
    bins = (free.shape[-1] - 1) // 3
    wide, high = _knots(free[..., :bins]), _knots(free[..., bins : 2 * bins])  # (..., bins + 1)
    slopes = F.softplus(free[..., 2 * bins :] + _UNIT) + LEAST
    index = (x[..., None] >= (high if inverse else wide)[..., 1:-1]).sum(-1, keepdim=True)
    x0, x1, y0, y1, d0, d1 = (v.gather(-1, index + i)[..., 0] for v in (wide, high, slopes) for i in (0, 1))
    width, height = x1 - x0, y1 - y0
    s = height / width
    bend = d0 + d1 - 2 * s
    if inverse:  # the root of the quadratic that lies in the bin (their equation 29, in its stable form)
        up = x - y0
        a, b, c = height * (s - d0) + up * bend, height * d0 - up * bend, -s * up
        t = (2 * c / (-b - (b * b - 4 * a * c).clamp(min=0).sqrt())).clamp(0, 1)
    else:
        t = ((x - x0) / width).clamp(0, 1)
    low = s + bend * t * (1 - t)
    slope = (s * s * (d1 * t * t + 2 * s * t * (1 - t) + d0 * (1 - t).square()) / low.square()).log()
    if inverse:
        return (x0 + width * t).clamp(0, 1), -slope
    return (y0 + height * (s * t * t + d0 * t * (1 - t)) / low).clamp(0, 1), slope


def _knots(free: Tensor) -> Tensor:
    """Rising places from 0 to 1 with no two nearer than LEAST, `(..., bins + 1)`."""
    shares = LEAST + (1 - LEAST * free.shape[-1]) * F.softmax(free, -1)
    inner = shares.cumsum(-1)[..., :-1]
    return torch.cat([torch.zeros_like(free[..., :1]), inner, torch.ones_like(free[..., :1])], -1)
