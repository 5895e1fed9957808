"""Contract of every kind of sub-model, and MINE against the closed form."""

import math

import pytest
import torch
from kinds_contract import are_the_same_by_seed_and_when_loaded, lie_in_the_box_and_repeat

from mesa_core.config import make_config
from mesa_core.kinds import KINDS
from mesa_core.method import submodels
from mesa_core.method.submodels.generators import StackedLinear
from mesa_core.method.submodels.mine import information_bound


class Toy:
    """A surrogate with a known valid set: F is high where the first pixel is."""

    def __call__(self, triggers, generator):
        return torch.sigmoid(12 * (triggers.flatten(2)[:, :, 0] - 0.5))


def group(kind="mine", betas=(0.5, 0.9), seed=0, **more):
    config = make_config(kind=kind, hidden=64, noise_dim=16, **more)
    return submodels.make(config, list(betas), 64, 200, torch.device("cpu"), seed)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_have_the_shape_lie_in_the_box_and_repeat(kind):
    lie_in_the_box_and_repeat(group(kind), (2, 10, 3, 3, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_result_and_save_and_load(kind):
    are_the_same_by_seed_and_when_loaded(lambda seed: group(kind, seed=seed), Toy())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_training_finds_the_valid_set_and_no_training_does_not(kind):
    made, draw = group(kind, betas=(0.9,)), torch.Generator().manual_seed(0)
    untrained = Toy()(made.sample(256, draw), draw).mean()
    for _ in range(150):
        made.step(Toy(), draw)
    assert Toy()(made.sample(256, draw), draw).mean() > 0.85
    assert untrained < 0.75


def test_alpha_spreads():
    spread = []
    for alpha in (0.0, 1.0):
        made, draw = group(betas=(0.9,), alpha=alpha), torch.Generator().manual_seed(0)
        for _ in range(200):
            made.step(Toy(), draw)
        spread.append(made.sample(512, draw)[0].flatten(1).std(0).mean().item())
    assert spread[1] > 1.5 * spread[0]


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_mine_estimates_the_mutual_information_of_gaussians(correlation):
    """Closed form: I = -log(1 - rho^2) / 2."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)

    def draw(n):
        x = torch.randn(n)
        return x, correlation * x + math.sqrt(1 - correlation**2) * torch.randn(n)

    def bound(n):
        x, y = draw(n)
        joint = net(torch.stack([x, y], 1)).view(1, n)
        product = net(torch.stack([x, y[torch.randperm(n)]], 1)).view(1, n)
        return information_bound(joint, product)[0].sum()

    for _ in range(400):
        optimiser.zero_grad()
        (-bound(512)).backward()
        optimiser.step()
    with torch.no_grad():
        found = sum(bound(4000).item() for _ in range(5)) / 5
    assert found == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.08)


def test_stacked_layers_share_nothing():
    layer = StackedLinear(2, 4, 3, torch.Generator().manual_seed(0))
    x = torch.randn(2, 5, 4)
    layer(x)[0].sum().backward()
    grads = [p.grad for p in layer.parameters()]
    assert all(g[0].abs().sum() > 0 and g[1].abs().sum() == 0 for g in grads)


def test_no_entropy_is_claimed():
    assert group().entropy() == [None, None]
