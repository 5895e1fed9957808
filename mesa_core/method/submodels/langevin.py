"""Langevin moves with a truncated drift and Metropolis's correction (MALTA), for many groups of particles at once.

Source: Roberts and Tweedie, Bernoulli 2 (1996); the share of accepted moves that a stride is steered to: Roberts and
Rosenthal, J. R. Stat. Soc. B 60 (1998), who have 0.57.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Energy = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Minus the log of the law, up to a constant, of places `(N, n, d)`: `(N, n)`, and its gradient `(N, n, d)`."""

ACCEPTED = 0.6
SHORTEST, LONGEST = 1e-6, 1.0  # bounds of a stride


def walk(
    energy: Energy, places: Tensor, stride: Tensor, moves: int, generator: torch.Generator, adapt: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """`moves` moves of `places` `(N, n, d)`; returns the places, the stride and the share of moves accepted, `(N, 1)` both.

    Moves leave the law exp(-energy) as it is; with `adapt`, which steers the stride after each, only nearly.
    """
    value, slope = energy(places)
    accepted = torch.zeros_like(stride)
    for _ in range(moves):
        noise = torch.randn(places.shape, generator=generator, device=places.device)
        wide = stride[..., None]  # (N, 1, 1)
        to = places - drift(slope, stride) + (2 * wide).sqrt() * noise
        new_value, new_slope = energy(to)
        back = (places - to + drift(new_slope, stride)).square().sum(2) / (4 * stride)
        chance = value - new_value - back + noise.square().sum(2) / 2  # log of the acceptance ratio
        draw = torch.rand(chance.shape, generator=generator, device=places.device)
        moved = draw.log() < chance  # (N, n)
        places = torch.where(moved[..., None], to, places)
        value, slope = torch.where(moved, new_value, value), torch.where(moved[..., None], new_slope, slope)
        share = moved.float().mean(1, keepdim=True)
        accepted = accepted + share / moves
        if adapt:
            stride = steer(stride, share, 0.2)
    return places, stride, accepted


def steer(stride: Tensor, accepted: Tensor, gain: float) -> Tensor:
    """A stride `(N, 1)` that brings the share of accepted moves `(N, 1)` nearer to `ACCEPTED`."""
    return (stride * torch.exp(gain * (accepted - ACCEPTED))).clamp(SHORTEST, LONGEST)


def drift(slope: Tensor, stride: Tensor) -> Tensor:
    """The part of a move that follows the slope `(N, n, d)`: never longer than its noise is in the mean.

    Beyond a sharp edge the slope is huge; a particle there would overshoot at every try, and be stuck.
    """
    far = stride[..., None] * slope
    most = (2 * stride[..., None] * slope.shape[2]).sqrt()
    return far * (most / far.norm(dim=2, keepdim=True).clamp(min=1e-12)).clamp(max=1)
