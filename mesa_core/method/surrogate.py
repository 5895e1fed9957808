"""F(x), the surrogate of the ASR that has a gradient: the target's softmax on stamped images (Algorithm 2, line 8)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mesa_core.apply.anywhere import Anywhere
from mesa_core.apply.rule import Apply, opacity_of
from mesa_core.data import ImageSet
from mesa_core.measures.goal import Goal, goal_of, turned
from mesa_core.victims.victim import Victim
from mesa_core.victims.windows import GRADIENT, Local, prepare

MEMORY = 300 << 20  # bytes that the maps of the clean images may take; see `mesa_core.victims.windows`


@dataclass(frozen=True)
class Surrogate:
    """F for a group of sub-models at once, each with its own target class.

    `victim` is frozen (see `Victim.freeze`), `images` uint8 `(m, 3, h, w)` are the defender's,
    `targets` int64 `(N,)`, `per_trigger` is K, the images over which F of one trigger is averaged. With `local`, only
    what triggers of its size change is computed. `rule` is how triggers are put on images.
    """

    victim: Victim
    images: Tensor
    targets: Tensor
    per_trigger: int = 1
    local: Local | None = None
    rule: Apply = field(default_factory=Anywhere)

    def expecting(self, gradients: int, size: int, memory: int = MEMORY) -> Surrogate:
        """The same, ready for so many gradients of images with triggers of `size` pixels, where that needs preparing."""
        passes = GRADIENT * gradients
        known = opacity_of(self.rule) is not None
        return replace(self, local=prepare(self.victim, self.images, size, passes, memory) if known else None)

    def __call__(self, triggers: Tensor, generator: torch.Generator) -> Tensor:
        """F of `triggers` `(N, n, 3, s, s)` in [0, 1], or `(N, n, 4, s, s)` with opacities, on freshly drawn images and locations: `(N, n)`."""
        return self.log_chance(triggers, generator).exp().mean(2)

    def cross_entropy(self, triggers: Tensor, generator: torch.Generator) -> Tensor:
        """Mean cross-entropy towards the target class, which pixel-space optimisation minimises: `(N, n)`."""
        return -self.log_chance(triggers, generator).mean(2)

    def log_chance(self, triggers: Tensor, generator: torch.Generator) -> Tensor:
        """Log of what F counts, such as the target's softmax, for each of K images, `(N, n, K)`."""
        groups, n = triggers.shape[:2]
        count = groups * n * self.per_trigger
        pick = torch.randint(len(self.images), (count,), generator=generator, device=generator.device)
        where = self.rule.places(count, self.images.shape[-2:], triggers.shape[-1], generator)
        patches = self.victim.normalise.triggers(triggers.flatten(0, 1)).repeat_interleave(self.per_trigger, 0)
        logs = self._logits(pick, patches, where).float().log_softmax(1)  # (N*n*K, C)
        return self.counted(logs, pick).view(groups, n, self.per_trigger)  # (N*n*K, 1) or (N*n*K,) -> (N, n, K)

    def counted(self, logs: Tensor, pick: Tensor) -> Tensor:
        """What F counts of log softmaxes `(N*n*K, C)`, group by group, of the images `pick` `(N*n*K,)`: the target's."""
        wanted = self.targets.repeat_interleave(len(logs) // len(self.targets))  # (N*n*K,)
        return logs.gather(1, wanted[:, None])

    def _logits(self, pick: Tensor, patches: Tensor, where: Tensor) -> Tensor:
        """The victim's answers `(m, classes)` to images by index `(m,)`, stamped with `(m, 3, s, s)` at `(m, 2)`."""
        opacity = opacity_of(self.rule)
        if self.local is not None and opacity is not None:
            return self.local(pick, patches, where, opacity)
        return self.victim.logits(self.rule(self.victim.inputs(self.images[pick]), patches, where))


@dataclass(frozen=True)
class EachToIts(Surrogate):
    """F of an all-to-all backdoor: the softmax of the class to which each image is to go; `wanted` int64 `(m,)`, of each image."""

    wanted: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))

    def counted(self, logs: Tensor, pick: Tensor) -> Tensor:
        """That of each image's own goal."""
        return logs.gather(1, self.wanted[pick][:, None])


def towards(
    goal: Goal, victim: Victim, images: ImageSet, groups: int, per_trigger: int = 1, rule: Apply | None = None
) -> Surrogate:
    """F of so many groups of triggers that are to send `images` to `goal`; of an all-to-all one only those count that it turns."""
    rule, device = Anywhere() if rule is None else rule, images.images.device
    if isinstance(goal, int):
        targets = torch.full((groups,), goal, device=device)
        return Surrogate(victim, images.images, targets, per_trigger, rule=rule)
    own = images.take(turned(goal, images.labels).nonzero().squeeze(1))
    targets = torch.zeros(groups, dtype=torch.int64, device=device)  # not asked for: each image has its own
    return EachToIts(victim, own.images, targets, per_trigger, rule=rule, wanted=goal_of(goal, own.labels))
