"""Particles against laws that are known: their moves on a given map, and their map on a given F."""

import pytest
import torch

from mesa_core.method.submodels.particles import Particles


class Half:
    """F is 1 where the first pixel exceeds a half, 0 elsewhere, with a soft edge; single images answer noisily."""

    def __init__(self, noise=0.0):
        self.noise = noise

    def __call__(self, triggers, generator):
        clear = torch.sigmoid(30 * (triggers.flatten(2)[:, :, 0] - 0.5))
        draw = torch.rand(clear.shape, generator=generator)
        return clear * (1 - self.noise) + self.noise * clear * (2 * draw)


def trained(surrogate, steps=120, seed=0, **more):
    made = Particles(
        torch.tensor([0.9]), **{"alpha": 0.1, "batch": 32, "steps": steps, "shared": True, **more}, seed=seed
    )
    draw = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        made.step(surrogate, draw)
    return made, draw


def test_without_an_edge_the_moves_keep_the_uniform_law():
    made, draw = (
        Particles(torch.tensor([0.9]), alpha=0.1, batch=8, steps=10, shared=True),
        torch.Generator().manual_seed(0),
    )
    assert made.sharpness == 0
    made.places = made.walk(made.places, 200, draw, adapt=True)
    x = made.sample(512, draw).flatten(2)
    assert x.mean() == pytest.approx(0.5, abs=0.02)
    assert x.std() == pytest.approx(12**-0.5, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_they_fill_the_valid_set_and_nothing_else(noise):
    made, draw = trained(Half(noise), steps=200)
    x = made.sample(512, draw).flatten(2)[0]
    level = 0.5 + 2.38 / 30  # where F is 0.915: the level and its margin
    assert (x[:, 0] > level - 0.05).float().mean() > 0.9
    assert x[:, 0].mean() == pytest.approx((level + 1) / 2, abs=0.06), "uniform over the valid part"
    assert x[:, 1:].std() == pytest.approx(12**-0.5, abs=0.03), "what does not matter stays spread"


@pytest.mark.slow
def test_alpha_softens_the_edge():
    shares = []
    for alpha in (0.1, 30.0):
        made, draw = trained(Half(), alpha=alpha)
        shares.append((made.sample(512, draw).flatten(2)[0, :, 0] > 0.5).float().mean().item())
    assert shares[0] > shares[1] + 0.1


def test_further_samples_are_not_copies_and_are_as_good():
    made, draw = trained(Half())
    x = made.sample(700, draw)[0].flatten(1)
    assert len(x.unique(dim=0)) > 512 + 0.95 * 188
    assert (x[512:, 0] > 0.5).float().mean() > 0.9


@pytest.mark.slow
def test_groups_with_targets_of_their_own_have_maps_of_their_own():
    class Opposite:
        def __call__(self, triggers, generator):
            first = triggers.flatten(2)[:, :, 0]
            return torch.sigmoid(30 * torch.stack([first[0] - 0.5, 0.5 - first[1]]))

    made = Particles(torch.tensor([0.8, 0.8]), alpha=0.1, batch=32, steps=120, shared=False)
    draw = torch.Generator().manual_seed(0)
    for _ in range(120):
        made.step(Opposite(), draw)
    first = made.sample(256, draw).flatten(2)[:, :, 0].mean(1)
    assert first[0] > 0.65
    assert first[1] < 0.35


def test_training_past_the_announced_steps_forgets_the_oldest():
    made, draw = trained(Half(), steps=20)
    for _ in range(5):
        made.step(Half(), draw)
    assert torch.isfinite(made.sample(16, draw)).all()
