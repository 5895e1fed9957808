"""A small vision transformer for 32x32 images, patches of 4x4 pixels.

Source: Dosovitskiy et al. 2021. Names of parameters as in the PyTorch form that CIFAR repositories share
(`to_patch_embedding`, `transformer.layers.0.0.fn.to_qkv`, `mlp_head`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PreNorm(nn.Module):
    """Layer normalisation, then `fn`."""

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(width), fn

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(self.norm(x))


class FeedForward(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Identity(), nn.Linear(hidden, width), nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, heads: int, each: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * heads * each, bias=False)
        self.to_out = nn.Sequential(nn.Linear(heads * each, width), nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        n, count, _ = x.shape
        q, k, v = self.to_qkv(x).view(n, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, count, -1))


class Transformer(nn.Module):
    """Attention and feed-forward by turns, each added to what it got."""

    def __init__(self, width: int, depth: int, heads: int, each: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([PreNorm(width, Attention(width, heads, each)), PreNorm(width, FeedForward(width, hidden))]) for _ in range(depth)
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        for one in self.layers:
            assert isinstance(one, nn.ModuleList)
            x = one[0](x) + x
            x = one[1](x) + x
        return x


class ViT(nn.Module):
    """Patches, a class token, a transformer, a linear layer; images of one size, 3 channels."""

    def __init__(
        self, classes: int, side: int, patch: int, width: int, depth: int, heads: int, hidden: int, each: int = 64
    ) -> None:
        super().__init__()
        self.patch, self.side = patch, side
        self.pos_embedding = nn.Parameter(torch.randn(1, (side // patch) ** 2 + 1, width))
        self.cls_token = nn.Parameter(torch.randn(1, 1, width))
        self.to_patch_embedding = nn.Sequential(nn.Identity(), nn.Linear(3 * patch * patch, width))
        self.transformer = Transformer(width, depth, heads, each, hidden)
        self.mlp_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        p = self.patch
        x = (
            x.reshape(n, channels, height // p, p, width // p, p)
            .permute(0, 2, 4, 3, 5, 1)
            .reshape(n, -1, p * p * channels)
        )
        x = torch.cat([self.cls_token.expand(n, -1, -1), self.to_patch_embedding(x)], 1) + self.pos_embedding
        return self.mlp_head(self.transformer(x)[:, 0])


def vit_small(classes: int) -> nn.Module:
    """Six layers of width 512, eight heads."""
    return ViT(classes, 32, 4, 512, 6, 8, 512)


def vit_tiny(classes: int) -> nn.Module:
    """Four layers of width 512, six heads."""
    return ViT(classes, 32, 4, 512, 4, 6, 256)
