"""Which architectures a file can be of, by the names and shapes of its weights, and by what it says itself.

Candidates are only proposed here, cheaply, by marks of a family; `networks.of` says whether one fits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from mesa_core.brought.matching import NOISE, Shape
from mesa_core.registry import load
from mesa_core.victims.names import ARCHITECTURES, FORMS

FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (  # a mark in the names, and what has it; the likeliest first
    (r"prep\.conv|res1\.0\.conv", ("resnet9-16", "resnet9-32", "resnet9-64")),
    (r"(^|\.)block1\.(layer\.)?0\.", ("wrn",)),
    (r"layer3\.0\.(conv1|bn1)", ("resnet18", "preact-resnet18", "resnet34", "resnet50", "preact-resnet34", "preact-resnet50", "resnet101",
        "resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet20-projected", "resnet32-projected", "resnet44-projected",
        "resnet56-projected", "torchvision:resnet18", "torchvision:resnet34", "torchvision:resnet50", "torchvision:resnet101",
        "torchvision:resnet152", "torchvision:resnext50_32x4d", "torchvision:resnext101_32x8d", "torchvision:resnext101_64x4d",
        "torchvision:wide_resnet50_2", "torchvision:wide_resnet101_2", "wrn")),
    (r"dense1\.0\.bn1", ("densenet-cifar", "densenet121", "densenet169", "densenet201", "densenet161")),
    (r"denseblock1\.denselayer1", ("torchvision:densenet121", "torchvision:densenet161", "torchvision:densenet169", "torchvision:densenet201")),
    (r"layers\.0\.conv1", ("mobilenet-v2", "mobilenet", "mobilenet-small")),
    (r"features\.\d+\.weight", ("vgg16-bn", "vgg19-bn", "vgg11-bn", "vgg13-bn", "vgg16-bn-512", "vgg19-bn-512", "vgg11-bn-512", "vgg13-bn-512",
        "vgg16-bn-4096", "vgg19-bn-4096", "vgg11-bn-4096", "vgg13-bn-4096", "torchvision:vgg19_bn", "torchvision:vgg16_bn", "torchvision:vgg16",
        "torchvision:vgg19", "torchvision:vgg11", "torchvision:vgg11_bn", "torchvision:vgg13", "torchvision:vgg13_bn", "torchvision:alexnet",
        "vgg11-bn-small")),
    (r"features\.1\.(conv|block)\.0|features\.1\.0\.block", ("torchvision:mobilenet_v3_large", "torchvision:mobilenet_v3_small",
        "torchvision:mobilenet_v2", "torchvision:efficientnet_b0", "torchvision:efficientnet_b3", "torchvision:efficientnet_b1",
        "torchvision:efficientnet_b2", "torchvision:efficientnet_b4", "torchvision:efficientnet_b5", "torchvision:efficientnet_v2_s",
        "torchvision:convnext_tiny", "torchvision:convnext_small", "torchvision:convnext_base", "torchvision:efficientnet_v2_m")),
    (r"encoder_layer_0\.", ("torchvision:vit_b_16", "torchvision:vit_b_32", "torchvision:vit_l_16", "torchvision:vit_l_32")),
    (r"transformer\.layers\.0\.0\.", ("vit-small", "vit-tiny")),
    (r"\.attn\.relative_position_bias_table", ("torchvision:swin_t", "torchvision:swin_s", "torchvision:swin_b", "torchvision:swin_v2_t")),
    (r"inception\w*\.branch1|inception3a", ("torchvision:googlenet",)),
    (r"Mixed_5b", ("torchvision:inception_v3",)),
    (r"\.squeeze\.weight", ("torchvision:squeezenet1_0", "torchvision:squeezenet1_1")),
    (r"stage2\.0\.branch", ("torchvision:shufflenet_v2_x1_0", "torchvision:shufflenet_v2_x0_5", "torchvision:shufflenet_v2_x1_5", "torchvision:shufflenet_v2_x2_0")),
    (r"trunk_output\.block1", ("torchvision:regnet_y_400mf", "torchvision:regnet_x_400mf", "torchvision:regnet_y_800mf", "torchvision:regnet_x_800mf")),
    (r"layers\.8\.0\.layers", ("torchvision:mnasnet1_0", "torchvision:mnasnet0_5")),
)  # fmt: skip
OF_TIMM: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"blocks\.0\.attn\.qkv", tuple(
        f"timm:{form}_{size}_patch{patch}_{side}" for form in ("vit", "deit") for size in ("tiny", "small", "base")
        for patch, side in ((16, 224), (32, 224), (16, 384)))),
    (r"conv_stem", ("timm:efficientnet_b0", "timm:efficientnet_b3", "timm:mobilenetv3_large_100", "timm:mobilenetv3_small_100", "timm:mobilenetv2_100", "timm:efficientnet_b1", "timm:efficientnet_b2")),
    (r"stages\.0\.blocks\.0\.(conv_dw|gamma)", ("timm:convnext_tiny", "timm:convnext_small", "timm:convnext_base", "timm:convnext_nano", "timm:convnext_atto")),
)  # fmt: skip
SPELT = {
    "preactresnet18": "preact-resnet18",
    "preact_resnet18": "preact-resnet18",
    "wideresnet": "wrn",
    "densenet_cifar": "densenet-cifar",
}


def candidates(shapes: Mapping[str, Shape], told: Mapping[str, str | int] | None = None) -> list[str]:
    """Names of architectures that weights of these names and shapes may be of, the likeliest first."""
    return list(dict.fromkeys(_proposed(shapes, told or {})))


def _proposed(shapes: Mapping[str, Shape], told: Mapping[str, str | int]) -> Iterator[str]:
    names = [".".join(part for part in key.split(".") if part not in NOISE) for key in shapes]
    arch = str(told.get("arch", "")).strip().lower()
    for name in (SPELT.get(arch, arch), arch.replace("_", "-"), f"torchvision:{arch}", f"timm:{arch}"):
        if arch and name in ARCHITECTURES and ":" not in arch and _there(name):
            yield name
    for mark, forms in (*FAMILIES, *(OF_TIMM if _timm() else ())):
        if any(re.search(mark, name) for name in names):
            for form in forms:
                yield from wide(shapes) if form == "wrn" else [form]
    marked = {form for _, forms in FAMILIES for form in forms}
    yield from (name for name in (*ARCHITECTURES, *FORMS) if name in marked)  # whoever gave it names of his own


def _there(name: str) -> bool:
    try:
        load(ARCHITECTURES[name])
    except (ValueError, KeyError):
        return False
    return True


def _timm() -> bool:
    from mesa_core.victims.forms.of_timm import there

    return there()


def without_timm(shapes: Mapping[str, Shape]) -> str:
    """What to say of weights that look like timm's where timm is not installed; '' elsewhere."""
    looks = any(re.search(mark, name) for mark, _ in OF_TIMM for name in shapes)
    return (
        "looks like a network of timm's; install that with: python -m pip install timm."
        if looks and not _timm()
        else ""
    )


def wide(shapes: Mapping[str, Shape]) -> list[str]:
    """A wide residual network's name by its shapes: the depth by its convolutions, the width by its last layer."""
    convs = [shape for shape in shapes.values() if len(shape) == 4 and shape[-1] == 3]
    heads = [shape for shape in shapes.values() if len(shape) == 2]
    if not convs or not heads:
        return []
    depth, width = len(convs) - 1 + 4, heads[-1][1] / 64
    name = f"wrn-{depth}-{int(width)}"
    return (
        [name]
        if depth % 6 == 4 and width == int(width) and name in ARCHITECTURES and 10 <= depth <= 100 and width <= 20
        else []
    )


def side_of(arch: str, shapes: Mapping[str, Shape]) -> int:
    """Of torchvision's vision transformers the side of the images that the file is for; 0 elsewhere."""
    if not arch.startswith("torchvision:vit_"):
        return 0
    tokens = next((shape[1] for key, shape in shapes.items() if key.endswith("pos_embedding") and len(shape) == 3), 0)
    patch = next(
        (shape[-1] for key, shape in shapes.items() if key.endswith("conv_proj.weight") and len(shape) == 4), 0
    )
    root = math.isqrt(max(0, tokens - 1))
    return root * patch if tokens and root * root == tokens - 1 else 0
