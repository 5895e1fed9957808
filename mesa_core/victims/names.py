"""The architectures that can be a victim, by name. Needs no torch.

An entry is the place of what builds it: called with a number of classes, it returns a fresh network that takes
normalised images `(n, 3, h, w)` and returns logits `(n, classes)`.

>>> from mesa_core.registry import load
>>> load(ARCHITECTURES["resnet9-16"])(classes=43).__class__.__name__
'ResNet9'

Besides those that are listed, the forms that the field uses are known by name, torchvision's classifiers as
`torchvision:NAME`, timm's as `timm:NAME`, wide residual networks of any depth and width as `wrn-D-K`.

>>> "torchvision:resnet50" in ARCHITECTURES, "wrn-28-10" in ARCHITECTURES, "resnet7" in ARCHITECTURES
(True, True, False)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mesa_core.registry import Registry

FORMS: Mapping[str, str] = {  # for 32x32 images, with the parameter names of the checkpoints that there are
    **{f"resnet{n}": f"mesa_core.victims.forms.resnets:resnet{n}" for n in (34, 50, 101)},
    **{f"preact-resnet{n}": f"mesa_core.victims.forms.resnets:preact_resnet{n}" for n in (34, 50)},
    **{f"resnet{n}": f"mesa_core.victims.forms.resnets:thin{n}" for n in (20, 32, 44, 56, 110)},
    **{f"resnet{n}-projected": f"mesa_core.victims.forms.resnets:thin{n}_projected" for n in (20, 32, 44, 56)},
    **{f"vgg{n}-bn": f"mesa_core.victims.forms.plain:vgg{n}_bn" for n in (11, 13, 16, 19)},
    **{f"vgg{n}-bn-{m}": f"mesa_core.victims.forms.plain:vgg{n}_bn_{m}" for n in (11, 13, 16, 19) for m in (512, 4096)},
    "vgg11-bn-small": "mesa_core.victims.forms.plain:vgg11_bn_small",
    "mobilenet-small": "mesa_core.victims.forms.plain:mobilenet_small",
    "mobilenet": "mesa_core.victims.forms.plain:mobilenet",
    "mobilenet-v2": "mesa_core.victims.forms.plain:mobilenet_v2",
    "densenet-cifar": "mesa_core.victims.forms.plain:densenet_cifar",
    **{f"densenet{n}": f"mesa_core.victims.forms.plain:densenet{n}" for n in (121, 161, 169, 201)},
    "vit-small": "mesa_core.victims.forms.vit:vit_small",
    "vit-tiny": "mesa_core.victims.forms.vit:vit_tiny",
    "onnx": "mesa_core.victims.forms.of_onnx:none",  # what an ONNX file says itself
}
WIDE = re.compile(r"wrn-(\d{2,3})-(\d{1,2})")
ELSEWHERE = re.compile(r"(torchvision|timm):([a-z]\w{0,79})(\.\w+)?", re.ASCII)  # timm names its weights after a dot


def place_of(name: str) -> str | None:
    """The place of what builds an architecture that is not listed but known; None for an unknown name."""
    if name in FORMS:
        return FORMS[name]
    if found := WIDE.fullmatch(name):
        return f"mesa_core.victims.forms.wide:wrn_{found[1]}_{found[2]}"
    if found := ELSEWHERE.fullmatch(name):
        return f"mesa_core.victims.forms.of_{found[1]}:{found[2]}"
    return None


class Architectures(Registry[str]):
    """A registry that knows more names than it lists."""

    def __getitem__(self, name: str) -> str:
        return self._entries[name] if name in self._entries else place_of(name) or super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or (isinstance(name, str) and place_of(name) is not None)


ARCHITECTURES = Architectures(
    "victim",
    {
        "resnet9-16": "mesa_core.victims.architectures:resnet9_16",
        "resnet9-32": "mesa_core.victims.architectures:resnet9_32",
        "resnet9-64": "mesa_core.victims.architectures:resnet9_64",
        "resnet18": "mesa_core.victims.architectures:resnet18",
        "preact-resnet18": "mesa_core.victims.architectures:preact_resnet18",
    },
)
