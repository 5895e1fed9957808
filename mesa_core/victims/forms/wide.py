"""Wide residual networks: `wrn_28_10` and the like, by depth and width.

Source: Zagoruyko and Komodakis 2016. Names of parameters as in the widespread PyTorch form (`block1.layer.0.bn1`,
`convShortcut`, `fc`).
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F


class WideBlock(nn.Module):
    """Two 3x3 convolutions, normalised before each; where the shape changes the shortcut begins after the first ReLU."""

    FOLDS = (("conv1", "bn2"),)

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inside), nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(outside), nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        if inside != outside:
            self.convShortcut = nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        ready = F.relu(self.bn1(x))
        shortcut = self.convShortcut(ready) if hasattr(self, "convShortcut") else x
        return shortcut + self.conv2(F.relu(self.bn2(self.conv1(ready))))


class WideStage(nn.Module):
    """Blocks one after another."""

    def __init__(self, count: int, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        blocks = [WideBlock(inside if not i else outside, outside, stride if not i else 1) for i in range(count)]
        self.layer = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class WideResNet(nn.Module):
    """`depth` = 6n+4 layers, `width` times 16, 32 and 64 channels."""

    def __init__(self, classes: int, depth: int, width: int) -> None:
        super().__init__()
        count, sizes = (depth - 4) // 6, [16, *(16 * width * 2**i for i in range(3))]
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.block1, self.block2, self.block3 = (
            WideStage(count, sizes[i], sizes[i + 1], 2 if i else 1) for i in range(3)
        )
        self.bn1 = nn.BatchNorm2d(sizes[-1])
        self.fc = nn.Linear(sizes[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))


def __getattr__(name: str) -> Callable[[int], nn.Module]:
    """`wrn_D_K`: depth and width."""
    word, _, numbers = name.partition("_")
    depth, _, width = numbers.partition("_")
    if word != "wrn" or not (depth.isdecimal() and width.isdecimal()):
        raise AttributeError(name)
    if not (10 <= int(depth) <= 100 and int(depth) % 6 == 4 and 1 <= int(width) <= 20):
        raise ValueError(f"A wide network has 6n+4 layers, at most 100, and a width up to 20, not {depth} and {width}.")
    return lambda classes: WideResNet(classes, int(depth), int(width))
