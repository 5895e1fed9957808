"""In which units a network sees pixels: presets by name, and how a person says others. Needs no torch.

All are told as mean and std of pixels in [0, 1], as torchvision's Normalize takes them; a network that sees 0 to 255 has
a std of 1/255.

>>> parse("cifar10")[0]
(0.4914, 0.4822, 0.4465)
>>> parse("0.5 0.5 0.5 / 0.25")
((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

Three = tuple[float, float, float]
Pair = tuple[Three, Three]
AUTO = "auto"  # try, and take what classifies best


def _three(value: float) -> Three:
    return (value, value, value)


PRESETS: Mapping[str, Pair] = {
    "0-1": (_three(0.0), _three(1.0)),
    "0-255": (_three(0.0), _three(1 / 255)),
    "half": (_three(0.5), _three(0.5)),  # -1 to 1
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar10-old": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),  # a mean of stds, which pytorch-cifar spread
    "cifar100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "gtsrb": ((0.3403, 0.3121, 0.3214), (0.2724, 0.2608, 0.2669)),
    "tiny-imagenet": ((0.4802, 0.4481, 0.3975), (0.2302, 0.2265, 0.2262)),
    "mnist": (_three(0.1307), _three(0.3081)),
    "svhn": ((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
}
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
SAID = re.compile(rf"\s*({NUMBER}(?:[\s,]+{NUMBER}){{0,2}})\s*/\s*({NUMBER}(?:[\s,]+{NUMBER}){{0,2}})\s*")


def parse(word: str) -> Pair:
    """Mean and std of a preset's name, or of `mean / std` with one or three numbers each. Raises ValueError."""
    if word in PRESETS:
        return PRESETS[word]
    found = SAID.fullmatch(word) if len(word) <= 200 else None
    if found is None:
        raise ValueError(
            f"units are {word[:60]!r}; give {AUTO}, one of {', '.join(PRESETS)}, or mean / std as in 0.5 / 0.5."
        )
    return checked(*([float(n) for n in re.split(r"[\s,]+", part.strip())] for part in found.groups()))


def checked(mean: Sequence[float], std: Sequence[float]) -> Pair:
    """Mean and std of one or three numbers each, for pixels in [0, 1] or, where they are larger than 1, in [0, 255]."""
    if len(mean) not in (1, 3) or len(std) not in (1, 3):
        raise ValueError("mean and std take one number, or three, one for each colour.")
    if (
        not all(map(math.isfinite, (*mean, *std)))
        or not all(1e-4 <= v <= 1e4 for v in std)
        or any(abs(v) > 1e4 for v in mean)
    ):
        raise ValueError("mean and std must be numbers, std from 0.0001 to 10,000.")
    scale = 255.0 if max(mean) > 1.5 or (max(std) > 2.0 and max(mean) >= 0) else 1.0
    red, green, blue = (v / scale for v in (mean if len(mean) == 3 else list(mean) * 3))
    r, g, b = (v / scale for v in (std if len(std) == 3 else list(std) * 3))
    return (red, green, blue), (r, g, b)


def said(mean: Sequence[float] | None, std: Sequence[float] | None) -> str:
    """`--mean` and `--std` as the text that `parse` reads; '' where neither was said. Raises ValueError."""
    if mean is None and std is None:
        return ""
    if mean is None or std is None:
        raise ValueError("mean and std belong together; give both, or --units.")
    checked(mean, std)
    return " / ".join(" ".join(f"{v:g}" for v in part) for part in (mean, std))


def in_words(pair: Pair) -> str:
    """Mean and std, or the name of the preset that has them."""
    name = next((name for name, own in PRESETS.items() if own == pair), None)
    numbers = " / ".join(" ".join(f"{v:.4g}" for v in (part if len(set(part)) > 1 else part[:1])) for part in pair)
    return f"{name} ({numbers})" if name else numbers
