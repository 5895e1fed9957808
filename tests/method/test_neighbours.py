"""Generators that ascend the distance of neighbours: the distance, its gradient, and that it spreads."""

import math

import pytest
import torch

from mesa_core.config import make_config
from mesa_core.method import submodels
from mesa_core.method.submodels.neighbours import CLOSEST, log_distance


class Half:
    """F is high where the first pixel is."""

    def __call__(self, triggers, generator):
        return torch.sigmoid(12 * (triggers.flatten(2)[:, :, 0] - 0.5))


def test_distances_are_those_to_the_third_neighbour_in_each_group():
    line = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    found = log_distance(torch.stack([line, 2 * line]))
    third = [7.0, 6.0, 4.0, 7.0]
    assert found[0].item() == pytest.approx(sum(map(math.log, third)) / 4, abs=1e-5)
    assert (found[1] - found[0]).item() == pytest.approx(math.log(2), abs=1e-5)


def test_triggers_that_are_equal_have_a_finite_distance_and_gradient():
    same = torch.zeros(1, 8, 5, requires_grad=True)
    found = log_distance(same)
    found.sum().backward()
    assert found.item() == pytest.approx(math.log(CLOSEST))
    assert torch.isfinite(same.grad).all()


def test_its_gradient_drives_triggers_apart():
    x = 0.1 * torch.randn(1, 30, 5, generator=torch.Generator().manual_seed(0))
    moved = x.clone().requires_grad_()
    log_distance(moved).sum().backward()
    assert log_distance(x + 0.01 * moved.grad / moved.grad.norm()) > log_distance(x)


def test_it_spreads_over_what_does_not_matter_and_without_alpha_it_does_not():
    spread = []
    for alpha in (0.0, 0.1):
        config = make_config(kind="neighbours", hidden=64, noise_dim=16, alpha=alpha)
        made = submodels.make(config, [0.9], 64, 200, torch.device("cpu"), 0)
        draw = torch.Generator().manual_seed(0)
        for _ in range(150):
            made.step(Half(), draw)
        x = made.sample(512, draw)[0].flatten(1)
        assert Half()(x.view(1, 512, 3, 3, 3), draw).mean() > 0.9
        spread.append(x[:, 1:].std(0).mean().item())
    assert spread[1] > 0.28, "as wide as the box allows, or wider"
    assert spread[0] < spread[1] - 0.05
