"""A network made of a file that somebody brings: its architecture, its weights in their places, what stands before it.

Images come as three colours of the data's size. A network of one colour, or of another size, gets a front that turns
them into what it takes; gradients pass through it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mesa_core.brought import files, finder
from mesa_core.brought.files import Brought
from mesa_core.brought.matching import Match, aside, classes_of, match
from mesa_core.brought.onnx_wire import Graph
from mesa_core.registry import load
from mesa_core.victims import units
from mesa_core.victims.images import Normalise
from mesa_core.victims.names import ARCHITECTURES
from mesa_core.victims.weights import WeightsError

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue in a grey image, as every viewer weighs them (ITU-R BT.601)
SMALL, USUAL = 0.02, 0.25  # std of pixels in [0, 1] below which a network's first layer is made larger, and to which
SHOWN = 4  # names in a sentence
FORMS = {
    "safetensors": "safetensors", "zip": "a checkpoint of torch's", "legacy": "an old checkpoint of torch's", "onnx": "ONNX",
}  # fmt: skip


class Front(nn.Module):
    """What a network takes, made of images of three colours `(n, 3, h, w)`, and the network."""

    def __init__(self, net: nn.Module, grey: bool, side: int) -> None:
        super().__init__()
        self.net, self.grey, self.side = net, grey, side
        self.luma: Tensor
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.grey:
            x = (x * self.luma).sum(1, keepdim=True)
        if self.side and x.shape[-2:] != (self.side, self.side):
            x = F.interpolate(x, (self.side, self.side), mode="bilinear", align_corners=False, antialias=True)
        return self.net(x)


@dataclass(frozen=True)
class Network:
    """A file's network. `arch` is its name here, `classes` how many it tells apart, `grey` whether it takes one colour,
    `side` the only size in pixels that it takes (0: any); `normalise` the normalisation inside the file, None without one.
    """

    brought: Brought
    arch: str
    classes: int
    make: Callable[[], nn.Module]
    match: Match
    grey: bool = False
    side: int = 0
    stem: str = ""  # the name here of the first layer's weight, where that is kept larger than in the file
    scale: float = 1.0  # by so much; what it sees is smaller by as much

    @property
    def normalise(self) -> Normalise | None:
        if not self.match.mean:
            return None
        mean, std = (self.brought.state[name].flatten().tolist() for name in (self.match.mean, self.match.std))
        try:
            return Normalise(*units.checked(mean, std))
        except ValueError as error:
            raise WeightsError(
                f"{self.brought.path.name} normalises inside with {self.match.mean}, which makes no sense: {error}"
            ) from None

    def fresh(self) -> nn.Module:
        """The architecture as it is used here, with its front, in evaluation mode."""
        net = self.make()
        return (Front(net, self.grey, self.side) if self.grey or self.side else net).eval()

    def module(self) -> nn.Module:
        """The network with the file's weights. Raises WeightsError where one of them is not finite."""
        model = self.fresh()
        own = model.state_dict()
        for key, name in self.match.keys.items():
            tensor = self.brought.state[name]
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise WeightsError(f"{self.brought.path.name} holds numbers that are not finite (first in {name}).")
            own[self._own(key)].copy_(tensor.reshape(own[self._own(key)].shape))
            if self._own(key) == self.stem:
                own[self.stem].mul_(self.scale)
        return model

    def conditioned(self, normalise: Normalise) -> tuple[Network, Normalise]:
        """The same function with a first layer that can be trained, and what it is to see.

        A network that sees 0 to 255 has first weights a hundred times smaller than others, and gradients a hundred times
        larger, with which the learning rates of a repair would destroy it. So its weights are multiplied and its images
        divided by one number. `healed` undoes it. Where no first layer is found for which that holds, nothing is changed.
        """
        usual = sum(normalise.std) / 3
        if usual >= SMALL:
            return self, normalise
        model, scale = self.module(), USUAL / usual
        convs = ((name, one) for name, one in model.named_modules() if isinstance(one, nn.Conv2d))
        names = [f"{name}.weight" for name, one in convs if one.in_channels in (1, 3)][:1]
        names += [k for k, v in model.named_parameters() if isinstance(self.brought.graph, Graph) and v.ndim == 4][:1]
        draw = torch.Generator().manual_seed(0)
        side = self.side or 64
        x = 255 * torch.rand(2, 3, side, side, generator=draw)
        for stem in names:
            other = replace(self, stem=stem, scale=scale)
            with torch.no_grad():
                try:
                    same = torch.allclose(model(x), other.module()(x / scale), rtol=1e-3, atol=1e-3)
                except RuntimeError:  # images of another size
                    return self, normalise
            if same:
                red, green, blue = (v * scale for v in normalise.std)
                return other, Normalise(normalise.mean, (red, green, blue))
        return self, normalise

    def _own(self, key: str) -> str:
        return f"net.{key}" if self.grey or self.side else key

    def healed(self, state: Mapping[str, Tensor], out: Path) -> None:
        """Write the file again to `out` with the weights of `state`, the state dict of a network that `fresh` made.

        Units, keys, dtypes and container are the owner's, and what lies beside the weights stays as it is.
        """
        new = {name: state[self._own(key)] for key, name in self.match.keys.items()}
        if self.stem:
            name = next(name for key, name in self.match.keys.items() if self._own(key) == self.stem)
            new[name] = new[name] / self.scale
        files.write(self.brought, new, out)

    @property
    def form(self) -> str:
        """What the file is, in a few words."""
        return FORMS[self.brought.kind]

    def told(self) -> str:
        """In one sentence what was read, and what of the file was passed over."""
        return f"{self.brought.path.name} ({self.form}) is {self.described()}."

    def described(self) -> str:
        """The same as a part of a sentence, without the file."""
        parts = [f"{self.arch} with {self.classes} classes"]
        if self.grey:
            parts.append("for grey images")
        if self.side:
            parts.append(f"for images of {self.side}x{self.side}, to which others are scaled")
        if self.normalise is not None:
            parts.append(f"with a normalisation inside ({self.match.mean}, {self.match.std}), which is used")
        over = [*self.match.ignored, *self.brought.beside]
        over = [name for name in over if not name.endswith("num_batches_tracked")]
        if over:
            more = f" and {len(over) - SHOWN} more" if len(over) > SHOWN else ""
            parts.append(f"passed over: {', '.join(name[:60] for name in over[:SHOWN])}{more}")
        return "; ".join(parts)


def fit(brought: Brought, arch: str = "auto", classes: int | None = None) -> Network:
    """The network of a file. `arch` is a name of ARCHITECTURES, or auto: found by names and shapes; `classes` those of the
    images, if they are to be held against the file's. Raises WeightsError in one sentence, ValueError for an unknown name.
    """
    return next(fits(brought, arch, classes))


def fits(brought: Brought, arch: str = "auto", classes: int | None = None) -> Iterator[Network]:
    """Every architecture that a file can be of, the likeliest first; at least one. Raises as `fit` does."""
    from mesa_core.brought import onnx

    if arch == "onnx" and brought.kind != "onnx":
        raise WeightsError(f"{brought.path.name} is no ONNX file.")
    if brought.kind == "onnx":
        yield _counted(onnx.network(brought), classes)
        return
    shapes = {k: tuple(v.shape) for k, v in brought.state.items()}
    there = classes_of(aside(shapes)[0])
    if there is None and arch == "auto":
        raise WeightsError(
            f"{brought.path.name} has no linear layer at its end, so it is no classifier that is known here."
        )
    if arch != "auto":
        found, why = of(brought, arch, there or classes or 10)
        if found is None and classes and there != classes:
            found, why = of(brought, arch, classes)
        if found is None:
            raise WeightsError(_why_not(brought, arch, classes, there, why))
        yield _counted(found, classes)
        return
    assert there is not None
    some = ", ".join(list(shapes)[:SHOWN])
    none = True
    for name in finder.candidates(shapes, brought.told):
        made, _ = of(brought, name, there)
        if made is not None:
            none = False
            yield _counted(made, classes)
    if none and (extra := finder.without_timm(shapes)):
        raise WeightsError(f"{brought.path.name} {extra}")
    if none:
        raise WeightsError(
            f"{brought.path.name} is of no architecture that is known here (it holds {len(shapes)} tensors: {some}, ...); name it with "
            "--arch, or bring your own as --arch package.module:function."
        )


def _why_not(brought: Brought, arch: str, classes: int | None, there: int | None, why: str) -> str:
    if classes and there and there != classes and not why.startswith("does not fit"):
        return f"{brought.path.name} has {there} classes, the images {classes}."
    shapes = {k: tuple(v.shape) for k, v in brought.state.items()}
    better = [
        name
        for name in finder.candidates(shapes, brought.told)
        if name != arch and there and of(brought, name, there)[0]
    ]
    hint = f" By its keys and shapes it is {better[0]}." if better else ""
    return f"{brought.path.name} {why}.{hint}"


def _counted(network: Network, classes: int | None) -> Network:
    if classes is not None and network.classes != classes:
        raise WeightsError(f"{network.brought.path.name} has {network.classes} classes, the images {classes}.")
    return network


def of(brought: Brought, arch: str, classes: int) -> tuple[Network | None, str]:
    """The file as a network of this architecture, or None and why it is not. ValueError where there is none of this name."""
    shapes = {k: tuple(v.shape) for k, v in brought.state.items()}
    side = finder.side_of(arch, shapes)
    try:
        builder = load(ARCHITECTURES[arch])
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    make = lambda: builder(classes, side=side) if side else builder(classes)
    try:
        with torch.device("meta"):
            sketch = make()
    except (RuntimeError, NotImplementedError):  # a network of one's own may compute where it is made
        sketch = make()
    why = ""
    for grey in (False, True):
        if grey:
            make = _grey(make)
            with torch.device("meta"):
                sketch = to_grey(sketch)
        own = {k: tuple(v.shape) for k, v in sketch.state_dict().items()}
        found = match(own, shapes)
        if not found.problem:
            return Network(brought, arch, classes, make, found, grey, native(sketch)), ""
        why = why or found.problem
        if not _first_is_grey(own, shapes):
            break
    return None, why


def _first_is_grey(own: Mapping[str, tuple[int, ...]], file: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether the file has a first layer like the network's but for one colour in place of three."""
    stems = {v[:1] + v[2:] for v in own.values() if len(v) == 4 and v[1] == 3}
    return any(len(v) == 4 and v[1] == 1 and v[:1] + v[2:] in stems for v in file.values())


def _grey(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: to_grey(make())


def to_grey(model: nn.Module) -> nn.Module:
    """The same with one colour in its first convolution."""
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.Conv2d) and child.in_channels == 3 and child.groups == 1:
                new = nn.Conv2d(
                    1, child.out_channels, child.kernel_size, child.stride, child.padding, child.dilation, 1,  # type: ignore[arg-type]
                    child.bias is not None,
                )  # fmt: skip
                setattr(module, name, new)
                return model
    return model


def native(model: nn.Module) -> int:
    """The only size of images that a network takes; 0 where it takes any."""
    for holder in (model, getattr(model, "patch_embed", None)):
        for name in ("side", "image_size", "img_size"):
            size = getattr(holder, name, None)
            size = size[0] if isinstance(size, tuple) and size else size
            if isinstance(size, int) and 0 < size <= 4096 and not isinstance(size, bool):
                return size
    return 0
