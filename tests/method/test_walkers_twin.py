"""Particles and flows by hand: the law they keep, what they remember, fit, thin and state; and Langevin moves."""

import math

import pytest
import torch
from torch.nn import functional as F

from mesa_core.config import make_config
from mesa_core.method.submodels import base, flow, langevin, particles
from mesa_core.method.submodels.flow import Coupling, Flow, SplineFlow, mean_log
from mesa_core.method.submodels.particles import Particles


def height(x):
    """F by the first two values alone, so that its law is known."""
    return torch.sigmoid(8 * (x[..., 0] + 0.3 * x[..., 1] - 0.6))


class Slope:
    def __call__(self, triggers, generator):
        return height(triggers.flatten(2))


def group(betas=(0.5, 0.9), alpha=0.5, steps=10, shared=True, **more):
    given = {"batch": 6, "count": 40, "moves": 3, "width": 8, "seed": 2, **more}
    return Particles(torch.tensor(betas), alpha=alpha, steps=steps, shared=shared, **given)


# -- what all kinds share
def test_the_edge_lies_a_margin_above_the_level():
    assert base.edges(torch.tensor([0.5, 0.9, 0.0])).flatten().tolist() == pytest.approx([0.575, 0.915, 0.15])
    assert base.part({"a.x": 1, "a.y.z": 2, "ab.x": 3, "b.a.x": 4}, "a") == {"x": 1, "y.z": 2}


# -- Langevin
def test_a_walk_keeps_the_law_of_its_energy():
    """A normal law with a different width in each direction; an energy of the wrong sign would blow up."""
    widths = torch.tensor([0.5, 1.0, 2.0])

    def energy(x):
        return (x / widths).square().sum(2) / 2, x / widths.square()

    draw = torch.Generator().manual_seed(0)
    start = widths * torch.randn(1, 4000, 3, generator=draw)
    stride = torch.full((1, 1), 0.15)
    ended, same, accepted = langevin.walk(energy, start, stride, 60, draw, adapt=False)
    assert torch.equal(same, stride)
    assert 0.3 < accepted.item() < 0.98
    assert ended.std(1)[0].tolist() == pytest.approx(widths.tolist(), rel=0.05)
    assert (ended - start).abs().mean() > 0.3, "and it does move"
    far, _, _ = langevin.walk(energy, 3 * start, stride, 60, draw, adapt=False)
    assert far.std(1)[0].max() < 3 * 2.0, "from elsewhere it comes back"


def test_one_move_by_hand():
    def energy(x):
        return (x**4).sum(2), 4 * x**3

    places = torch.randn(2, 50, 5, generator=torch.Generator().manual_seed(1))
    stride = torch.tensor([[0.02], [0.2]])
    found, _, accepted = langevin.walk(energy, places, stride, 1, torch.Generator().manual_seed(7), adapt=False)
    draw = torch.Generator().manual_seed(7)
    noise, chance = torch.randn(2, 50, 5, generator=draw), None
    chance = torch.rand(2, 50, generator=draw)

    def move(slope, h):  # never longer than the noise is in the mean
        step, most = h * slope, math.sqrt(2 * h * 5)
        return step if step.norm() <= most else step * most / step.norm()

    for g in range(2):
        h, moved = stride[g].item(), 0
        for i in range(50):
            x = places[g, i]
            y = x - move(4 * x**3, h) + math.sqrt(2 * h) * noise[g, i]
            there = (y - x + move(4 * x**3, h)).square().sum() / (4 * h)
            back = (x - y + move(4 * y**3, h)).square().sum() / (4 * h)
            ratio = math.exp(min(0.0, float((x**4).sum() - (y**4).sum() - back + there)))
            taken = chance[g, i] < ratio
            moved += bool(taken)
            assert torch.allclose(found[g, i], y if taken else x, atol=1e-4)
        assert accepted[g].item() == pytest.approx(moved / 50)
    assert 0 < accepted[1].item() < accepted[0].item() <= 1


def test_the_stride_is_steered_to_the_share_of_accepted_moves_within_its_bounds():
    stride = torch.tensor([[0.1], [0.1], [1e-6], [1.0]])
    found = langevin.steer(stride, torch.tensor([[1.0], [0.0], [0.0], [1.0]]), 0.2)
    assert found.flatten().tolist() == pytest.approx([0.1 * math.exp(0.08), 0.1 * math.exp(-0.12), 1e-6, 1.0])
    assert langevin.steer(stride[:1], torch.tensor([[0.6]]), 0.5).item() == pytest.approx(0.1)
    _, wider, accepted = langevin.walk(
        lambda x: (0 * x.sum(2), 0 * x), torch.zeros(1, 9, 2), torch.tensor([[0.1]]), 2, torch.Generator(), adapt=True
    )
    assert accepted.item() == 1
    assert wider.item() == pytest.approx(0.1 * math.exp(2 * 0.2 * 0.4))


def test_a_drift_is_never_longer_than_the_noise():
    slope = torch.tensor([[[3.0, 4.0], [0.03, 0.04], [0.0, 0.0]]])
    found = langevin.drift(slope, torch.tensor([[0.5]]))
    assert found[0, 0].norm().item() == pytest.approx(math.sqrt(2 * 0.5 * 2))
    assert torch.allclose(found[0, 0] / found[0, 0].norm(), torch.tensor([0.6, 0.8]))
    assert torch.allclose(found[0, 1], 0.5 * slope[0, 1])
    assert (found[0, 2] == 0).all()


# -- particles
def test_the_law_of_particles_is_gibbs_and_its_energy_counts_the_logits():
    made = group(steps=5)
    made.height, made.done = height, 3
    places = torch.randn(2, 7, 27, generator=torch.Generator().manual_seed(0))
    value, slope = made.energy(places)
    leaf = places.clone().requires_grad_()
    x = torch.sigmoid(leaf)
    edge = torch.tensor([0.575, 0.915])[:, None]
    wanted = made.sharpness * (edge - height(x)).clamp(min=0) - (x * (1 - x)).log().sum(2)
    assert torch.allclose(value, wanted, atol=1e-3)
    assert torch.allclose(slope, torch.autograd.grad(wanted.sum(), leaf)[0], atol=1e-3)


def test_the_edge_is_sharpened_from_nothing_to_d_over_alpha():
    made = group(alpha=0.5, steps=10)
    found = []
    for made.done in range(8):
        found.append(made.sharpness)
    assert found == pytest.approx([54 * min(1, k / 6) ** 2 for k in range(8)])
    made.done = 10
    assert made.sharpness == 54
    assert group(alpha=0.0).sharpest == pytest.approx(27 / 1e-3)
    assert group(alpha=0.5, size=4).sharpest == pytest.approx(96)
    assert (group(steps=1).annealed, group(steps=200).annealed) == (1, 120)


def test_walking_on_f_itself_the_particles_keep_the_optimum_of_equation_4():
    """The first two values' law is known by quadrature; as alpha falls it becomes uniform on the valid set."""
    grid = (torch.arange(400) + 0.5) / 400
    a, b = torch.meshgrid(grid, grid, indexing="ij")
    f = height(torch.stack([a, b], 2))
    shares = {}
    for alpha in (30.0, 1.0, 0.01):
        made = group(betas=(0.7,), alpha=alpha, steps=1, count=1500)
        made.height, made.done = height, 1
        draw = torch.Generator().manual_seed(0)
        made.places = torch.logit(torch.rand(1, 1500, 27, generator=draw))
        if alpha < 1:  # the walls are steep, so it begins within
            made.places[..., 0] = torch.logit(0.75 + 0.25 * torch.rand(1, 1500, generator=draw), eps=1e-3)
        ended = torch.sigmoid(made.walk(made.places, 400, draw, adapt=True))[0]
        edge = 0.7 + 0.15 * 0.3
        law = (-27 / alpha * (edge - f).clamp(min=0)).exp()
        law /= law.sum()
        assert ended[:, 0].mean().item() == pytest.approx((law * a).sum().item(), abs=0.02)
        assert ended[:, 1].mean().item() == pytest.approx((law * b).sum().item(), abs=0.03)
        assert ended[:, 2:].mean().item() == pytest.approx(0.5, abs=0.01), "values that do not matter stay uniform"
        assert ended[:, 2:].std().item() == pytest.approx(12**-0.5, abs=0.01)
        shares[alpha] = (height(ended) >= edge).float().mean().item()
    assert shares[30.0] < shares[1.0] < shares[0.01]
    assert shares[0.01] > 0.97


def test_a_step_asks_about_its_own_particles_and_remembers_the_newest_answers():
    made, asked = group(steps=3, fits=0, moves=0), []

    class Notes(Slope):
        def __call__(self, triggers, generator):
            asked.append(triggers.detach().clone())
            return super().__call__(triggers, generator)

    draw = torch.Generator().manual_seed(0)
    start = torch.sigmoid(made.places)
    for step in range(5):
        found = made.step(Notes(), draw)
        seen = asked[-1].flatten(2)
        for g in range(2):
            assert all((start[g] == x).all(1).any() for x in seen[g])
        assert torch.allclose(found.success, height(seen).mean(1))
        assert torch.allclose(found.hinge, (torch.tensor([[0.5], [0.9]]) - height(seen)).clamp(min=0).mean(1))
        assert torch.isnan(found.information).all()
        assert made.done == step + 1
    assert made.seen["x"].shape == (1, 3 * 12, 27), "no more room than the training or KEPT needs"
    order = [3, 4, 2]  # the place of the oldest is taken first
    for slot, step in enumerate(order):
        x = asked[step].flatten(2).flatten(0, 1)
        assert torch.equal(made.seen["x"][0, 12 * slot : 12 * slot + 12], x)
        leaf = x.clone().requires_grad_()
        assert torch.allclose(made.seen["success"][0, 12 * slot : 12 * slot + 12], height(x))
        (slope,) = torch.autograd.grad(height(leaf).sum(), leaf)
        assert torch.allclose(made.seen["slope"][0, 12 * slot : 12 * slot + 12], slope, atol=1e-6)


def test_sixty_thousand_answers_are_remembered_at_most():
    assert group(steps=10_000).seen["success"].shape == (1, 60_000)
    assert group(betas=(0.5,), batch=1, steps=70_000).seen["success"].shape == (1, 60_000)
    assert group(steps=10_000, batch=7).seen["success"].shape == (1, 14 * 4286), "the last step's answers stay together"
    assert group(steps=10).seen["success"].shape == (1, 12 * 10)


def test_each_class_has_a_map_of_its_own_where_targets_differ():
    made = group(shared=False, fits=0, moves=0)
    made.step(Slope(), torch.Generator().manual_seed(0))
    assert made.seen["x"].shape == (2, 6 * 10, 27)
    x = torch.rand(2, 5, 27)
    with torch.no_grad():
        own = made.height(x)
        shared = group().height(x)
    assert own.shape == shared.shape == (2, 5)
    assert torch.allclose(own, torch.sigmoid(made.map(x)), atol=1e-6)
    same = group()
    with torch.no_grad():
        assert torch.allclose(same.height(x)[1], same.height(x[1:].expand(2, -1, -1))[0], atol=1e-6)


def test_the_map_by_hand():
    made = group(shared=False).map
    x = torch.rand(2, 4, 27)
    for g in range(2):
        h = 2 * x[g] - 1
        for layer in made.layers[:-1]:
            h = F.silu(h @ layer.weight[g] + layer.bias[g])
        wanted = (h @ made.layers[-1].weight[g] + made.layers[-1].bias[g])[:, 0]
        assert torch.allclose(made(x)[g], wanted, atol=1e-5)
    assert [layer.weight.shape for layer in made.layers] == [(2, 27, 8), (2, 8, 8), (2, 8, 1)]


def test_a_fit_of_the_map_goes_towards_values_and_slopes_half_of_them_recent(monkeypatch):
    monkeypatch.setattr(particles, "FITTED", 10)
    monkeypatch.setattr(particles, "RECENT", 2)
    made = group(shared=False, fits=0, moves=0, steps=4)
    draw = torch.Generator().manual_seed(0)
    for _ in range(6):  # around the end of the room
        made.step(Slope(), draw)
    picks, losses = [], []
    forward = made.map.forward

    def noting(x):
        picks.append(x.detach().clone())
        return forward(x)

    monkeypatch.setattr(made.map, "forward", noting)
    state = {k: v.clone() for k, v in made.map.state_dict().items()}
    made.fit(torch.Generator().manual_seed(3))
    found = {k: p.grad.clone() for k, p in made.map.named_parameters()}
    draw = torch.randint(24, (10,), generator=torch.Generator().manual_seed(3))
    rows = [(36 - 1 - int(d) % 12) % 24 if i < 5 else int(d) for i, d in enumerate(draw)]
    x, success, slope = (made.seen[name][:, rows] for name in ("x", "success", "slope"))
    assert torch.equal(picks[0], x)
    made.map.load_state_dict(state)
    x = x.clone().requires_grad_()
    logit = forward(x)
    (own,) = torch.autograd.grad(torch.sigmoid(logit).sum(), x, create_graph=True)
    for g in range(2):
        rate = torch.sigmoid(logit[g])
        value = -(success[g] * rate.log() + (1 - success[g]) * (1 - rate).log()).mean()
        steep = (own[g] - slope[g]).pow(2).mean() / slope[g].pow(2).mean()
        losses.append(value + steep)
    wanted = torch.autograd.grad(sum(losses), list(made.map.parameters()))
    for (name, gradient), plain in zip(found.items(), wanted, strict=True):
        assert torch.allclose(gradient, plain, atol=1e-5, rtol=1e-3), name
    again = group(shared=False, fits=0, moves=0, steps=4)
    again.seen, again.done = made.seen, made.done
    before = [weight.detach().clone() for weight in again.map.parameters()]
    again.fit(torch.Generator().manual_seed(3))
    moves = [(now - old).abs().max() for now, old in zip(again.map.parameters(), before, strict=True)]
    assert max(moves).item() == pytest.approx(0.002, rel=0.01), "Adam's first step is as long as its rate"


def test_where_the_victim_answers_the_same_everywhere_the_map_stays_finite():
    class Flat:
        def __call__(self, triggers, generator):
            return 0.3 + 0 * triggers.flatten(2).sum(2)

    made, draw = group(), torch.Generator().manual_seed(0)
    made.step(Flat(), draw)
    assert not made.seen["slope"].any()
    assert all(torch.isfinite(weight).all() for weight in made.map.parameters())


def test_a_fit_sees_512_answers_half_of_them_from_the_last_eight_steps(monkeypatch):
    made = group(fits=0, moves=0, steps=20)
    draw, forward, seen = torch.Generator().manual_seed(0), made.map.forward, []
    for step in range(12):
        made.places = torch.full_like(made.places, step / 10)  # so that an answer tells its step
        made.step(Slope(), draw)
    monkeypatch.setattr(made.map, "forward", lambda x: seen.append(x.detach()) or forward(x))
    made.fit(draw)
    steps = (torch.logit(seen[0][0, :, 0]) * 10).round().long()
    assert len(steps) == 512
    assert set(steps[:256].tolist()) == set(range(4, 12))
    assert set(steps[256:].tolist()) == set(range(12)), "the other half is of any age"


def test_samples_are_the_particles_and_beyond_their_number_copies_that_walked_on():
    made = group(size=4)
    made.height = lambda x: torch.ones(x.shape[:2])
    own = torch.sigmoid(made.places).view(2, 40, 3, 4, 4)
    assert torch.equal(made.sample(25, torch.Generator()), own[:, :25])
    more = made.sample(90, torch.Generator().manual_seed(0))
    assert more.shape == (2, 90, 3, 4, 4)
    assert torch.equal(more[:, :40], own)
    gaps = (more[:, 40:80] - own).flatten(2).norm(dim=2)
    assert gaps.min() > 0.01
    strangers = (own.roll(1, 1) - own).flatten(2).norm(dim=2).mean()
    assert gaps.mean() < strangers, "each is still near to the one that it left"
    assert group().entropy() == [None, None]


def test_training_steers_the_stride_and_sampling_leaves_it():
    made, draw = group(fits=0), torch.Generator().manual_seed(0)
    made.step(Slope(), draw)  # hardly any edge yet: nearly every move is accepted
    after = made.stride.clone()
    assert (after > 0.1).all()
    made.sample(90, draw)
    assert torch.equal(made.stride, after)


def test_what_is_not_said_of_particles_is_as_the_configuration_has_it():
    made = Particles(torch.tensor([0.5]), alpha=0.5, batch=6, steps=10, shared=True)
    first = Particles(torch.tensor([0.5]), alpha=0.5, batch=6, steps=10, shared=True, seed=0)
    config = make_config(data="signs")
    assert made.moves == config.particle_moves == 10
    assert made.places.shape == (1, config.particles, 27) == (1, 512, 27)
    assert (made.size, made.fits) == (3, 4)
    assert made.optimiser.param_groups[0]["lr"] == 0.002
    assert made.map.layers[1].weight.shape == (1, 128, 128)
    assert torch.equal(made.places, first.places)
    asked = []
    made.walk = lambda places, moves, generator, adapt: asked.append((moves, adapt)) or places
    made.sample(513, torch.Generator())
    assert asked == [(40, False)]


def test_particles_start_uniform_within_the_box():
    made = group(count=2000)
    x = torch.sigmoid(made.places)
    assert x.min() >= 1e-3 - 1e-6
    assert x.max() <= 1 - 1e-3 + 1e-6
    assert x.mean().item() == pytest.approx(0.5, abs=0.01)
    assert x.std().item() == pytest.approx(12**-0.5, abs=0.01)


# -- flows
def test_a_coupling_bends_the_moved_values_by_splines_of_those_that_stay():
    from mesa_core.method.submodels import splines

    layer = Coupling(2, torch.tensor([0, 3, 4]), 5, 8, 6, torch.Generator().manual_seed(0))
    torch.nn.init.normal_(layer.last.weight, std=0.5, generator=torch.Generator().manual_seed(1))
    x = torch.rand(2, 7, 5)
    out, total = layer(x, False)
    assert torch.equal(out[..., [0, 3, 4]], x[..., [0, 3, 4]])
    for g in range(2):
        h = 2 * x[g][:, [0, 3, 4]] - 1
        for part in (layer.first, layer.second):
            h = F.silu(h @ part.weight[g] + part.bias[g])
        free = (h @ layer.last.weight[g] + layer.last.bias[g]).view(7, 2, -1)
        bent, slope = splines.apply(x[g][:, [1, 2]], free)
        assert torch.allclose(out[g][:, [1, 2]], bent, atol=1e-5)
        assert torch.allclose(total[g], slope.sum(1), atol=1e-4)


def test_in_two_layers_each_value_is_bent_once():
    made = SplineFlow(1, 27, torch.Generator().manual_seed(0))
    assert len(made.layers) == 6
    for first, second in zip(made.layers[::2], made.layers[1::2], strict=True):
        assert sorted(first.stay.tolist() + second.stay.tolist()) == list(range(27))
        assert sorted(first.moved.tolist()) == second.stay.tolist()
        assert len(first.stay) == 14
    assert made.layers[0].stay.tolist() != made.layers[2].stay.tolist()
    assert len(SplineFlow(1, 5, torch.Generator(), layers=3).layers) == 3
    assert made.layers[0].second.weight.shape == (1, 64, 64)
    assert made.layers[0].last.weight.shape[2] == 13 * (3 * 6 + 1), "six bins"


def bent(alpha=0.5, done=10, **more):
    """A flow that is no longer flat, over particles whose F is known."""
    made = Flow(
        torch.tensor([0.5, 0.9]),
        steps=10,
        alpha=alpha,
        batch=6,
        shared=True,
        count=40,
        width=8,
        moves=1,
        seed=3,
        **more,
    )
    draw = torch.Generator().manual_seed(0)
    for layer in made.flow.layers:
        torch.nn.init.normal_(layer.last.weight, std=0.2, generator=draw)
    made.particles.height, made.particles.done = height, done
    return made


def test_samples_are_thinned_by_what_the_particles_map_says():
    made = bent()
    x = torch.rand(2, 9, 27)
    edge = torch.tensor([[0.575], [0.915]])
    assert torch.allclose(made.log_chance(x), -54 * (edge - height(x)).clamp(min=0), atol=1e-4)
    draw = torch.Generator().manual_seed(4)
    found, density = made.draw(5, draw)
    again = torch.Generator().manual_seed(4)
    with torch.no_grad():
        tries, q = made.flow(torch.rand(2, 40, 27, generator=again))
        chance = made.log_chance(tries)
        dice = torch.rand(2, 40, generator=again).log()
    norm = [math.log(chance[g].double().exp().mean()) for g in range(2)]
    for g in range(2):
        for i in range(5):
            mine = [t * 5 + i for t in range(8)]  # each sample has tries of its own
            taken = [k for k in mine if dice[g, k] < chance[g, k]]
            k = taken[0] if taken else max(mine, key=lambda k, g=g: chance[g, k])
            assert torch.equal(found[g, i], tries[g, k])
            assert density[g, i].item() == pytest.approx((q[g, k] + chance[g, k]).item() - norm[g], abs=1e-3)
    assert made.sample(5, torch.Generator().manual_seed(4)).shape == (2, 5, 3, 3, 3)


def test_the_stated_entropy_is_that_of_the_thinned_law():
    made = bent(alpha=30.0)
    found = made.entropy()
    with torch.no_grad():
        x, q = made.flow(torch.rand(2, 8192, 27, generator=torch.Generator().manual_seed(0)))
        w = made.log_chance(x).double().exp()
    for g, told in enumerate(found):
        share = w[g] / w[g].sum()
        surprise = -(q[g].double() + w[g].log() - w[g].mean().log())
        value = (share * surprise).sum()
        assert told["value"] == pytest.approx(value.item(), abs=2e-3)
        assert told["error"] == pytest.approx((share * (surprise - value)).square().sum().sqrt().item(), abs=2e-3)
        assert told["n"] == pytest.approx(1 / share.square().sum().item(), abs=1)
        assert told["method"] == "density"
        assert all(told[name] == round(told[name], 3) for name in ("value", "error")), "in the digits that are written"
        assert told["value"] < 0


def test_where_too_few_samples_stand_behind_it_no_entropy_is_stated(monkeypatch):
    made = bent(alpha=30.0)
    counts = [told["n"] for told in made.entropy()]
    assert counts[0] != counts[1]
    monkeypatch.setattr(flow, "EFFECTIVE", max(counts))
    assert [told is None for told in made.entropy()] == [n < max(counts) for n in counts]


def test_an_entropy_needs_two_hundred_samples_of_8192_that_count():
    made, asked = bent(), []
    for whole, part, stated in ((199, 0.5, False), (200, 0.02, True)):  # worth 199.75 and 200.04

        def chance(x, whole=whole, part=part):
            asked.append(x.shape)
            weight = torch.zeros(x.shape[:2])
            weight[:, :whole], weight[:, whole] = 1, part
            return weight.log()

        made.log_chance = chance
        assert [told is not None for told in made.entropy()] == [stated] * 2
    assert [told["n"] for told in made.entropy()] == [200, 200]
    assert set(asked) == {(2, 8192, 27)}


def test_a_flow_learns_by_likelihood_at_a_rate_that_falls_once_the_law_is_sharp(monkeypatch):
    monkeypatch.setattr(flow, "BATCH", 16)
    made = bent(lr=0.01)
    rates = []
    for done in (0, 6, 8, 9, 10):
        made.particles.done = done
        made.fit(torch.Generator().manual_seed(done))
        rates.append(made.optimiser.param_groups[0]["lr"])
    assert rates == pytest.approx([0.01, 0.01, 0.005, 0.0025, 0.0005])
    before = {k: v.clone() for k, v in made.flow.state_dict().items()}
    loss = made.fit(torch.Generator().manual_seed(9))
    found = {k: p.grad.clone() for k, p in made.flow.named_parameters()}
    assert max((p - before[k]).abs().max() for k, p in made.flow.named_parameters()) > 1e-5, "it has taken a step"
    made.flow.load_state_dict(before)
    pick = torch.randint(40, (2, 16), generator=torch.Generator().manual_seed(9))
    x = torch.stack([torch.sigmoid(made.particles.places[g, pick[g]]) for g in range(2)])
    wanted = -made.flow.log_density(x).mean(1)
    assert torch.allclose(loss, wanted, atol=1e-5)
    assert not loss.requires_grad
    for (name, gradient), plain in zip(
        found.items(), torch.autograd.grad(wanted.sum(), list(made.flow.parameters())), strict=True
    ):
        assert torch.allclose(gradient, plain, atol=1e-5), name


def test_what_is_not_said_of_flows_is_their_seed_size_and_rate():
    made, first = (
        Flow(torch.tensor([0.5]), steps=1, alpha=0.5, batch=6, shared=True, **more) for more in ({}, {"seed": 0})
    )
    assert (made.lr, made.size) == (0.003, 3)
    assert made.optimiser.param_groups[0]["lr"] == 0.003
    assert torch.equal(made.flow.layers[0].first.weight, first.flow.layers[0].first.weight)
    assert torch.equal(made.particles.places, first.particles.places)


def test_a_training_of_one_step_ends_at_its_full_rate():
    made = Flow(torch.tensor([0.5]), steps=1, alpha=0.5, batch=6, shared=True, count=40, width=8, moves=1, lr=0.01)
    seen, density = [], made.flow.log_density
    made.flow.log_density = lambda x: seen.append(x.shape) or density(x)
    made.fit(torch.Generator().manual_seed(0))
    assert made.optimiser.param_groups[0]["lr"] == 0.01
    assert seen == [(1, 256, 27)]


def test_flows_take_few_steps_while_the_law_changes_and_many_after():
    made, fits = bent(done=0), []
    made.particles.step = lambda *_: setattr(made.particles, "done", made.particles.done + 1)
    made.fit = lambda generator: fits.append(made.particles.done)
    for _ in range(10):
        made.step(None, None)
    assert made.particles.annealed == 6
    assert [fits.count(done) for done in range(1, 11)] == [0, 0, 0, 1, 0, 0, 4, 4, 4, 4]


def test_the_log_of_a_mean_by_hand():
    found = mean_log(torch.tensor([[0.0, math.log(3.0)], [-1000.0, -1000.0]]))
    assert found.flatten().tolist() == pytest.approx([math.log(2), -1000.0])
    assert found.shape == (2, 1)
