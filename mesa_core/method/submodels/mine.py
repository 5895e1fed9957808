"""Sub-models trained with MINE: Algorithm 2, equations 3 and 4.

A generator G turns noise z into triggers; a statistics network T bounds the mutual information of the two,

    I_T(x; z) = E_joint[T] - log E_marginals[exp T]   (eq. 3),

which for a deterministic G stands for the entropy of its output (eq. 2), and G minimises

    L = max(0, beta - F(G(z))) - alpha I_T(G(z); z)   (eq. 4).

Both networks *ascend* I_T, so one pass through T serves both: its gradient with respect to T's weights updates T,
and that with respect to the triggers, times alpha, joins the victim's on its way into G. N sub-models are trained at
once, their weights stacked along a first dimension; since no weight is shared, the sum of their losses trains each
as if it were alone.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mesa_core.config import ExperimentConfig
from mesa_core.method.submodels.base import Diagnostics, Wanted
from mesa_core.method.submodels.generators import SLOPE, Generators, StackedLinear
from mesa_core.method.surrogate import Surrogate


class Statistics(nn.Module):
    """T: triggers and noise each through a linear layer, added, then two more (Appendix B)."""

    def __init__(
        self,
        groups: int,
        trigger_dim: int,
        noise_dim: int,
        hidden: int,
        last_activation: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.of_trigger = StackedLinear(groups, trigger_dim, hidden, generator)
        self.of_noise = StackedLinear(groups, noise_dim, hidden, generator)
        self.second = StackedLinear(groups, hidden, hidden, generator)
        self.third = StackedLinear(groups, hidden, 1, generator)
        self.last_activation = last_activation

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """T on pairs from the joint and from the product of the marginals, each `(N, n)`."""
        a, b = self.of_trigger(x), self.of_noise(z)
        # A batch is independent draws, so each trigger with its neighbour's noise is a draw from the marginals; the
        # first layer is linear in both, so it is computed once.
        h = F.leaky_relu(torch.cat([a + b, a + b.roll(1, 1)], 1), SLOPE)  # (N, 2n, hidden)
        h = self.third(F.leaky_relu(self.second(h), SLOPE)).squeeze(2)  # (N, 2n)
        h = F.leaky_relu(h, SLOPE) if self.last_activation else h
        joint, product = h.chunk(2, 1)
        return joint, product


def information_bound(joint: Tensor, product: Tensor, average: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """I_T of eq. 3 for each group, `(N,)`, and the estimate of E[exp T].

    With `average`, a moving average of E[exp T], the gradient uses that in the denominator instead of the batch's
    own (MINE, Section 3.2), which removes most of its bias; the value stays that of the batch.
    """
    log_mean = torch.logsumexp(product, 1) - math.log(product.shape[1])
    bound = joint.mean(1) - log_mean
    mean = log_mean.detach().exp()
    if average is not None:
        surrogate = joint.mean(1) - product.exp().mean(1) / average
        bound = surrogate + (bound - surrogate).detach()
    return bound, mean


class Mine(Generators):
    """N generators with their statistics networks, trained together."""

    kind = "mine"

    def __init__(self, betas: Tensor, *, last_activation: bool = False, average: float = 0.0, **given: Any) -> None:
        super().__init__(betas, **given)
        self.statistics = Statistics(len(betas), self.dim, self.noise_dim, self.hidden, last_activation, self.host).to(
            betas.device
        )
        self.parts["statistics"] = self.statistics
        self.optimiser = self.make_optimiser()
        self.rate = average
        self.average: Tensor | None = None

    @classmethod
    def of(cls, betas: Tensor, config: ExperimentConfig, wanted: Wanted) -> Mine:
        given = cls.settings(config, wanted)
        return cls(betas, last_activation=config.last_activation, average=config.mine_average, **given)

    def losses(self, surrogate: Surrogate, generator: torch.Generator) -> Diagnostics:
        """Fill the gradients of one step of eq. 4 (and of the ascent of T)."""
        self.optimiser.zero_grad(set_to_none=True)
        z = self.draw_noise(self.batch, generator)
        x = self.generator.train()(z)  # (N, n, d)
        shown = x.detach().requires_grad_()
        joint, product = self.statistics(shown, z)
        information, mean = information_bound(joint, product, self._average())
        (-information.sum()).backward()  # ascends in T; the triggers' part is taken up below
        pull = self.alpha * shown.grad
        shown = x.detach().requires_grad_()
        success = surrogate(self.triggers(shown), generator)  # (N, n)
        hinge = F.relu(self.betas[:, None] - success).mean(1)
        hinge.sum().backward()
        x.backward(shown.grad + pull)
        if self.rate:
            self.average = mean if self.average is None else torch.lerp(self.average, mean, self.rate)
        return Diagnostics(success.detach().mean(1), hinge.detach(), information.detach())

    def _average(self) -> Tensor | None:
        return self.average if self.rate else None

    def step(self, surrogate: Surrogate, generator: torch.Generator) -> Diagnostics:
        diagnostics = self.losses(surrogate, generator)
        self.optimiser.step()
        return diagnostics
