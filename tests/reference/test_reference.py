"""The reference sampler against sets whose volumes and laws are known."""

from __future__ import annotations

import functools
import math
import shutil

import numpy as np
import pytest
import torch

from mesa_core.reference.guided import Guided
from mesa_core.reference.nested import Nested, fold, mixed
from mesa_core.reference.success import FixedSuccess
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim


def of(function):
    """Value and gradient of a function of `(n, d)`."""

    def slope(x):
        leaf = x.detach().requires_grad_()
        value = function(leaf)
        return value.detach(), torch.autograd.grad(value.sum(), leaf)[0]

    return lambda x: function(x).detach(), slope


def reached(function, dim, levels, count=400, seed=0, made=Nested, **more):
    value, slope = of(function)
    return [found for found in made(value, slope, dim, levels, count, seed, **more).run() if found is not None]


def in_ball(x):
    """1 at the centre of the box, falling with the distance."""
    return 1 - (x - 0.5).norm(dim=1)


def in_corner(x):
    """The least coordinate: {F >= b} is the box [b, 1]^d."""
    return x.min(1).values


def in_two_boxes(x):
    """Two boxes in opposite corners: {F >= b} is [0, 1-b]^d, smaller by a shift of 0.1, and [b, 1]^d."""
    return torch.maximum(x.min(1).values, (1 - x).min(1).values - 0.1)


def ball_volume(dim, radius):
    return dim / 2 * math.log(math.pi) - math.lgamma(dim / 2 + 1) + dim * math.log(radius)


@pytest.mark.parametrize("dim", [2, 10, 27])
def test_the_volume_of_a_ball(dim):
    levels = [0.6, 0.75] if dim < 27 else [0.6]
    found = reached(in_ball, dim, levels, seed=1)
    for one in found:
        truth = ball_volume(dim, 1 - one.beta)
        assert abs(one.log_volume - truth) < 4 * one.log_volume_error + 0.1, (one.beta, one.log_volume, truth)
        assert (one.values >= one.beta).all()
    radius = (found[-1].places - 0.5).norm(dim=1) / (1 - found[-1].beta)
    # Uniform in a ball: the radius to the power d is uniform on [0, 1].
    assert abs(float((radius**dim).mean()) - 0.5) < 0.06


def test_the_volume_of_a_box_and_a_wrong_volume_would_be_noticed():
    (one,) = reached(in_corner, 10, [0.6])
    truth = 10 * math.log(0.4)
    assert abs(one.log_volume - truth) < 4 * one.log_volume_error + 0.1
    assert abs(one.log_volume - 10 * math.log(0.5)) > 4 * one.log_volume_error + 0.1


def test_two_boxes_keep_their_shares():
    (one,) = reached(in_two_boxes, 6, [0.6], count=1500)
    sizes = np.array([0.4**6, 0.3**6])
    share = float((one.places.mean(1) > 0.5).float().mean())
    assert abs(share - sizes[0] / sizes.sum()) < 0.08
    assert abs(one.log_volume - math.log(sizes.sum())) < 4 * one.log_volume_error + 0.1


def from_centre(x):
    """1 at the centre of the box, 0 in its corners, where there are 27 coordinates."""
    return 1 - (x - 0.5).norm(dim=1) / 2.6


@pytest.mark.slow
def test_a_map_leads_to_the_same_volumes_in_27_dimensions():
    radii = [1.0, 0.7]
    found = reached(from_centre, 27, [1 - r / 2.6 for r in radii], 200, seed=1, made=Guided, fits=30, width=96, hops=40)
    for one, radius in zip(found, radii, strict=True):
        assert one.taken > 0.3
        level = (one.places - 0.5).norm(dim=1) / radius
        assert abs(float((level**27).mean()) - 0.5) < 0.1
    # A ball of radius 0.7 sticks out of the box by little; its share of the wider set is known better than either.
    shrunk = found[1].log_volume - found[0].log_volume
    assert abs(shrunk - 27 * math.log(0.7)) < 4 * found[1].log_volume_error + 0.3


class Blind(Guided):
    """Its map is never fitted, so it leads nowhere good."""

    def fit(self):
        pass


@pytest.mark.parametrize("made", [Guided, Blind])
def test_the_law_stays_right_whatever_the_map_says(made):
    (one,) = reached(in_two_boxes, 6, [0.6], count=1000, made=made, flights=4, fits=10, hops=30, width=64)
    sizes = np.array([0.4**6, 0.3**6])
    share = float((one.places.mean(1) > 0.5).float().mean())
    assert abs(share - sizes[0] / sizes.sum()) < 0.1
    assert abs(one.log_volume - math.log(sizes.sum())) < 4 * one.log_volume_error + 0.2
    large = one.places[one.places.mean(1) > 0.5]
    assert abs(float(large.mean()) - 0.8) < 0.01


@pytest.mark.parametrize("second_stage", [True, False])
def test_without_the_second_stage_the_law_would_be_wrong(monkeypatch, second_stage):
    if not second_stage:  # the negative control: where walks on a blind map end, there they stay
        monkeypatch.setattr(Blind, "_taken", lambda self, values, gain: torch.ones_like(values, dtype=torch.bool))
    made = Blind(*of(in_two_boxes), 6, [0.6], 200, 0, fits=1, width=64)
    rounds = made.run()
    for _ in range(6):
        next(rounds)
    assert bool((made.values >= made.threshold).all()) == second_stage


def under_a_slope(x):
    """{F >= 0} is a triangle that is five times as wide as it is high."""
    return 1 - x[:, 0] - 5 * x[:, 1]


@pytest.mark.parametrize("euclid", [False, True])
def test_mirrors_keep_the_uniform_law_where_a_set_is_narrow(monkeypatch, euclid):
    if euclid:  # the negative control: velocities of one metric, mirrored in another
        fly = Nested._fly
        monkeypatch.setattr(Nested, "_fly", lambda self, velocity, spread: fly(self, velocity, torch.ones_like(spread)))
    made = Nested(*of(under_a_slope), 2, [0.0], 10_000, 0)
    corner = torch.rand(10_000, 2, generator=made.generator)
    corner = torch.where(corner.sum(1, keepdim=True) > 1, 1 - corner, corner)  # uniform on x + y <= 1
    made.places, made.threshold = corner / torch.tensor([1.0, 5.0]), 0.0
    made.values = made._value(made.places)
    made._fly_on(60)
    centre = made.places.mean(0) * torch.tensor([1.0, 5.0])
    assert bool(((centre - 1 / 3).abs() < 0.01).all()) != euclid  # standard error 0.0024


def test_the_logs_of_shares_between_levels_are_not_biased():
    found = [reached(in_corner, 2, [0.7], 20, seed=seed)[0].log_volume for seed in range(200)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - 2 * math.log(0.3)) < 3 * error
    assert error < 0.04, "small enough to see the 0.08 a round that the plain share would add"


def test_two_runs_agree_and_another_set_does_not():
    one, two = (reached(in_ball, 8, [0.6], seed=seed)[0].places for seed in (1, 2))
    (other,) = reached(in_corner, 8, [0.6], seed=3)
    assert mixed(one, two) < 0.56
    assert mixed(one, other.places) > 0.8


@pytest.mark.parametrize(("made", "more"), [(Nested, {}), (Guided, {"fits": 2, "hops": 5, "width": 16})])
def test_the_same_seed_gives_the_same_sample_and_a_stop_changes_nothing(made, more, tmp_path):
    value, slope = of(in_ball)
    calm = reached(in_ball, 5, [0.6, 0.8], count=60, made=made, **more)
    rough = made(value, slope, 5, [0.6, 0.8], 60, 0, **more)
    found = []
    while len(found) < 2:
        found += [one for one in [next(rough.run())] if one is not None]
        torch.save(rough.state(), tmp_path / "state.pt")
        rough = made(value, slope, 5, [0.6, 0.8], 60, 99, **more)
        rough.load(torch.load(tmp_path / "state.pt", weights_only=True))
    assert all(
        torch.equal(a.places, b.places) and a.log_volume == b.log_volume for a, b in zip(calm, found, strict=True)
    )


def test_levels_must_rise():
    with pytest.raises(ValueError, match="rise"):
        Nested(*of(in_ball), 3, [0.8, 0.5], 10, 0)


def test_folding_mirrors_place_and_velocity():
    place, velocity = fold(torch.tensor([[1.2, -0.3, 0.5, 2.1]]), torch.ones(1, 4))
    assert torch.allclose(place, torch.tensor([[0.8, 0.3, 0.5, 0.1]]), atol=1e-6)
    assert velocity.tolist() == [[-1.0, -1.0, 1.0, 1.0]]


def test_success_is_fixed_and_its_slope_is_right(blobs, compute):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.SiLU(), torch.nn.Flatten(), torch.nn.Linear(784, 3))
    victim = Victim(model, Normalise((0.5,) * 3, (0.25,) * 3), compute)
    success = FixedSuccess(victim, blobs.test.images, 1, 0, count=7)
    x = torch.rand(5, 27)
    assert torch.equal(success.value(x), success.value(x))
    (value, slope), small = success.slope(x), 1e-2
    assert torch.allclose(value, success.value(x), atol=1e-5)
    move = torch.zeros_like(x)
    move[:, 4] = small
    numeric = (success.value(x + move) - success.value(x - move)) / (2 * small)
    assert torch.allclose(slope[:, 4], numeric, atol=1e-3, rtol=0.05)


@pytest.mark.slow
def test_a_run_gets_its_reference_and_another_run_is_compared_with_it(store, tiny_data, drawn_signs, monkeypatch):
    from small_sweep import LEAST

    from mesa_core.config import make_config
    from mesa_core.experiment import execute
    from mesa_core.measures.bench import finish
    from mesa_core.reference import build, record

    store.root.mkdir(exist_ok=True)
    (store.root / "cache").symlink_to(drawn_signs)  # a reference is made of the real images
    settings = {**LEAST, "data": "signs", "mesa_steps": 12, "landscape_images": 4}
    run = store.create(make_config(settings).to_dict(), "one")
    assert execute(run, store) == "finished"
    assert run.result()["submodels"][1]["reference"] is None
    assert run.result()["submodels"][1]["nested"]["n"] == 32
    # A backdoor as small as this one has hardly any valid trigger, so a set of known form stands in for F.
    value, slope = of(from_centre)
    monkeypatch.setattr(FixedSuccess, "value", lambda self, x: value(x))
    monkeypatch.setattr(FixedSuccess, "slope", lambda self, x: slope(x))
    monkeypatch.setattr(build, "Guided", functools.partial(Guided, fits=2, hops=5, width=16))
    options = build.Options(levels=(0.45, 0.5), particles=40, images=2, flights=2, sample_images=4)
    told = finish(build.make(run, store, options))
    assert [one["beta"] for one in told["levels"]] == [0.45, 0.5]
    assert told["levels"][0]["log_volume"]["value"] >= told["levels"][1]["log_volume"]["value"] - 0.5
    assert abs(sum(told["gamma"]) - 1) < 1e-6
    kept = record.read(record.folder(store, told["attack"], 0))
    assert kept.level(0.45)[0].shape == (80, 27)
    assert kept.level(0.9) is None
    second = store.create(make_config({**settings, "beta": [0.5, 0.9]}).to_dict(), "two")
    assert execute(second, store) == "finished"
    low, high = second.result()["submodels"]
    assert low["reference"]["n"] == 80
    assert low["reference"]["entropy"]["n"] == low["reference"]["entropy_of_samples"]["n"] == 32
    assert high["reference"] is None
    (record.folder(store, told["attack"], 0) / "reference.json").write_text("{ damaged")
    third = store.create(second.config(), "three")
    assert execute(third, store) == "finished"  # a broken yardstick stops no run
    assert all(one["reference"] is None for one in third.result()["submodels"])
    assert sum(getattr(event, "text", "") == record.DAMAGED for _, event in third.events()) == 1
    assert all(getattr(event, "text", "") != record.DAMAGED for _, event in second.events())


@pytest.mark.slow
def test_a_4x4_run_gets_a_reference_of_its_own_size(large_run, tiny_signs, tmp_path, monkeypatch, compute):
    from mesa_core.measures.bench import finish
    from mesa_core.reference import build, record
    from mesa_core.store import Store

    store = Store(shutil.copytree(large_run.path.parent.parent, tmp_path / "home"))  # something is added to it
    large_run = store.open(large_run.name)
    value, slope = of(from_centre)
    seen = []
    monkeypatch.setattr(build, "load_data", lambda *_, **__: tiny_signs)
    monkeypatch.setattr(FixedSuccess, "value", lambda self, x: seen.append((self.size, x.shape[1])) or value(x))
    monkeypatch.setattr(FixedSuccess, "slope", lambda self, x: slope(x))
    monkeypatch.setattr(build, "Guided", functools.partial(Guided, fits=2, hops=5, width=16))
    options = build.Options(levels=(0.2, 0.25), particles=20, images=2, flights=1, repeats=1, sample_images=4)
    told = finish(build.make(large_run, store, options))
    assert set(seen) == {(4, 48)}
    place = record.folder(store, told["attack"], 0, 4)
    assert place.name.endswith("-4x4")
    assert record.read(place).level(0.2)[0].shape == (20, 48)
    assert set(told["levels"][0]["recall"].values()) == {None}
    assert record.read(record.folder(store, told["attack"], 0)) is None
