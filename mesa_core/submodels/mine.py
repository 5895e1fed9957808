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

from mesa_core.submodels.base import Diagnostics, SubModels
from mesa_core.surrogate import Surrogate

SLOPE = 0.2  # of the leaky ReLU (Appendix B)


class StackedLinear(nn.Module):
    """N linear layers side by side: `(N, n, inside)` to `(N, n, outside)`."""

    def __init__(self, groups: int, inside: int, outside: int, generator: torch.Generator) -> None:
        super().__init__()
        bound = inside**-0.5  # the law of nn.Linear
        draw = lambda *shape: (torch.rand(shape, generator=generator) * 2 - 1) * bound
        self.weight = nn.Parameter(draw(groups, inside, outside))
        self.bias = nn.Parameter(draw(groups, 1, outside))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class StackedNorm(nn.Module):
    """Batch normalisation of N groups, each over its own batch `(N, n, width)`."""

    def __init__(self, groups: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(groups, 1, width))
        self.bias = nn.Parameter(torch.zeros(groups, 1, width))
        self.register_buffer("mean", torch.zeros(groups, 1, width))
        self.register_buffer("var", torch.ones(groups, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            var, mean = torch.var_mean(x, 1, keepdim=True, correction=0)
            self.var.copy_(var.detach()), self.mean.copy_(mean.detach())
        else:
            var, mean = self.var, self.mean
        return torch.addcmul(self.bias, (x - mean) * torch.rsqrt(var + 1e-5), self.weight)


class Generator(nn.Module):
    """Three layers from noise `(N, n, noise_dim)` to triggers `(N, n, 3*s*s)` in (0, 1).

    With `every_layer` each layer receives its own third of the noise, as in the authors' code, which feeds noise to
    every layer and does not collapse; else all of it enters the first.
    """

    def __init__(
        self, groups: int, noise_dim: int, hidden: int, outside: int, every_layer: bool, generator: torch.Generator
    ) -> None:
        super().__init__()
        third = noise_dim // 3
        self.parts = (noise_dim - 2 * third, third, third) if every_layer else (noise_dim, 0, 0)
        widths = ((0, hidden), (hidden, hidden), (hidden, outside))
        self.layers = nn.ModuleList(
            StackedLinear(groups, inside + part, out, generator)
            for (inside, out), part in zip(widths, self.parts, strict=True)
        )
        self.norms = nn.ModuleList(StackedNorm(groups, hidden) for _ in range(2))

    def forward(self, noise: Tensor) -> Tensor:
        first, *later = noise.split([p for p in self.parts if p], 2)
        x = F.leaky_relu(self.norms[0](self.layers[0](first)), SLOPE)
        x = torch.cat([x, later[0]], 2) if later else x
        x = F.leaky_relu(self.norms[1](self.layers[1](x)), SLOPE)
        x = torch.cat([x, later[1]], 2) if later else x
        return torch.sigmoid(self.layers[2](x))


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


class Mine(SubModels):
    """N generators with their statistics networks, trained together."""

    kind = "mine"

    def __init__(
        self,
        betas: Tensor,
        *,
        alpha: float,
        batch: int,
        lr: float,
        beta1: float,
        noise: str = "normal",
        noise_dim: int = 64,
        hidden: int = 512,
        every_layer: bool = True,
        last_activation: bool = False,
        average: float = 0.0,
        size: int = 3,
        seed: int = 0,
    ) -> None:
        self.betas, self.alpha, self.batch, self.size = betas, alpha, batch, size
        self.noise, self.noise_dim, self.rate = noise, noise_dim, average
        groups, device, outside = len(betas), betas.device, 3 * size * size
        host = torch.Generator().manual_seed(seed)  # weights are drawn on the host: equal on every device
        self.generator = Generator(groups, noise_dim, hidden, outside, every_layer, host).to(device)
        self.statistics = Statistics(groups, outside, noise_dim, hidden, last_activation, host).to(device)
        both = [*self.generator.parameters(), *self.statistics.parameters()]
        self.optimiser = torch.optim.Adam(both, lr, betas=(beta1, 0.999), foreach=True)
        self.average: Tensor | None = None

    def draw_noise(self, n: int, generator: torch.Generator) -> Tensor:
        """z, `(N, n, noise_dim)`: standard normal, or uniform on [-1, 1]."""
        shape = (len(self.betas), n, self.noise_dim)
        if self.noise == "normal":
            return torch.randn(shape, generator=generator, device=generator.device)
        return torch.rand(shape, generator=generator, device=generator.device) * 2 - 1

    def losses(self, surrogate: Surrogate, generator: torch.Generator) -> Diagnostics:
        """Fill the gradients of one step of eq. 4 (and of the ascent of T)."""
        self.optimiser.zero_grad(set_to_none=True)
        z = self.draw_noise(self.batch, generator)
        x = self.generator.train()(z)  # (N, n, 3*s*s)
        shown = x.detach().requires_grad_()
        information, mean = information_bound(*self.statistics(shown, z), self._average())
        (-information.sum()).backward()  # ascends in T; the triggers' part is taken up below
        pull = self.alpha * shown.grad
        shown = x.detach().requires_grad_()
        success = surrogate(shown.view(*x.shape[:2], 3, self.size, self.size), generator)  # (N, n)
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

    @torch.no_grad()
    def settle(self, generator: torch.Generator, n: int = 1024) -> None:
        """Take the normalisation's statistics from a large batch, so that samples do not depend on their company."""
        self.generator.train()(self.draw_noise(n, generator))
        self.generator.eval()

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        self.settle(generator)
        x = self.generator(self.draw_noise(n, generator))
        return x.view(*x.shape[:2], 3, self.size, self.size)  # (N, n, 3*s*s) -> (N, n, 3, s, s)

    def entropy(self) -> list[dict[str, Any] | None]:
        # No batch of n pairs can vouch for more than about log n nats, and entropies here differ by tens.
        return [None] * len(self.betas)

    def state(self) -> dict[str, Tensor]:
        parts = {"generator": self.generator, "statistics": self.statistics}
        return {f"{name}.{k}": v.detach().clone() for name, part in parts.items() for k, v in part.state_dict().items()}

    def load(self, state: dict[str, Tensor]) -> None:
        for name, part in (("generator", self.generator), ("statistics", self.statistics)):
            own = {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}
            part.load_state_dict(own)
