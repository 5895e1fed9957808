"""Equations 3 and 4 as MINE's sub-models are trained by them: every gradient against one that is written out plainly."""

import math

import pytest
import torch
from torch.nn import functional as F

from mesa_core.measures.entropy import nearest_neighbour
from mesa_core.method.submodels.mine import Mine, Statistics, information_bound

BETAS = (0.5, 0.9)
SLOPE = 0.2


class Half:
    """F is high where the first pixel is."""

    def __init__(self, steep=12.0, middle=0.5):
        self.steep, self.middle = steep, middle

    def __call__(self, triggers, generator):
        return torch.sigmoid(self.steep * (triggers.flatten(2)[:, :, 0] - self.middle))


class Always:
    """F is the same everywhere, but for a slope that would push if it counted."""

    def __init__(self, value):
        self.value = value

    def __call__(self, triggers, generator):
        x = triggers.flatten(2).sum(2)
        return self.value + x - x.detach()


def group(alpha=0.1, betas=BETAS, **more):
    given = {"batch": 16, "lr": 0.01, "beta1": 0.5, "noise_dim": 9, "hidden": 12, "seed": 1, **more}
    return Mine(torch.tensor(betas), alpha=alpha, **given)


def t_of(made, x, z):
    """T of pairs, written out for one group after another."""
    net, out = made.statistics, []
    for g in range(len(x)):
        weight = lambda layer, g=g: (layer.weight[g], layer.bias[g])
        (wx, bx), (wz, bz), (w2, b2), (w3, b3) = map(weight, (net.of_trigger, net.of_noise, net.second, net.third))
        h = F.leaky_relu(x[g] @ wx + bx + z[g] @ wz + bz, SLOPE)
        h = F.leaky_relu(h @ w2 + b2, SLOPE) @ w3 + b3
        out.append((F.leaky_relu(h, SLOPE) if net.last_activation else h)[:, 0])
    return torch.stack(out)


def bound_of(made, x, z, average=None):
    """Eq. 3: the mean of T over pairs, less the log of the mean of exp T over pairs that do not belong together."""
    joint, apart = t_of(made, x, z), t_of(made, x, z.roll(1, 1))
    return joint.mean(1) - (apart.exp().mean(1).log() if average is None else apart.exp().mean(1) / average)


def gradients(made):
    return {name: p.grad.clone() for name, p in made.generator.named_parameters()}, {
        name: p.grad.clone() for name, p in made.statistics.named_parameters()
    }


def twin(made, surrogate, seed, average=None):
    """The gradients of eq. 4 with respect to G, of -I with respect to T, and the figures of the step."""
    z = made.draw_noise(made.batch, torch.Generator().manual_seed(seed))
    x = made.generator.train()(z)
    success = surrogate(x.view(*x.shape[:2], 3, 3, 3), None)
    hinge = torch.stack(
        [torch.stack([(b - f).clamp(min=0) for f in row]).mean() for b, row in zip(made.betas, success, strict=True)]
    )
    information = bound_of(made, x, z, average)
    of_g = torch.autograd.grad(
        (hinge - made.alpha * information).sum(), list(made.generator.parameters()), retain_graph=True
    )
    of_t = torch.autograd.grad(-information.sum(), list(made.statistics.parameters()))
    names = [[n for n, _ in module.named_parameters()] for module in (made.generator, made.statistics)]
    found = success.detach().mean(1), hinge.detach(), bound_of(made, x, z).detach()
    return dict(zip(names[0], of_g, strict=True)), dict(zip(names[1], of_t, strict=True)), found


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.allclose(found[name], value, atol=2e-6, rtol=2e-4), name


@pytest.mark.parametrize("alpha", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("last_activation", [False, True])
def test_a_step_takes_the_gradient_of_equation_4_for_g_and_of_equation_3_for_t(alpha, last_activation):
    made = group(alpha, last_activation=last_activation)
    of_g, of_t, (success, hinge, information) = twin(made, Half(), 5)
    found = made.losses(Half(), torch.Generator().manual_seed(5))
    same(gradients(made)[0], of_g)
    same(gradients(made)[1], of_t)
    assert torch.allclose(found.success, success, atol=1e-6)
    assert torch.allclose(found.hinge, hinge, atol=1e-6)
    assert torch.allclose(found.information, information, atol=1e-5)
    assert not any(v.requires_grad for v in (found.success, found.hinge, found.information))
    made.losses(Half(), torch.Generator().manual_seed(5))
    same(gradients(made)[0], of_g)  # nothing of the step before is left
    same(gradients(made)[1], of_t)


def test_with_a_moving_average_its_gradient_has_the_average_below_and_its_value_stays():
    made = group(1.0, average=0.25)
    means, held = [], None
    for seed in (5, 6, 7):
        z = made.draw_noise(made.batch, torch.Generator().manual_seed(seed))
        with torch.no_grad():
            means.append(t_of(made, made.generator.train()(z), z.roll(1, 1)).exp().mean(1))
        of_g, of_t, (_, _, information) = twin(made, Half(), seed, held)
        found = made.losses(Half(), torch.Generator().manual_seed(seed))
        same(gradients(made)[0], of_g)
        same(gradients(made)[1], of_t)
        assert torch.allclose(found.information, information, atol=1e-5)
        held = means[-1] if held is None else 0.75 * held + 0.25 * means[-1]
        assert torch.allclose(made.average, held, atol=1e-5)
    assert group(1.0).average is None
    assert not torch.allclose(means[0], means[1], atol=1e-5)


def test_where_f_has_reached_the_level_it_pushes_no_more():
    pushes = {}
    for value in (0.2, 0.5, 0.7, 0.95):
        made = group(alpha=0.0)
        found = made.losses(Always(value), torch.Generator().manual_seed(0))
        pushes[value] = [made.generator.layers[2].weight.grad[g].abs().sum().item() > 0 for g in range(2)]
        assert found.hinge.tolist() == pytest.approx([max(0.0, 0.5 - value), max(0.0, 0.9 - value)], abs=1e-6)
    assert pushes == {0.2: [True, True], 0.5: [False, True], 0.7: [False, True], 0.95: [False, False]}


def test_the_hinge_pushes_f_up_and_alpha_pulls_triggers_apart():
    """Along the gradient's descent: F rises where it is too low; I_T, which stands for the entropy, rises with alpha."""
    made = group(alpha=0.0, betas=(0.9,))
    before = made.losses(Half(), torch.Generator().manual_seed(3)).success
    with torch.no_grad():
        for p in made.generator.parameters():
            p -= 0.5 * p.grad
    assert made.losses(Half(), torch.Generator().manual_seed(3)).success > before
    made = group(alpha=1.0, betas=(0.9,))
    before = made.losses(Always(0.95), torch.Generator().manual_seed(3)).information
    with torch.no_grad():
        for p in made.generator.parameters():  # T stays: it is G that ascends here
            p -= 0.5 * p.grad
    assert made.losses(Always(0.95), torch.Generator().manual_seed(3)).information > before


def test_entropy_rises_with_alpha():
    found = []
    for alpha in (0.0, 0.3):
        made, draw = group(alpha, betas=(0.9,), batch=64, hidden=48, noise_dim=12, lr=0.004), torch.Generator()
        draw.manual_seed(0)
        for _ in range(150):
            made.step(Half(), draw)
        triggers = made.sample(400, draw)
        assert Half()(triggers, draw).mean() > 0.85, "and stays within the valid set"
        found.append(nearest_neighbour(triggers[0].flatten(1).numpy()))
    assert found[1] > found[0] + 5


def test_the_bound_by_hand():
    joint = torch.tensor([[1.0, 3.0], [0.0, 0.0]], requires_grad=True)
    product = torch.tensor([[0.0, math.log(3)], [math.log(2), math.log(2)]], requires_grad=True)
    bound, mean = information_bound(joint, product)
    assert mean.tolist() == pytest.approx([2.0, 2.0])
    assert bound.tolist() == pytest.approx([2 - math.log(2), -math.log(2)])
    bound.sum().backward()
    assert torch.allclose(joint.grad, torch.full((2, 2), 0.5))
    assert torch.allclose(product.grad, -torch.tensor([[0.25, 0.75], [0.5, 0.5]]))
    assert not mean.requires_grad
    product.grad = None
    held, _ = information_bound(joint, product, torch.tensor([4.0, 1.0]))
    assert held.tolist() == pytest.approx(bound.tolist())
    held.sum().backward()
    assert torch.allclose(product.grad, -torch.tensor([[0.125, 0.375], [1.0, 1.0]]))


def test_t_sees_each_trigger_with_its_own_noise_and_with_its_neighbours():
    net = Statistics(2, 27, 5, 8, False, torch.Generator().manual_seed(0))
    x, z = torch.rand(2, 6, 27), torch.randn(2, 6, 5)
    joint, product = net(x, z)
    again, _ = net(x, z.roll(1, 1))
    assert joint.shape == product.shape == (2, 6)
    assert torch.allclose(product, again, atol=1e-6)
    assert not torch.allclose(product, joint, atol=1e-3)
    other = net(x[:, :3].repeat(1, 2, 1), z)[0]
    assert torch.allclose(other[:, :3], joint[:, :3], atol=1e-6), "a pair's T does not depend on its company"
    bent = Statistics(2, 27, 5, 8, True, torch.Generator().manual_seed(0))(x, z)[0]
    assert torch.allclose(bent, torch.where(joint > 0, joint, SLOPE * joint), atol=1e-6)


def test_a_step_moves_both_networks_once():
    made = group(0.5)
    assert made.statistics.last_activation is False, "T is unbounded where nothing else is said"
    before = {name: value.clone() for name, value in made.state().items()}
    made.step(Half(), torch.Generator().manual_seed(0))
    moved = {name.split(".")[0] for name, value in made.state().items() if not torch.equal(value, before[name])}
    assert moved == {"generator", "statistics"}
    largest = max((p - before[f"generator.{n}"]).abs().max().item() for n, p in made.generator.named_parameters())
    assert largest == pytest.approx(0.01, rel=0.05), "Adam's first step is as long as its rate"
