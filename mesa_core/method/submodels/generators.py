"""Generators, as Appendix B has them: noise in, triggers out. What they are trained by is a kind's own affair.

N networks are held side by side, their weights stacked along a first dimension; since no weight is shared, the sum of
their losses trains each as if it were alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mesa_core.config import ExperimentConfig
from mesa_core.method.submodels.base import SubModels, Wanted, common, part
from mesa_core.triggers import COLOURS

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
        self.mean: Tensor
        self.var: Tensor
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
    """Three layers from noise `(N, n, noise_dim)` to triggers `(N, n, k*s*s)` in (0, 1).

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


class Generators(SubModels):
    """What kinds that train such generators share: their noise, their samples, their optimiser, and saving them.

    `parts` are the networks by name, all of which are trained and saved; a kind adds its own, drawn from `host`, and
    then asks for the optimiser.
    """

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
        size: int = 3,
        cell: int = COLOURS,
        seed: int = 0,
    ) -> None:
        self.betas, self.alpha, self.batch, self.size, self.cell = betas, alpha, batch, size, cell
        self.noise, self.noise_dim, self.hidden, self.dim = noise, noise_dim, hidden, cell * size * size
        self.lr, self.beta1 = lr, beta1
        self.host = torch.Generator().manual_seed(seed)  # weights are drawn on the host: equal on every device
        self.generator = self.make_generator(every_layer).to(betas.device)
        self.parts: dict[str, nn.Module] = {"generator": self.generator}

    def make_generator(self, every_layer: bool) -> nn.Module:
        """N networks from noise `(N, n, noise_dim)` to triggers `(N, n, dim)` in (0, 1), drawn from `host`."""
        return Generator(len(self.betas), self.noise_dim, self.hidden, self.dim, every_layer, self.host)

    @staticmethod
    def settings(config: ExperimentConfig, wanted: Wanted) -> dict[str, Any]:
        """What the configuration says of every kind that trains generators."""
        return common(config, wanted) | {
            "lr": config.mesa_lr,
            "beta1": config.mesa_beta1,
            "noise": config.noise,
            "noise_dim": config.noise_dim,
            "hidden": config.hidden,
            "every_layer": config.noise_every_layer,
        }

    def make_optimiser(self) -> torch.optim.Optimizer:
        """Adam over all `parts`."""
        every = [weight for module in self.parts.values() for weight in module.parameters()]
        return torch.optim.Adam(every, self.lr, betas=(self.beta1, 0.999), foreach=True)

    def draw_noise(self, n: int, generator: torch.Generator) -> Tensor:
        """z, `(N, n, noise_dim)`: standard normal, or uniform on [-1, 1]."""
        shape = (len(self.betas), n, self.noise_dim)
        if self.noise == "normal":
            return torch.randn(shape, generator=generator, device=generator.device)
        return torch.rand(shape, generator=generator, device=generator.device) * 2 - 1

    @torch.no_grad()
    def settle(self, generator: torch.Generator, n: int = 1024) -> None:
        """Take the normalisation's statistics from a large batch, so that samples do not depend on their company."""
        self.generator.train()(self.draw_noise(n, generator))
        self.generator.eval()

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        self.settle(generator)
        return self.triggers(self.generator(self.draw_noise(n, generator)))

    def entropy(self) -> list[dict[str, Any] | None]:
        # What they ascend is no measure: no batch of n pairs vouches for more than about log n nats (MINE), and
        # triggers that repel each other lie further apart than independent ones (nearest neighbours).
        return [None] * len(self.betas)

    def state(self) -> dict[str, Tensor]:
        named = self.parts.items()
        return {f"{name}.{k}": v.detach().clone() for name, module in named for k, v in module.state_dict().items()}

    def load(self, state: dict[str, Tensor]) -> None:
        for name, module in self.parts.items():
            module.load_state_dict(part(state, name))
