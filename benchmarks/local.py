"""Does it pay to compute again only what a 3x3 patch can change? python benchmarks/local.py [--victims NAME ...]

A patch changes 5x5 of the first convolution's 32x32 outputs, 7x7 of the second's, so at most 4x4 of 16x16 after the
first pool, 8x8 after the first residual block, 6x6 of 8x8 after the second pool; what follows sees all of the image.
`Local` keeps the activations of the clean images, once, and for stamped ones computes windows around the patches in a
batch, to a depth, puts them into copies of the kept maps, and takes these through the rest of the network:

  pool1   prep and layer1 on windows of 12x12 pixels
  res1    the first residual block, too, on windows of 12x12 of 16x16
  pool2   layer2, too, on windows of 14x14 of 16x16

Windows have a fixed size, begin on the pools' grid, and are pushed inwards at the borders, so that one convolution
serves all images. Channels come last, which makes gathering a window a copy of whole rows of channels.

Measured are images for a second of CPU time, one thread, all ways in turns, medians of --repeats, by pieces of so many
images: the forward pass (an ASR), and with the gradient with respect to the triggers (F of a sub-model). `plain` is
what the engine does: take uint8 images, normalise, stamp, and through the network; `Local` starts from the same
choice of images, triggers and places, so its gathering is in its time. `bare` is the network alone, on images that
are stamped already. Keeping the clean maps costs `kept_bytes` an image and one clean pass, `keeping`, as a share of
`plain`'s time for as many images. Ratios are to `plain` with its best piece. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mesa_core import devices
from mesa_core.assets import shipped_weights
from mesa_core.data import signs
from mesa_core.images import Normalise
from mesa_core.stamping import apply, random_locations
from mesa_core.victims import ConvNorm, ResNet9, build
from mesa_core.weights import load_into, read

SIZES = ("resnet9-16", "resnet9-32")  # weights of which are shipped
DEPTHS = ("pool1", "res1", "pool2")


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
    assert isinstance(layer.norm, nn.Identity), "the victim must be folded"
    return F.relu(F.conv2d(x, layer.conv.weight, layer.conv.bias))


def last(x: Tensor) -> Tensor:
    """Channels last, as an own axis."""
    return x.permute(0, 2, 3, 1)


def first(x: Tensor) -> Tensor:
    """Channels first, for a layer; in memory they stay last."""
    return x.permute(0, 3, 1, 2)


class Local:
    """A frozen, folded ResNet-9 on stamped copies of fixed 32x32 images `(m, 3, 32, 32)`, normalised and ready."""

    @torch.no_grad()
    def __init__(self, model: nn.Module, images: Tensor, depth: str = "res1", piece: int = 64) -> None:
        assert isinstance(model, ResNet9)
        assert images.shape[1:] == (3, 32, 32)
        self.model, self.depth = model, DEPTHS.index(depth)
        kept: list[list[Tensor]] = [[] for _ in range(self.depth + 2)]
        for x in images.split(piece):
            maps = [x, F.max_pool2d(model.layer1(model.prep(x)), 2)]
            if self.depth > 0:
                maps.append(maps[1] + model.res1(maps[1]))
            if self.depth > 1:
                maps.append(F.max_pool2d(model.layer2(maps[2]), 2))
            # The last is the one that windows are put into; of the others windows are taken, with what a convolution
            # sees beyond the border.
            for own, x, by in zip(kept, maps, [(2, 2, 1)[i] for i in range(self.depth + 1)] + [0], strict=True):
                own.append(F.pad(last(x), (0, 0, by, by, by, by)).contiguous())
        self.kept = [torch.cat(own) for own in kept]

    def bytes_per_image(self) -> int:
        """Memory for the clean maps."""
        return sum(maps[0].numel() * maps.element_size() for maps in self.kept)

    def window(self, images: Tensor, patches: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        """What the patches change at this depth `(n, size, size, channels)`, and where it belongs `(n, 2)`."""
        model, kept = self.model, self.kept
        p = (at - 2).div(2, rounding_mode="floor").clamp(0, 12)  # 4x4 of the 16x16 after the first pool
        x = put(take(kept[0], images, 2 * p, 12), last(patches), at - 2 * p + 2)
        x = narrow(model.prep, first(x)) * inside(2 * p - 1, 10, 32)
        found, where = last(F.max_pool2d(narrow(model.layer1, x), 2)), p
        if self.depth > 0:
            q = (p - 2).clamp(0, 8)  # 8x8 of 16x16
            x = first(put(take(kept[1], images, q, 12), found, p - q + 2))
            y = narrow(model.res1[0], x) * inside(q - 1, 10, 16)
            found, where = last(x[:, :, 2:-2, 2:-2] + narrow(model.res1[1], y)), q
        if self.depth > 1:
            u = (p - 3).div(2, rounding_mode="floor").clamp(0, 2)  # 6x6 of the 8x8 after the second pool
            x = put(take(kept[2], images, 2 * u, 14), found, where - 2 * u + 1)
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

    def __call__(self, images: Tensor, patches: Tensor, at: Tensor) -> Tensor:
        """Logits of images by index `(n,)`, with normalised patches `(n, 3, 3, 3)` at `(n, 2)`; differentiable."""
        found, where = self.window(images, patches.to(self.kept[0].dtype), at)
        return self.rest(first(put(self.kept[-1].index_select(0, images), found, where)))


def median_times(works: dict[Any, Callable[[], Any]], repeats: int) -> dict[Any, float]:
    """Median seconds of CPU time of each, taken in turns; on a shared machine the others' time does not count."""
    times: dict[Any, list[float]] = {name: [] for name in works}
    for number in range(repeats + 1):
        for name, work in works.items():
            began = time.process_time()
            work()
            if number:  # the first prepares kernels
                times[name].append(time.process_time() - began)
    return {name: statistics.median(own) for name, own in times.items()}


def measure(victim: str, precision: str, count: int, pieces: list[int], repeats: int) -> dict[str, Any]:
    """Images a second of every way, and how far `Local` agrees, for one shipped network in one precision."""
    compute = devices.Compute(torch.device("cpu"), precision, "nhwc")
    path = shipped_weights("signs", victim) or shipped_weights("cifar10", victim)
    assert path is not None
    model = compute.freeze(load_into(build(victim), read(path), path.name))
    pixels = signs.load(lambda *_: None, train=10, test=count).test.images  # time does not depend on what they show
    normalise, draw = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), torch.Generator().manual_seed(0)
    picks = torch.randint(len(pixels), (count,), generator=draw)
    at = random_locations(count, (32, 32), 3, draw)
    triggers = torch.rand(count, 3, 3, 3, generator=draw).round_().requires_grad_()
    ready = compute.ready(normalise.images(pixels))
    kept = {depth: Local(model, ready, depth) for depth in DEPTHS}

    def stamped() -> Tensor:
        batch = normalise.images(pixels[picks].contiguous(memory_format=compute.memory_format))
        return compute.ready(apply(batch, normalise.triggers(triggers), at))

    def plain(piece: int) -> Tensor:
        return torch.cat([model(x) for x in stamped().split(piece)])

    still = stamped().detach()

    def bare(piece: int) -> Tensor:
        return torch.cat([model(x) for x in still.split(piece)])

    def locally(depth: str, piece: int) -> Tensor:
        parts = zip(picks.split(piece), normalise.triggers(triggers).split(piece), at.split(piece), strict=True)
        return torch.cat([kept[depth](*part) for part in parts])

    def gradient(way: Callable[[int], Tensor], piece: int) -> None:
        way(piece).float().softmax(1)[:, 0].sum().backward()
        triggers.grad = None

    ways: dict[str, Callable[[int], Tensor]] = {"plain": plain, "bare": bare}
    ways |= {depth: partial(locally, depth) for depth in DEPTHS}
    every = list(product(ways, pieces))
    with torch.no_grad():
        whole, parts = plain(64), {depth: locally(depth, 64) for depth in DEPTHS}
        forward = median_times({(name, piece): partial(ways[name], piece) for name, piece in every}, repeats)
        once = median_times({depth: partial(Local, model, ready, depth) for depth in DEPTHS}, 3)
    backward = median_times(
        {(name, piece): partial(gradient, ways[name], piece) for name, piece in every if name != "bare"}, repeats
    )
    best = min(forward["plain", piece] for piece in pieces)

    def told(took: dict[Any, float]) -> dict[str, Any]:
        least = min(took["plain", piece] for piece in pieces)
        return {
            f"{n}, {p}": {"per_second": round(count / t), "ratio": round(least / t, 2)} for (n, p), t in took.items()
        }

    return {
        "victim": victim,
        "precision": precision,
        "forward": told(forward),
        "gradient": told(backward),
        "keeping": {depth: round(t / best * count / len(pixels), 2) for depth, t in once.items()},
        "kept_bytes": {depth: own.bytes_per_image() for depth, own in kept.items()},
        "same_class": {depth: (x.argmax(1) == whole.argmax(1)).float().mean().item() for depth, x in parts.items()},
        "logits_differ_by": {depth: (x - whole).abs().max().item() for depth, x in parts.items()},
        "logits_up_to": whole.abs().max().item(),
        "images": count,
        "hardware": devices.hardware(compute),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--victims", nargs="+", default=SIZES, choices=SIZES)
    parser.add_argument("--precisions", nargs="+", default=["bf16", "fp32"], choices=tuple(devices.DTYPES))
    parser.add_argument("--pieces", nargs="+", type=int, default=[64, 256, 512])
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=7)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for victim in chosen.victims:
        for precision in chosen.precisions:
            print(json.dumps(measure(victim, precision, chosen.images, chosen.pieces, chosen.repeats)), flush=True)


if __name__ == "__main__":
    main()
