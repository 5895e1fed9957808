"""Residual networks for 32x32 images beside ResNet-18: deeper ones, with bottlenecks, and the thin ones of CIFAR.

Sources: He et al. 2016 (both papers). Names of parameters as in pytorch-cifar and BackdoorBench (`layer1.0.conv1`,
`shortcut`, `linear`), of the thin ones as in He et al.'s CIFAR networks, whose shortcut has no weights (option A).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from mesa_core.victims.architectures import BasicBlock, PreActBlock


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions, normalised after each; four times as many channels come out."""

    grows = 4
    FOLDS = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        outside = self.grows * width
        self.conv1, self.bn1 = nn.Conv2d(inside, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outside, 1, bias=False), nn.BatchNorm2d(outside)
        self.shortcut = nn.Sequential()
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return F.relu(self.bn3(self.conv3(out)) + self.shortcut(x))


class PreActBottleneck(nn.Module):
    """The same, normalised before each convolution."""

    grows = 4
    FOLDS = (("conv1", "bn2"), ("conv2", "bn3"))

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        outside = self.grows * width
        self.bn1, self.conv1 = nn.BatchNorm2d(inside), nn.Conv2d(inside, width, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(width), nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn3, self.conv3 = nn.BatchNorm2d(width), nn.Conv2d(width, outside, 1, bias=False)
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        ready = F.relu(self.bn1(x))
        shortcut = self.shortcut(ready) if hasattr(self, "shortcut") else x
        out = self.conv2(F.relu(self.bn2(self.conv1(ready))))
        return self.conv3(F.relu(self.bn3(out))) + shortcut


class ThinBlock(nn.Module):
    """A basic block whose shortcut takes every second pixel and fills up with channels of zeros."""

    grows = 1
    FOLDS = (("conv1", "bn1"), ("conv2", "bn2"))

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.stride, self.more = stride, outside - inside
        self.conv1, self.bn1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside)
        self.conv2, self.bn2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.more:
            half = self.more // 2
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, half, self.more - half))
        return F.relu(out + x)


class ResNet(nn.Module):
    """A 3x3 stem, stages of blocks that halve the image but for the first, the mean, a linear layer."""

    FOLDS = (("conv1", "bn1"),)

    def __init__(
        self,
        classes: int,
        block: Callable[..., nn.Module],
        counts: Sequence[int],
        width: int = 64,
        before: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.before = before  # normalised before each convolution: then there is none after the stem
        if not before:
            self.bn1: nn.Module = nn.BatchNorm2d(width)
        inside, grows = width, getattr(block, "grows", 1)
        self.stages = len(counts)
        for stage, count in enumerate(counts):
            blocks = []
            for i in range(count):
                blocks.append(block(inside, width * 2**stage, 2 if stage and not i else 1))
                inside = grows * width * 2**stage
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(inside, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        if not self.before:
            x = F.relu(self.bn1(x))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.linear(x.mean((2, 3)))


def resnet34(classes: int) -> nn.Module:
    """ResNet-34."""
    return ResNet(classes, BasicBlock, (3, 4, 6, 3))


def resnet50(classes: int) -> nn.Module:
    """ResNet-50."""
    return ResNet(classes, Bottleneck, (3, 4, 6, 3))


def resnet101(classes: int) -> nn.Module:
    """ResNet-101."""
    return ResNet(classes, Bottleneck, (3, 4, 23, 3))


def preact_resnet34(classes: int) -> nn.Module:
    """PreAct-ResNet-34."""
    return ResNet(classes, PreActBlock, (3, 4, 6, 3), before=True)


def preact_resnet50(classes: int) -> nn.Module:
    """PreAct-ResNet-50."""
    return ResNet(classes, PreActBottleneck, (3, 4, 6, 3), before=True)


def __getattr__(name: str) -> Callable[[int], nn.Module]:
    """`thin20`, `thin32`, ... `thin110`: 6n+2 layers, 16 channels; with `_projected` a shortcut that has weights."""
    depth, _, kind = name.removeprefix("thin").partition("_")
    if not name.startswith("thin") or not depth.isdecimal() or not 8 <= int(depth) <= 1202 or int(depth) % 6 != 2:
        raise AttributeError(name)
    block = {"": ThinBlock, "projected": BasicBlock}[kind]
    return lambda classes: ResNet(classes, block, ((int(depth) - 2) // 6,) * 3, 16)
