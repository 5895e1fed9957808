"""Flows: a density that adds up to one, a law that is learned, and an entropy that is known in closed form."""

import math

import pytest
import torch

from mesa_core.method.submodels.flow import Flow, SplineFlow


class Half:
    """F is 1 where the first pixel exceeds a half, 0 elsewhere, with a soft edge."""

    def __call__(self, triggers, generator):
        return torch.sigmoid(30 * (triggers.flatten(2)[:, :, 0] - 0.5))


def bent(groups=2, dim=27, scale=0.3):
    draw = torch.Generator().manual_seed(0)
    flow = SplineFlow(groups, dim, draw)
    for layer in flow.layers:
        layer.last.weight.data = scale * torch.randn(layer.last.weight.shape, generator=draw)
    return flow, draw


def trained(steps=120):
    made = Flow(torch.tensor([0.9]), alpha=0.1, batch=32, steps=steps, shared=True)
    draw = torch.Generator().manual_seed(0)
    for _ in range(steps):
        made.step(Half(), draw)
    return made, draw


def test_it_starts_at_the_uniform_law():
    flow = SplineFlow(1, 27, torch.Generator().manual_seed(0))
    x = torch.rand(1, 50, 27)
    assert flow.log_density(x).abs().max() < 1e-4
    assert (flow(x)[0] - x).abs().max() < 1e-5


def test_the_density_of_samples_is_that_of_places():
    flow, draw = bent()
    x, density = flow(torch.rand(2, 300, 27, generator=draw))
    assert ((x >= 0) & (x <= 1)).all()
    assert torch.allclose(flow.log_density(x), density, atol=1e-3)
    assert density.std() > 0.1


def test_the_density_adds_up_to_one():
    flow, draw = bent(1, 3, 0.5)
    n = 200_000
    mean = flow.log_density(torch.rand(1, n, 3, generator=draw)).exp()
    assert mean.mean().item() == pytest.approx(1, abs=5 * mean.std().item() / math.sqrt(n))
    assert mean.std() > 0.2, "and is not just flat"


@pytest.mark.slow
def test_it_learns_the_law_of_its_particles_and_knows_the_entropy():
    made, draw = trained()
    first = made.sample(1000, draw).flatten(2)[0, :, 0]
    level = 0.5 + 2.38 / 30  # where F is 0.915: the level and its margin
    assert (first > level - 0.02).float().mean() > 0.95
    assert first.mean() == pytest.approx((level + 1) / 2, abs=0.06)
    known = made.entropy()[0]
    assert known["method"] == "density"
    assert known["error"] < 0.05
    assert known["value"] == pytest.approx(math.log(1 - level), abs=0.25), "log of the valid part's volume"
    untrained = Flow(torch.tensor([0.9]), alpha=0.1, batch=32, steps=200, shared=True)
    assert untrained.entropy()[0]["value"] == pytest.approx(0, abs=0.01)


def test_thinned_samples_have_the_density_that_is_said():
    """A flow that is still the uniform law, thinned by a given map: then the law is known in closed form."""
    made = Flow(torch.tensor([0.5]), alpha=27.0, batch=8, steps=10, shared=True)
    made.particles.done, made.particles.annealed = 10, 10  # full sharpness, which is one here
    made.particles.height = lambda x: x[..., 0]  # F is the first pixel
    x, density = made.draw(4000, torch.Generator().manual_seed(0))
    edge = made.particles.edges.item()
    z = (1 - edge) + 1 - math.exp(-edge)  # the integral of exp(-max(0, edge - t)) over [0, 1]
    told = -(edge - x[0, :, 0]).clamp(min=0) - math.log(z)
    assert torch.allclose(density[0], told, atol=0.02)
    valid = (x[0, :, 0] >= edge).float().mean().item()
    assert valid == pytest.approx((1 - edge) / z, abs=4 * 0.5 / math.sqrt(4000))
    assert valid > 1 - edge + 0.05, "more of them than without"


def test_the_entropy_of_a_thinned_law_is_that_of_its_closed_form():
    made = Flow(torch.tensor([0.5]), alpha=27.0 / 8, batch=8, steps=10, shared=True)
    made.particles.done, made.particles.annealed = 10, 10  # full sharpness, which is 8 here
    made.particles.height = lambda x: x[..., 0]
    edge, t = made.particles.edges.item(), torch.linspace(0, 1, 100_001, dtype=torch.float64)
    law = torch.exp(-8 * (edge - t).clamp(min=0))
    law = law / torch.trapezoid(law, t)
    exact = -torch.trapezoid(law * law.log(), t).item()
    (known,) = made.entropy()
    assert known["value"] == pytest.approx(exact, abs=4 * known["error"] + 0.002)
    assert exact < -0.2, "or the thinning would hardly matter"


def test_no_entropy_is_stated_where_nothing_reaches_the_level():
    made = Flow(torch.tensor([0.5, 0.9]), alpha=0.001, batch=8, steps=10, shared=True)
    made.particles.done, made.particles.annealed = 10, 10
    made.particles.height = lambda x: 0.6 * x[..., 0]  # the second level is out of reach, by far
    known, unknown = made.entropy()
    assert known["value"] < 0
    assert unknown is None
    x, density = made.draw(50, torch.Generator().manual_seed(0))
    assert torch.isfinite(density).all()
    assert x[1, :, 0].mean() > 0.8, "where all tries fail, the best of them"


def test_the_same_noise_gives_mostly_the_same_samples_while_the_flow_changes():
    made = Flow(torch.tensor([0.5]), alpha=1.0, batch=8, steps=10, shared=True)
    made.particles.done, made.particles.annealed = 10, 10
    made.particles.height = lambda x: x[..., 0]
    before = made.sample(200, torch.Generator().manual_seed(0)).flatten(2)
    for layer in made.flow.layers:
        layer.last.bias.data += 0.01 * torch.randn(layer.last.bias.shape, generator=torch.Generator().manual_seed(1))
    after = made.sample(200, torch.Generator().manual_seed(0)).flatten(2)
    near = ((after - before).abs().amax(2) < 0.1).float().mean()
    other = made.sample(200, torch.Generator().manual_seed(2)).flatten(2)
    assert near > 0.9
    assert ((other - before).abs().amax(2) < 0.1).float().mean() < 0.01
