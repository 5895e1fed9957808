"""F over a fixed, declared set of images and places, so that {F >= beta} is a well defined set.

Unlike the surrogate of `mesa_core.method.surrogate`, which draws anew at each step, the same trigger always has the same F
here. The images are the defender's, drawn by seed; how many there are is a declared parameter.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mesa_core.apply.anywhere import Anywhere
from mesa_core.apply.rule import Apply, opacity_of
from mesa_core.victims.victim import Victim
from mesa_core.victims.windows import prepare

CHUNK = 2048  # stamped images in one pass
MEMORY = 64 << 20  # bytes that the maps of the clean images may take; see `mesa_core.victims.windows`


class FixedSuccess:
    """F(x) for triggers `(n, 3*s*s)`: the target's softmax, averaged over `count` fixed pairs of image and place.

    `victim` is frozen and folded; `images` uint8 `(m, 3, h, w)`.
    """

    def __init__(
        self,
        victim: Victim,
        images: Tensor,
        target: int,
        seed: int,
        count: int = 32,
        size: int = 3,
        rule: Apply | None = None,
    ) -> None:
        self.rule = Anywhere() if rule is None else rule
        host = torch.Generator().manual_seed(seed)
        pick = torch.randperm(len(images), generator=host)[:count]
        self.victim, self.target, self.size = victim, target, size
        fixed = images[pick.to(images.device)]
        self.images = victim.normalise.images(fixed)  # (K, 3, h, w)
        self.where = self.rule.places(len(pick), tuple(images.shape[-2:]), size, host).to(images.device)
        # Whoever fixes images asks about them thousands of times.
        known = opacity_of(self.rule) is not None
        self.local = prepare(victim, fixed, size, float("inf"), MEMORY) if known else None

    def _chance(self, places: Tensor) -> Tensor:
        """The target's softmax of each trigger on each image, `(n, K)`."""
        n, k = len(places), len(self.images)
        patches = self.victim.normalise.triggers(places.view(n, 3, self.size, self.size)).repeat_interleave(k, 0)
        where = self.where.repeat(n, 1)
        opacity = opacity_of(self.rule)
        if self.local is not None and opacity is not None:
            logits = self.local(torch.arange(k, device=where.device).repeat(n), patches, where, opacity)
        else:
            stamped = self.rule(self.images.repeat(n, 1, 1, 1), patches, where)  # (n*K, 3, h, w)
            stamped = stamped.contiguous(memory_format=self.victim.compute.memory_format)
            logits = self.victim.logits(stamped)
        return logits.float().softmax(1)[:, self.target].view(n, k)  # (n*K,) -> (n, K)

    @torch.no_grad()
    def value(self, places: Tensor) -> Tensor:
        """F, `(n,)`."""
        each = max(1, CHUNK // len(self.images))
        return torch.cat([self._chance(part).mean(1) for part in places.split(each)])

    def slope(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """F, `(n,)`, and its gradient, `(n, d)`."""
        values, slopes = [], []
        for part in places.split(max(1, CHUNK // len(self.images))):
            leaf = part.detach().requires_grad_()
            value = self._chance(leaf).mean(1)
            (slope,) = torch.autograd.grad(value.sum(), leaf)
            values.append(value.detach())
            slopes.append(slope)
        return torch.cat(values), torch.cat(slopes)
