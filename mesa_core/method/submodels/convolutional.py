"""Sub-models whose generators are convolutional, for large structured triggers (Section 5 of the paper); trained as `mine`.

"A possible approach is to use convolutional neural networks as G to generate large structured triggers": of a picture of 16x16
the three layers of Appendix B learn each of 768 numbers by itself, while here a few maps of 4x4 are enlarged twice, so that what
lies side by side is made of the same features. Everything else is as there: the noise, the statistics network that bounds the
entropy, and eq. 4.

    noise -> maps of s/4 -> x2, 3x3 convolution -> x2, 3x3 convolution -> 3x3 convolution to colours, in (0, 1)

Maps are enlarged by repeating values and then convolved, since a transposed convolution of stride 2 leaves a chequered pattern
(Odena, Dumoulin and Olah, 2016). Any size can be made, one that is no multiple of four from maps that are rounded up; below 4x4
there is little that lies side by side. The N generators of a group are one grouped convolution.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mesa_core.method.submodels.generators import SLOPE, StackedLinear
from mesa_core.method.submodels.mine import Mine

CHANNELS = 8  # of the hidden width one in so many is a channel of the widest maps: 64 of 512


class StackedConv(nn.Module):
    """N 3x3 convolutions side by side, on maps `(n, N * inside, h, w)` whose size stays: to `(n, N * outside, h, w)`."""

    def __init__(self, groups: int, inside: int, outside: int, generator: torch.Generator) -> None:
        super().__init__()
        bound = (9 * inside) ** -0.5  # the law of nn.Conv2d
        draw = lambda *shape: (torch.rand(shape, generator=generator) * 2 - 1) * bound
        self.groups = groups
        self.weight = nn.Parameter(draw(groups * outside, inside, 3, 3))
        self.bias = nn.Parameter(draw(groups * outside))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=1, groups=self.groups)


class MapNorm(nn.Module):
    """Batch normalisation of each of `width` maps `(n, width, h, w)`; afterwards by the statistics of the last batch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.mean: Tensor
        self.var: Tensor
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.mean, self.var, self.weight, self.bias, self.training, momentum=1.0)


class ConvGenerator(nn.Module):
    """From noise `(N, n, noise_dim)` to triggers `(N, n, colours * s * s)` in (0, 1).

    With `every_layer` each layer receives its own third of the noise, as those of `generators.Generator` do; of the second and
    the third it shifts whole maps. Else all of it enters the first.
    """

    def __init__(
        self,
        groups: int,
        noise_dim: int,
        hidden: int,
        size: int,
        colours: int,
        every_layer: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        third, wide = noise_dim // 3, max(2, hidden // CHANNELS)
        widths = (wide, wide, max(2, wide // 2))
        self.parts = (noise_dim - 2 * third, third, third) if every_layer else (noise_dim, 0, 0)
        self.groups, self.width = groups, wide
        self.sides = (-(-size // 4), -(-size // 2), size)
        self.first = StackedLinear(groups, self.parts[0], wide * self.sides[0] ** 2, generator)
        pairs = list(pairwise(widths))
        self.layers = nn.ModuleList(StackedConv(groups, inside, out, generator) for inside, out in pairs)
        self.shifts = nn.ModuleList(
            StackedLinear(groups, part, out, generator)
            for part, out in zip(self.parts[1:], widths[1:], strict=True)
            if part
        )
        self.norms = nn.ModuleList(MapNorm(groups * width) for width in widths)
        self.last = StackedConv(groups, widths[-1], colours, generator)

    def forward(self, noise: Tensor) -> Tensor:
        first, *later = noise.split([p for p in self.parts if p], 2)
        side = self.sides[0]
        x = _maps(self.first(first).unflatten(2, (self.width, side, side)))
        x = F.leaky_relu(self.norms[0](x), SLOPE)
        for number, layer in enumerate(self.layers):
            x = layer(F.interpolate(x, size=(self.sides[number + 1],) * 2))
            if later:
                x = x + _maps(self.shifts[number](later[number])[..., None, None])
            x = F.leaky_relu(self.norms[number + 1](x), SLOPE)
        x = torch.sigmoid(self.last(x))
        return x.unflatten(1, (self.groups, -1)).transpose(0, 1).flatten(2)  # (n, N * c, s, s) -> (N, n, c * s * s)


def _maps(x: Tensor) -> Tensor:
    """`(N, n, channels, h, w)` as grouped convolutions take it, `(n, N * channels, h, w)`."""
    return x.transpose(0, 1).flatten(1, 2)


class Convolutional(Mine):
    """N convolutional generators with their statistics networks, trained together."""

    kind = "convolutional"

    def make_generator(self, every_layer: bool) -> nn.Module:
        return ConvGenerator(
            len(self.betas), self.noise_dim, self.hidden, self.size, self.dim // self.size**2, every_layer, self.host
        )
