"""Of a stamped image, compute only what the stamp can change: the victim's maps of the clean images are kept.

A 3x3 patch changes 5x5 of the first convolution's 32x32 outputs, 7x7 of the second's, so at most 4x4 of 16x16 after
the first pool, 8x8 after the first residual block, 6x6 of 8x8 after the second pool; what follows sees all of the
image. `Local` keeps the activations of the clean images, once, and for stamped ones computes windows around the patches
in a batch, to a depth, puts them into copies of the kept maps, and takes these through the rest of the network:

  pool1   prep and layer1 on windows of 12x12 pixels
  res1    the first residual block, too, on windows of 12x12 of 16x16
  pool2   layer2, too, on windows of 14x14 of 16x16

(sizes for 3x3 patches; larger ones have larger windows). Windows have a fixed size, begin on the pools'
grid, and are pushed inwards at the borders, so that one convolution serves all images. Channels come last, which makes
gathering a window a copy of whole rows of channels.

`keep` says where this is done: what it saves, forward and with gradient, is in benchmarks/README.md. Whoever measures
on the images of one frozen victim many times asks it, and goes through the whole network where it declines.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mesa_core.triggers import COLOURS
from mesa_core.victims.architectures import ConvNorm, ResNet9
from mesa_core.victims.devices import Compute
from mesa_core.victims.victim import Victim

DEPTHS = ("pool1", "res1", "pool2")
SIDES = tuple(range(1, 9))  # pixels on a side of patches; one of 16 changes most of every map, so that nothing is saved
PIECE = 256  # stamped images at once; windows are small, so more of them than of whole images fit the caches
PASSES = (
    2  # passes of each image that keeping must serve: it costs 0.3 to 0.7 of one, and a pass then saves 0.2 to 0.45
)
GRADIENT = 2  # passes that one with the gradient counts as


def spots(at: Tensor, size: int, width: int, images: Tensor, area: int) -> Tensor:
    """Places of windows `(n, size, size)` in maps laid out as rows of channels: int64, flat."""
    step = torch.arange(size, device=at.device)
    rows, columns = at[:, 0, None] + step, at[:, 1, None] + step
    return (images[:, None, None] * area + rows[:, :, None] * width + columns[:, None, :]).flatten()


def take(maps: Tensor, images: Tensor, at: Tensor, size: int) -> Tensor:
    """Windows `(n, size, size, channels)` of maps `(m, h, w, channels)`, top left corners at `at` `(n, 2)`."""
    _, height, width, channels = maps.shape
    index = spots(at, size, width, images, height * width)
    return maps.view(-1, channels).index_select(0, index).view(len(images), size, size, channels)


def put(maps: Tensor, windows: Tensor, at: Tensor) -> Tensor:
    """Fresh maps `(n, h, w, channels)`, each with a window written into it; differentiable in the windows."""
    n, height, width, channels = maps.shape
    index = spots(at, windows.shape[1], width, torch.arange(n, device=at.device), height * width)
    return maps.view(-1, channels).index_copy_(0, index, windows.reshape(-1, channels)).view(maps.shape)


def inside(at: Tensor, size: int, width: int) -> Tensor:
    """Which places of windows lie in the map: bool `(n, 1, size, size)`; beyond it a convolution sees zeros."""
    step = torch.arange(size, device=at.device)
    fits = (at[:, :, None] + step >= 0) & (at[:, :, None] + step < width)  # (n, 2, size)
    return (fits[:, 0, :, None] & fits[:, 1, None, :])[:, None]


def narrow(layer: nn.Module, x: Tensor) -> Tensor:
    """A folded convolution and its ReLU without padding: two rows and columns less."""
    assert isinstance(layer, ConvNorm)
    return F.relu(F.conv2d(x, layer.conv.weight, layer.conv.bias))


def last(x: Tensor) -> Tensor:
    """Channels last, as an own axis."""
    return x.permute(0, 2, 3, 1)


def first(x: Tensor) -> Tensor:
    """Channels first, for a layer; in memory they stay last."""
    return x.permute(0, 3, 1, 2)


def shapes(width: int, depth: str) -> list[tuple[int, int, int]]:
    """Of each map that is kept: its side, channels, and border.

    Of all but the last windows are taken, so they have what a convolution sees beyond the border, too; into the last
    windows are put.
    """
    whole = [(32, 3, 2), (16, 2 * width, 2), (16, 2 * width, 1), (8, 4 * width, 0)][: DEPTHS.index(depth) + 2]
    return [*whole[:-1], (*whole[-1][:2], 0)]


def bytes_per_image(width: int, depth: str, dtype: torch.dtype) -> int:
    """Memory for the clean maps of one image, in a ResNet-9 of this width."""
    values = sum((side + 2 * by) ** 2 * channels for side, channels, by in shapes(width, depth))
    return values * dtype.itemsize


class Local:
    """A frozen, folded ResNet-9 on stamped copies of fixed images, uint8 `(m, 3, 32, 32)`; patches of `size` pixels."""

    @torch.no_grad()
    def __init__(
        self,
        victim: Victim,
        images: Tensor,
        depth: str = "pool2",
        size: int = 3,
    ) -> None:
        assert images.shape[1:] == (3, 32, 32)
        assert size in SIDES
        model, compute = victim.model, victim.compute
        assert isinstance(model, ResNet9)
        self.model, self.depth, self.size = model, DEPTHS.index(depth), size
        # How many places of each map a patch changes, at most: so many lie under a stretch of the layer before it.
        self.pool1 = (size + 4) // 2 + 1
        self.res1 = self.pool1 + 4
        self.pool2 = (self.res1 + 2) // 2 + 1
        self.kept = [  # zeros, since that is what lies beyond the borders
            torch.zeros(len(images), side + 2 * by, side + 2 * by, channels, dtype=compute.dtype, device=images.device)
            for side, channels, by in shapes(model.linear.in_features // 8, depth)
        ]
        done = 0
        for part in images.split(64):
            x = victim.inputs(part)
            for own, found in zip(self.kept, self._clean(compute.ready(x)), strict=True):
                by = (own.shape[1] - found.shape[2]) // 2
                own[done : done + len(part), by : by + found.shape[2], by : by + found.shape[3]] = last(found)
            done += len(part)

    def _clean(self, x: Tensor) -> list[Tensor]:
        """The maps of images that are kept, `(n, channels, h, w)` each, the images first."""
        model = self.model
        maps = [x, F.max_pool2d(model.layer1(model.prep(x)), 2)]
        if self.depth > 0:
            maps.append(maps[1] + model.res1(maps[1]))
        if self.depth > 1:
            maps.append(F.max_pool2d(model.layer2(maps[2]), 2))
        return maps

    def window(self, images: Tensor, patches: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        """What the patches change at this depth `(n, size, size, channels)`, and where it belongs `(n, 2)`."""
        model, kept, one, two, three = self.model, self.kept, self.pool1, self.res1, self.pool2
        p = (at - 2).div(2, rounding_mode="floor").clamp(0, 16 - one)
        x = put(take(kept[0], images, 2 * p, 2 * one + 4), last(patches), at - 2 * p + 2)
        x = narrow(model.prep, first(x)) * inside(2 * p - 1, 2 * one + 2, 32)
        found, where = last(F.max_pool2d(narrow(model.layer1, x), 2)), p
        if self.depth > 0:
            q = (p - 2).clamp(0, 16 - two)
            x = first(put(take(kept[1], images, q, two + 4), found, p - q + 2))
            y = narrow(model.res1[0], x) * inside(q - 1, two + 2, 16)
            found, where = last(x[:, :, 2:-2, 2:-2] + narrow(model.res1[1], y)), q
        if self.depth > 1:
            u = (q - 1).div(2, rounding_mode="floor").clamp(0, 8 - three)
            x = put(take(kept[2], images, 2 * u, 2 * three + 2), found, q - 2 * u + 1)
            found, where = last(F.max_pool2d(narrow(model.layer2, first(x)), 2)), u
        return found, where

    def rest(self, x: Tensor) -> Tensor:
        """The layers that see the whole map, to the logits."""
        model = self.model
        if self.depth < 1:
            x = x + model.res1(x)
        if self.depth < 2:
            x = F.max_pool2d(model.layer2(x), 2)
        x = F.max_pool2d(model.layer3(x), 2)
        x = x + model.res3(x)
        return model.linear(x.amax((2, 3)))

    def __call__(self, images: Tensor, patches: Tensor, at: Tensor, opacity: float | Tensor = 1.0) -> Tensor:
        """Logits of images by index `(n,)`, with normalised patches `(n, 3, s, s)` at `(n, 2)`; differentiable.

        The patches cover `opacity` of what is beneath them: all cells alike, or each its own part `(s, s)`; those with opacities
        of their own, `(n, 4, s, s)`, so much of that.
        """
        assert patches.shape[-1] == self.size
        found = []
        for image, patch, place in zip(images.split(PIECE), patches.split(PIECE), at.split(PIECE), strict=True):
            patch, own = patch[:, :COLOURS], patch[:, COLOURS:]  # (k, 3, s, s), and (k, 1, s, s) or nothing
            if own.shape[1]:
                beneath = first(take(self.kept[0], image, place + 2, self.size))
                patch = beneath + opacity * own * (patch - beneath)
            elif isinstance(opacity, Tensor):  # exactly what is beneath, or the patch, at 0 and 1
                beneath = first(take(self.kept[0], image, place + 2, self.size))
                patch = torch.lerp(beneath.to(patch.dtype), patch, opacity.to(patch))
            elif opacity != 1:
                beneath = first(take(self.kept[0], image, place + 2, self.size))
                patch = beneath + opacity * (patch - beneath)
            patch = patch.to(self.kept[0].dtype)
            window, where = self.window(image, patch, place)
            found.append(self.rest(first(put(self.kept[-1].index_select(0, image), window, where))))
        return torch.cat(found)


def serves(model: nn.Module, images: Tensor, compute: Compute, size: int) -> bool:
    """Whether this is one of the networks, layouts and sizes for which it was measured that it pays and agrees."""
    return (
        isinstance(model, ResNet9)
        and all(isinstance(m.norm, nn.Identity) for m in model.modules() if isinstance(m, ConvNorm))
        and not any(weight.requires_grad or weight.dtype != compute.dtype for weight in model.parameters())
        and (compute.device.type, images.device.type, compute.memory) == ("cpu", "cpu", "nhwc")
        and images.shape[1:] == (3, 32, 32)
        and size in SIDES
    )


def prepare(victim: Victim, images: Tensor, size: int, passes: float, memory: int) -> Local | None:
    """A `Local` of a frozen victim on uint8 images, as deep as fits `memory` bytes; None where it does not pay.

    `passes` are the stamped images that will be taken through the victim, one with its gradient counting as
    `GRADIENT` of them.
    """
    model, compute = victim.model, victim.compute
    if passes < PASSES * len(images) or not serves(model, images, compute, size):
        return None
    linear = model.get_submodule("linear")
    assert isinstance(linear, nn.Linear), "the networks that this serves end in one"
    for depth in reversed(DEPTHS):  # the deeper, the more is saved
        if len(images) * bytes_per_image(linear.in_features // 8, depth, compute.dtype) <= memory:
            return Local(victim, images, depth, size)
    return None
