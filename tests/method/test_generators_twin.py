"""Generators, their layers and noise by hand; the neighbours' gradient; the group of the configured kind; Algorithm 1's end."""

import math

import pytest
import torch
from torch.nn import functional as F

from mesa_core.config import make_config
from mesa_core.measures.intervals import proportion
from mesa_core.method import mesa, staircase, submodels
from mesa_core.method.submodels import neighbours
from mesa_core.method.submodels.base import Wanted
from mesa_core.method.submodels.generators import Generator, Generators, StackedLinear, StackedNorm
from mesa_core.method.submodels.neighbours import Neighbours

GIVEN = {"alpha": 0.3, "batch": 12, "lr": 0.01, "beta1": 0.4, "noise_dim": 11, "hidden": 8, "seed": 1}


class Half:
    def __call__(self, triggers, generator):
        return torch.sigmoid(12 * (triggers.flatten(2)[:, :, 0] - 0.5))


class Plainly(Generators):
    """A kind with nothing of its own."""

    kind = "plain"

    @classmethod
    def of(cls, betas, config, wanted):
        raise NotImplementedError

    def step(self, surrogate, generator):
        raise NotImplementedError


def test_stacked_layers_are_linear_layers_side_by_side_with_the_usual_law():
    layer = StackedLinear(3, 400, 50, torch.Generator().manual_seed(0))
    x = torch.randn(3, 4, 400)
    for g in range(3):
        assert torch.allclose(layer(x)[g], x[g] @ layer.weight[g] + layer.bias[g], atol=1e-5)
    for values in (layer.weight, layer.bias):
        assert values.abs().max() <= 400**-0.5
        assert values.abs().max() > 0.9 * 400**-0.5
        assert abs(values.mean()) < 0.1 * 400**-0.5 + 0.01
        assert values.std().item() == pytest.approx(400**-0.5 / math.sqrt(3), rel=0.15)
    assert (layer.weight.shape, layer.bias.shape) == ((3, 400, 50), (3, 1, 50))


def test_the_norm_is_over_each_groups_own_batch_and_afterwards_over_the_last_ones():
    norm = StackedNorm(2, 4)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2), norm.bias.uniform_(-1, 1)
    x = torch.randn(2, 30, 4) * 3 + 1
    wanted = [F.batch_norm(x[g], None, None, norm.weight[g, 0], norm.bias[g, 0], True, eps=1e-5) for g in range(2)]
    assert torch.allclose(norm(x), torch.stack(wanted), atol=1e-5)
    norm.eval()
    y = torch.randn(2, 3, 4)
    still = (y - x.mean(1, keepdim=True)) / (
        x.var(1, keepdim=True, correction=0) + 1e-5
    ).sqrt() * norm.weight + norm.bias
    assert torch.allclose(norm(y), still, atol=1e-5)
    fresh = StackedNorm(2, 4).eval()
    assert torch.allclose(fresh(y), y / math.sqrt(1 + 1e-5), atol=1e-6)


@pytest.mark.parametrize(("every", "parts"), [(True, (5, 3, 3)), (False, (11, 0, 0))])
def test_noise_enters_every_layer_or_only_the_first(every, parts):
    made = Generator(2, 11, 8, 27, every, torch.Generator().manual_seed(0))
    z = torch.randn(2, 6, 11)
    assert made.parts == parts
    assert [layer.weight.shape[1] for layer in made.layers] == [parts[0], 8 + parts[1], 8 + parts[2]]
    for g in range(2):
        first, second, third = z[g].split(parts, 1)
        line = lambda i, x, g=g: x @ made.layers[i].weight[g] + made.layers[i].bias[g]
        norm = lambda x: (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()
        h = F.leaky_relu(norm(line(0, first)), 0.2)
        h = F.leaky_relu(norm(line(1, torch.cat([h, second], 1))), 0.2)
        wanted = torch.sigmoid(line(2, torch.cat([h, third], 1)))
        assert torch.allclose(made(z)[g], wanted, atol=1e-5)


def test_noise_is_normal_or_uniform_around_zero():
    draw = torch.Generator().manual_seed(0)
    normal = Plainly(torch.zeros(2), **GIVEN).draw_noise(4000, draw)
    assert normal.shape == (2, 4000, 11)
    assert normal.mean().item() == pytest.approx(0, abs=0.02)
    assert normal.std().item() == pytest.approx(1, abs=0.02)
    assert normal.abs().max() > 3
    flat = Plainly(torch.zeros(2), noise="uniform", **GIVEN).draw_noise(4000, draw)
    assert (flat.min().item(), flat.max().item()) == (pytest.approx(-1, abs=0.01), pytest.approx(1, abs=0.01))
    assert flat.mean().item() == pytest.approx(0, abs=0.02)
    assert flat.std().item() == pytest.approx(3**-0.5, abs=0.01)


def test_what_is_not_said_is_as_in_appendix_b():
    config = make_config(data="cifar10", protocol="paper")
    made = Plainly(torch.zeros(1), alpha=0.1, batch=4, lr=0.1, beta1=0.5)
    assert (made.noise_dim, made.hidden) == (config.noise_dim, config.hidden) == (64, 512)
    assert made.size == 3
    assert made.generator.layers[1].weight.shape[2] == 512
    first = Plainly(torch.zeros(1), alpha=0.1, batch=4, lr=0.1, beta1=0.5, seed=0)
    assert torch.equal(made.generator.layers[0].weight, first.generator.layers[0].weight)
    assert made.generator.parts == (22, 21, 21), "noise enters every layer, as in the authors' code"


def test_samples_do_not_depend_on_their_company_and_settle_on_a_thousand():
    made = Plainly(torch.zeros(2), size=4, **GIVEN)
    found = made.sample(5, torch.Generator().manual_seed(2))
    assert found.shape == (2, 5, 3, 4, 4)
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        made.generator.train()(torch.randn(2, 1024, 11, generator=draw))
        z = torch.randn(2, 5, 11, generator=draw)
        one = made.generator.eval()(z[:, 2:3])
    assert torch.allclose(found[:, 2].flatten(1), one[:, 0], atol=1e-6)


def test_neighbours_take_the_gradient_of_hinge_less_alpha_times_the_mean_log_distance():
    made = Neighbours(torch.tensor([0.5, 0.9]), **GIVEN)
    assert made.optimiser.param_groups[0]["lr"] == 0.01
    assert made.optimiser.param_groups[0]["betas"] == (0.4, 0.999)
    z = torch.randn(2, 12, 11, generator=torch.Generator().manual_seed(4))
    x = made.generator.train()(z)
    edge, loss = (0.575, 0.915), 0
    for g in range(2):
        third = [sorted((x[g, i] - x[g, j]).norm() for j in range(12) if j != i)[2] for i in range(12)]
        spread = torch.stack(third).log().mean()
        success = torch.sigmoid(12 * (x[g, :, 0] - 0.5))
        loss = loss + (edge[g] - success).clamp(min=0).mean() - 0.3 * spread
    wanted = torch.autograd.grad(loss, list(made.generator.parameters()))
    success = torch.sigmoid(12 * (x[:, :, 0] - 0.5)).detach()
    told = made.step(Half(), torch.Generator().manual_seed(4))
    for parameter, gradient in zip(made.generator.parameters(), wanted, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-5, rtol=1e-3)
    assert torch.allclose(told.success, success.mean(1), atol=1e-5)
    assert torch.allclose(told.hinge, (torch.tensor([[0.5], [0.9]]) - success).clamp(min=0).mean(1), atol=1e-5)
    assert torch.isnan(told.information).all()
    assert not told.success.requires_grad
    assert not told.hinge.requires_grad
    still = Neighbours(torch.tensor([0.5, 0.9]), **{**GIVEN, "lr": 0.0})
    for _ in range(2):  # nothing of the step before is left
        still.step(Half(), torch.Generator().manual_seed(4))
        for parameter, gradient in zip(still.generator.parameters(), wanted, strict=True):
            assert torch.allclose(parameter.grad, gradient, atol=1e-5, rtol=1e-3)


def test_fewer_than_four_triggers_have_the_farthest_neighbour():
    found = neighbours.log_distance(torch.tensor([[[0.0], [1.0], [3.0]]]))
    assert found.item() == pytest.approx((math.log(3) + math.log(2) + math.log(3)) / 3)


def test_equal_triggers_count_as_a_ten_thousandth_apart():
    found = neighbours.log_distance(torch.full((2, 6, 27), 0.3))
    assert found.tolist() == pytest.approx([math.log(1e-4)] * 2)


@pytest.mark.parametrize("one_target", [True, False])
def test_a_group_is_made_as_the_configuration_says(one_target):
    said = {"alpha": 0.7, "mesa_lr": 0.003, "mesa_beta1": 0.6, "noise": "uniform", "noise_dim": 13, "hidden": 17}
    said |= {
        "noise_every_layer": False,
        "last_activation": True,
        "mine_average": 0.2,
        "particles": 33,
        "particle_moves": 4,
    }
    made = {}
    for kind in ("mine", "convolutional", "neighbours", "particles", "flow"):
        config = make_config(data="signs", kind=kind, trigger="#fff " * 16, **said)
        made[kind] = submodels.make(config, [0.3, 0.6], 21, 50, torch.device("cpu"), 9, one_target)
        assert made[kind].kind == kind
        assert made[kind].betas.tolist() == pytest.approx([0.3, 0.6])
        assert made[kind].size == 4
    for kind in ("mine", "convolutional", "neighbours"):
        one = made[kind]
        assert (one.alpha, one.batch, one.noise, one.noise_dim, one.hidden) == (0.7, 21, "uniform", 13, 17)
        assert one.optimiser.param_groups[0]["lr"] == 0.003
        assert one.optimiser.param_groups[0]["betas"][0] == 0.6
        assert one.generator.parts == (13, 0, 0)
    assert made["mine"].statistics.last_activation is True
    assert made["mine"].rate == 0.2
    for walkers in (made["particles"], made["flow"].particles):
        assert walkers.places.shape == (2, 33, 48)
        assert (walkers.moves, walkers.batch, walkers.shared, walkers.annealed) == (4, 21, one_target, 30)
        assert walkers.sharpest == pytest.approx(48 / 0.7)
    assert made["flow"].steps == 50
    config = make_config(data="signs", kind="particles", particles=16)
    assert submodels.make(config, [0.5], 4, 5, torch.device("cpu"), 0).shared is True, "as in a run"
    assert Wanted(4, 5, 0).one_target is True


class Counts:
    """A group whose k-th sub-model says k everywhere, and whose steps are numbered."""

    def __init__(self):
        self.steps = 0

    def step(self, surrogate, generator):
        self.steps += 1
        return f"{surrogate} {self.steps}"

    def sample(self, n, generator):
        number = torch.arange(3.0)[:, None] * 1000 + torch.arange(n)
        return number[:, :, None, None, None].expand(3, n, 3, 3, 3)


def test_a_training_tells_its_start_and_every_step():
    told = list(mesa.train(Counts(), "F", 3, torch.Generator()))
    assert [(one.done, one.total, one.diagnostics) for one in told] == [
        (0, 3, None), (1, 3, "F 1"), (2, 3, "F 2"), (3, 3, "F 3"),
    ]  # fmt: skip
    assert len(list(mesa.train(Counts(), "F", 0, torch.Generator()))) == 1


def test_the_mixture_takes_each_sub_model_as_often_as_gamma_says():
    pool = Counts().sample(5000, torch.Generator())  # trigger k of sub-model i is 1000 i + k
    found = mesa.mix(pool, [0.2, 0.0, 0.8], 5000, 7)
    assert found.shape == (5000, 3, 3, 3)
    host, weight = torch.Generator().manual_seed(7), torch.tensor([0.2, 0.0, 0.8], dtype=torch.float64)
    source = torch.multinomial(weight, 5000, replacement=True, generator=host)
    assert (source == 0).float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert torch.equal(found[:, 0, 0, 0], source * 1000.0 + torch.arange(5000))
    assert not torch.equal(found, mesa.mix(pool, [0.2, 0.0, 0.8], 5000, 8))


def test_a_mixture_of_few_samples_takes_them_again_only_where_that_is_asked():
    pool = Counts().sample(4, torch.Generator())
    with pytest.raises(ValueError, match="5 triggers are asked for"):
        mesa.mix(pool, [0.5, 0.0, 0.5], 5, 0)
    found = mesa.mix(pool, [0.5, 0.0, 0.5], 50, 0, anew=True)[:, 0, 0, 0]
    assert set(found.tolist()) == {0.0, 1.0, 2.0, 3.0, 2000.0, 2001.0, 2002.0, 2003.0}


def test_algorithm_1_trains_measures_skips_and_weighs_in_one_go():
    asr = iter([proportion(90, 100), proportion(80, 100), proportion(10, 100)])
    seen = []

    def measure(samples):
        seen.append(samples.shape[0])
        return next(asr)

    work, steps = mesa.mesa(Counts(), [0.5, 0.8, 0.9], "F", 3, 6, measure, torch.Generator()), []
    while True:
        try:
            steps.append(next(work).done)
        except StopIteration as end:
            found = end.value
            break
    assert steps == [0, 1, 2, 3]
    assert seen == [6, 6, 6]
    assert found.pool.shape == (3, 6, 3, 3, 3)
    assert found.mixing == staircase.Mixing([True, True, False], False, [0.5, 0.5, 0.0], None)
