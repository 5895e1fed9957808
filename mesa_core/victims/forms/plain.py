"""VGG with normalisation, MobileNet, MobileNetV2 and DenseNet for 32x32 images.

Sources: Simonyan and Zisserman 2015, Howard et al. 2017, Sandler et al. 2018, Huang et al. 2017, in the forms that
pytorch-cifar gave them, whose names of parameters are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = {  # of VGG's convolutions; 0: the image is halved
    11: (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    13: (64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    16: (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0),
    19: (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512, 0),
}


class VGG(nn.Module):
    """3x3 convolutions, each normalised; then one linear layer, or three with `hidden` units between."""

    def __init__(self, classes: int, widths: Sequence[int], hidden: int = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inside = 3
        for width in widths:
            if width:
                layers += [nn.Conv2d(inside, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
                inside = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier: nn.Module = nn.Linear(inside, classes)
        if hidden:
            between = [
                nn.Linear(inside, hidden),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Dropout(),
            ]
            self.classifier = nn.Sequential(*between, nn.Linear(hidden, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


class Separable(nn.Module):
    """A 3x3 convolution of each channel, and a 1x1 one across them."""

    FOLDS = (("conv1", "bn1"), ("conv2", "bn2"))

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = (
            nn.Conv2d(inside, inside, 3, stride, 1, groups=inside, bias=False),
            nn.BatchNorm2d(inside),
        )
        self.conv2, self.bn2 = nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class MobileNet(nn.Module):
    """Separable convolutions from `widths[0]` channels to each of the next, thirteen in the usual form; at the numbers
    `halved` the image is halved.
    """

    FOLDS = (("conv1", "bn1"),)

    def __init__(self, classes: int, widths: Sequence[int], halved: Sequence[int] = (2, 4, 6, 12)) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0])
        blocks = [Separable(widths[i - 1], widths[i], 2 if i in halved else 1) for i in range(1, len(widths))]
        self.layers = nn.Sequential(*blocks)
        self.linear = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.layers(F.relu(self.bn1(self.conv1(x)))).mean((2, 3)))


class Inverted(nn.Module):
    """MobileNetV2's block: wider inside than at its ends, and linear at the last."""

    FOLDS = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))

    def __init__(self, inside: int, outside: int, wider: int, stride: int) -> None:
        super().__init__()
        width, self.stride = wider * inside, stride
        self.conv1, self.bn1 = nn.Conv2d(inside, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outside, 1, bias=False), nn.BatchNorm2d(outside)
        self.shortcut = nn.Sequential()
        if stride == 1 and inside != outside:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))))
        return out + self.shortcut(x) if self.stride == 1 else out


class MobileNetV2(nn.Module):
    """Seventeen inverted blocks; the stem and the first stages keep the image's size."""

    FOLDS = (("conv1", "bn1"), ("conv2", "bn2"))

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32)
        blocks, inside = [], 32
        stages = (
            (1, 16, 1, 1),
            (6, 24, 2, 1),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        )
        for wider, outside, count, stride in stages:
            for i in range(count):
                blocks.append(Inverted(inside, outside, wider, 1 if i else stride))
                inside = outside
        self.layers = nn.Sequential(*blocks)
        self.conv2, self.bn2 = nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280)
        self.linear = nn.Linear(1280, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(F.relu(self.bn1(self.conv1(x))))
        return self.linear(F.relu(self.bn2(self.conv2(x))).mean((2, 3)))


class Dense(nn.Module):
    """DenseNet's layer: what it computes is put before what it got."""

    FOLDS = (("conv1", "bn2"),)

    def __init__(self, inside: int, growth: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inside), nn.Conv2d(inside, 4 * growth, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x)))))), x], 1)


class Transition(nn.Module):
    """Half of the channels, half of the size."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.bn, self.conv = nn.BatchNorm2d(inside), nn.Conv2d(inside, inside // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.conv(F.relu(self.bn(x))), 2)


class DenseNet(nn.Module):
    """Four dense stages with transitions between."""

    dense1: nn.Module
    dense2: nn.Module
    dense3: nn.Module
    dense4: nn.Module
    trans1: nn.Module
    trans2: nn.Module
    trans3: nn.Module

    def __init__(self, classes: int, counts: Sequence[int], growth: int) -> None:
        super().__init__()
        width = 2 * growth
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        for i, count in enumerate(counts):
            setattr(self, f"dense{i + 1}", nn.Sequential(*(Dense(width + growth * j, growth) for j in range(count))))
            width += growth * count
            if i + 1 < len(counts):
                setattr(self, f"trans{i + 1}", Transition(width))
                width //= 2
        self.bn, self.linear = nn.BatchNorm2d(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.trans1(self.dense1(self.conv1(x)))
        x = self.dense4(self.trans3(self.dense3(self.trans2(self.dense2(x)))))
        return self.linear(F.relu(self.bn(x)).mean((2, 3)))


DENSE = {
    "densenet_cifar": ((6, 12, 24, 16), 12), "densenet121": ((6, 12, 24, 16), 32), "densenet169": ((6, 12, 32, 32), 32),
    "densenet201": ((6, 12, 48, 32), 32), "densenet161": ((6, 12, 36, 24), 48),
}  # fmt: skip


def mobilenet(classes: int) -> nn.Module:
    """MobileNet."""
    return MobileNet(classes, (32, 64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024))


def mobilenet_small(classes: int) -> nn.Module:
    """MobileNet with a quarter of the channels and seven of the thirteen convolutions, which trains within minutes."""
    return MobileNet(classes, (8, 16, 32, 32, 64, 64, 128, 256), (2, 4, 6))


def vgg11_bn_small(classes: int) -> nn.Module:
    """VGG-11 with normalisation and a quarter of the channels."""
    return VGG(classes, [width // 4 for width in WIDTHS[11]])


def mobilenet_v2(classes: int) -> nn.Module:
    """MobileNetV2."""
    return MobileNetV2(classes)


def __getattr__(name: str) -> Callable[[int], nn.Module]:
    """`vgg16_bn`, with `_512` or `_4096` two hidden layers of as many units; `densenet121` and its siblings."""
    if name in DENSE:
        return lambda classes: DenseNet(classes, *DENSE[name])
    depth, _, rest = name.removeprefix("vgg").partition("_bn")
    hidden = rest.removeprefix("_") or "0"
    if (
        not name.startswith("vgg")
        or not depth.isdecimal()
        or int(depth) not in WIDTHS
        or hidden not in ("0", "512", "4096")
    ):
        raise AttributeError(name)
    return lambda classes: VGG(classes, WIDTHS[int(depth)], int(hidden))
