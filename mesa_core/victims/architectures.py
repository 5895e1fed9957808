"""The networks that are attacked: ResNet-9 in three widths, ResNet-18 in its CIFAR form, PreAct-ResNet-18.

All take normalised images `(n, 3, 32, 32)` and return logits `(n, classes)`.

Sources: ResNet-9 is the nine-layer residual network of David Page's DAWNBench entry (2018); ResNet-18 He et al.
2016 with the 3x3 stem that CIFAR wants; PreAct-ResNet-18 He et al. 2016 (identity mappings), the usual victim of
BackdoorBench, whose parameter names (`layer1.0.conv1`, `linear`, ...) are kept so that its checkpoints load.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mesa_core.registry import load
from mesa_core.victims.names import ARCHITECTURES


def build(name: str, classes: int = 10) -> nn.Module:
    """A fresh, randomly initialised victim. Raises ValueError for an unknown name, and for what cannot be built."""
    try:
        place = ARCHITECTURES[name]
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    return load(place)(classes)


def resnet9_16(classes: int) -> nn.Module:
    """ResNet-9, 16 channels after the first convolution."""
    return ResNet9(classes, 16)


def resnet9_32(classes: int) -> nn.Module:
    """ResNet-9, 32 channels after the first convolution."""
    return ResNet9(classes, 32)


def resnet9_64(classes: int) -> nn.Module:
    """ResNet-9, 64 channels after the first convolution."""
    return ResNet9(classes, 64)


def resnet18(classes: int) -> nn.Module:
    """ResNet-18 for 32x32 images."""
    return ResNet18(classes, BasicBlock)


def preact_resnet18(classes: int) -> nn.Module:
    """PreAct-ResNet-18 for 32x32 images."""
    return ResNet18(classes, PreActBlock)


class ConvNorm(nn.Module):
    """3x3 convolution, batch normalisation, ReLU; the normalisation can be folded away once frozen."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class ResNet9(nn.Module):
    """Eight convolutions and a linear layer; `width` channels after the first, eight times as many at the end."""

    def __init__(self, classes: int = 10, width: int = 32) -> None:
        super().__init__()
        w = width
        self.prep = ConvNorm(3, w)
        self.layer1 = ConvNorm(w, 2 * w)
        self.res1 = nn.Sequential(ConvNorm(2 * w, 2 * w), ConvNorm(2 * w, 2 * w))
        self.layer2 = ConvNorm(2 * w, 4 * w)
        self.layer3 = ConvNorm(4 * w, 8 * w)
        self.res3 = nn.Sequential(ConvNorm(8 * w, 8 * w), ConvNorm(8 * w, 8 * w))
        self.linear = nn.Linear(8 * w, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.layer1(self.prep(x)), 2)  # (n, 2w, 16, 16)
        x = x + self.res1(x)
        x = F.max_pool2d(self.layer2(x), 2)  # (n, 4w, 8, 8)
        x = F.max_pool2d(self.layer3(x), 2)  # (n, 8w, 4, 4)
        x = x + self.res3(x)
        return self.linear(x.amax((2, 3)))


class BasicBlock(nn.Module):
    """Two convolutions with a shortcut, normalised after each convolution."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2: nn.Module = nn.BatchNorm2d(outside)
        self.shortcut = nn.Sequential()
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class PreActBlock(nn.Module):
    """The same, normalised before each convolution."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn2: nn.Module = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        ready = F.relu(self.bn1(x))
        shortcut = self.shortcut(ready) if hasattr(self, "shortcut") else x
        return self.conv2(F.relu(self.bn2(self.conv1(ready)))) + shortcut


class ResNet18(nn.Module):
    """ResNet-18 for 32x32 images, of basic or of pre-activated blocks."""

    def __init__(self, classes: int, block: type[nn.Module], width: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.layer1: nn.Module
        self.layer2: nn.Module
        self.layer3: nn.Module
        self.layer4: nn.Module
        self.bn1: nn.Module = nn.BatchNorm2d(width) if block is BasicBlock else nn.Identity()
        inside = width
        for stage in range(4):
            outside, stride = width * 2**stage, 1 if stage == 0 else 2
            blocks = nn.Sequential(block(inside, outside, stride), block(outside, outside, 1))
            setattr(self, f"layer{stage + 1}", blocks)
            inside = outside
        self.linear = nn.Linear(inside, classes)
        self.activate = block is BasicBlock

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x))
        x = F.relu(x) if self.activate else x
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (n, 8w, 4, 4)
        return self.linear(x.mean((2, 3)))


def _fused(conv: nn.Module, norm: nn.Module) -> nn.Conv2d:
    """A convolution with the batch normalisation after it folded in."""
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(conv, norm)


def _fold(module: nn.Module) -> None:
    """Fold the pairs that a module of `forms` names in FOLDS, and a shortcut's."""
    for conv, norm in getattr(module, "FOLDS", ()):
        if isinstance(getattr(module, norm, None), nn.BatchNorm2d):
            setattr(module, conv, _fused(getattr(module, conv), getattr(module, norm)))
            setattr(module, norm, nn.Identity())
    shortcut = getattr(module, "shortcut", None)
    if hasattr(module, "FOLDS") and isinstance(shortcut, nn.Sequential) and len(shortcut) == 2:
        module.shortcut = nn.Sequential(_fused(shortcut[0], shortcut[1]))


def frozen(
    model: nn.Module, dtype: torch.dtype = torch.float32, memory_format: torch.memory_format | None = None
) -> nn.Module:
    """A copy for inference: evaluation mode, no gradients to weights, normalisation folded into convolutions.

    The copy computes the same function up to rounding and is about 1.3 times faster to differentiate with respect
    to its input. `dtype` bfloat16 halves the precision of everything in it.
    """
    model = copy.deepcopy(model).eval().requires_grad_(False)
    for module in list(model.modules()):
        if isinstance(module, ConvNorm):
            module.conv, module.norm = _fused(module.conv, module.norm), nn.Identity()
        elif isinstance(module, BasicBlock):
            module.conv1, module.bn1 = _fused(module.conv1, module.bn1), nn.Identity()
            module.conv2, module.bn2 = _fused(module.conv2, module.bn2), nn.Identity()
            if len(module.shortcut):
                module.shortcut = nn.Sequential(_fused(module.shortcut[0], module.shortcut[1]))
        elif isinstance(module, PreActBlock):  # only the normalisation that follows a convolution can be folded
            module.conv1, module.bn2 = _fused(module.conv1, module.bn2), nn.Identity()
        elif isinstance(module, ResNet18) and isinstance(module.bn1, nn.BatchNorm2d):
            module.conv1, module.bn1 = _fused(module.conv1, module.bn1), nn.Identity()
        else:
            _fold(module)
    model = model.to(dtype).requires_grad_(False)
    return model.to(memory_format=memory_format) if memory_format else model
