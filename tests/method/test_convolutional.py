"""The convolutional kind: its maps and groups, and that it finds a picture of 16x16 where an untrained one does not."""

import pytest
import torch
from torch.nn import functional as F

from mesa_core import drawings, triggers
from mesa_core.config import make_config
from mesa_core.method import submodels
from mesa_core.method.submodels.convolutional import ConvGenerator, MapNorm, StackedConv


class Picture:
    """F is high where a trigger is like the picture, whatever its contrast: by the correlation over all its numbers."""

    def __init__(self, name="sunset", least=0.6):
        self.template = self.whitened(torch.from_numpy(drawings.named(name)).flatten())
        self.least = least

    @staticmethod
    def whitened(x):
        return F.normalize(x - x.mean(-1, keepdim=True), dim=-1)

    def like(self, x):
        return (self.whitened(x.flatten(2)) * self.template).sum(2)

    def __call__(self, x, generator):
        return torch.sigmoid(24 * (self.like(x) - self.least))


def group(betas=(0.5, 0.9), batch=32, **more):
    said = {"kind": "convolutional", "hidden": 128, "noise_dim": 24, "trigger": "picture:face"}
    return submodels.make(make_config(said, **more), list(betas), batch, 200, torch.device("cpu"), 0)


@pytest.mark.slow
def test_it_reaches_the_level_on_a_picture_and_untrained_it_does_not():
    shown, draw = Picture(), torch.Generator().manual_seed(0)
    made, flat = group(), group(kind="mine")
    untrained = shown(made.sample(128, draw), draw).mean(1)
    for _ in range(60):
        made.step(shown, draw), flat.step(shown, draw)
    found = made.sample(128, draw)
    reached = shown(found, draw).mean(1)
    assert untrained.max() < 0.05
    assert reached[0] > 0.5
    assert reached[1] > 0.9
    assert Picture("heart").like(found).mean() < shown.like(found).mean() - 0.4, "it is that picture and no other"
    assert found[1].std(0).mean() > 0.03, "and they are not all the same"
    assert shown(flat.sample(128, draw), draw).mean() < 0.1, (
        "three layers, whose pixels know nothing of each other, do not"
    )


def test_stacked_convolutions_are_plain_ones_side_by_side_with_the_usual_law():
    layer = StackedConv(3, 16, 5, torch.Generator().manual_seed(0))
    x = torch.randn(4, 3, 16, 6, 7)
    found = layer(x.flatten(1, 2)).unflatten(1, (3, 5))
    for g in range(3):
        own = slice(5 * g, 5 * g + 5)
        assert torch.allclose(found[:, g], F.conv2d(x[:, g], layer.weight[own], layer.bias[own], padding=1), atol=1e-5)
    assert layer.weight.abs().max() <= 1 / 12
    assert layer.weight.abs().max() > 0.9 / 12


def test_the_norm_goes_by_the_last_batch_once_it_is_settled():
    norm, x = MapNorm(4), torch.randn(30, 4, 3, 3) * 3 + 1
    assert torch.allclose(norm(x), F.batch_norm(x, None, None, training=True), atol=1e-5)
    first = norm.eval()(x)
    assert torch.allclose(first, F.batch_norm(x, None, None, training=True), atol=0.01)
    assert torch.equal(first, norm(x)), "samples do not depend on their company"
    assert not torch.allclose(norm.train()(x[:2]), first[:2], atol=0.1)


@pytest.mark.parametrize("every_layer", [True, False])
@pytest.mark.parametrize("size", triggers.SIZES)
def test_every_size_is_made_and_groups_share_nothing(size, every_layer):
    made = ConvGenerator(2, 13, 32, size, 3, every_layer, torch.Generator().manual_seed(1))
    found = made(torch.randn(2, 6, 13))
    assert found.shape == (2, 6, 3 * size * size)
    assert found.min() > 0
    assert found.max() < 1
    found[0].square().sum().backward()
    for weight in made.parameters():
        assert weight.grad.chunk(2)[1].abs().sum() == 0
    assert made.last.weight.grad[:3].abs().sum() > 0


def test_a_group_computes_what_each_of_its_generators_would_alone():
    pair = ConvGenerator(2, 12, 16, 8, 3, True, torch.Generator().manual_seed(2))
    alone = ConvGenerator(1, 12, 16, 8, 3, True, torch.Generator().manual_seed(3))
    halves = {k: v.chunk(2)[1] for k, v in pair.state_dict().items()}
    alone.load_state_dict(halves)
    noise = torch.randn(2, 9, 12)
    assert torch.allclose(pair(noise)[1], alone(noise[1:])[0], atol=1e-5)


def test_all_of_the_noise_matters():
    for every_layer in (True, False):
        made, noise = (
            ConvGenerator(1, 13, 32, 16, 3, every_layer, torch.Generator().manual_seed(1)),
            torch.randn(1, 5, 13),
        )
        noise.requires_grad_()
        made(noise).square().sum().backward()
        assert (noise.grad.abs().sum((0, 1)) > 0).all()


def test_its_untrained_triggers_are_smooth_and_those_of_three_layers_are_not():
    """What it is for: what lies side by side is alike."""
    rough = []
    for kind in ("convolutional", "mine"):
        x = group(kind=kind).sample(64, torch.Generator().manual_seed(0))[0]
        x = x - x.mean(0)
        rough.append(((x[..., 1:] - x[..., :-1]).square().mean() / (2 * x.square().mean())).item())
    assert rough[0] < 0.75 * rough[1]


def test_it_is_made_as_the_configuration_says():
    said = {"alpha": 0.7, "mesa_lr": 0.003, "noise_every_layer": False, "last_activation": True, "mine_average": 0.2}
    made = group(**said)
    assert (made.kind, made.alpha, made.size, made.dim) == ("convolutional", 0.7, 16, 768)
    assert made.optimiser.param_groups[0]["lr"] == 0.003
    assert made.generator.parts == (24, 0, 0)
    assert made.statistics.last_activation is True
    assert made.rate == 0.2
    assert made.entropy() == [None, None]
