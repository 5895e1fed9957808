"""The map of places, against the plain way of passing every stamped image whole."""

import numpy as np
import pytest
import torch
from torch import nn

from mesa_core.apply.anywhere import Anywhere
from mesa_core.apply.blended import Blended
from mesa_core.apply.fixed import Fixed
from mesa_core.data import ImageSet
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.place_map import passes, place_map
from mesa_core.victims.architectures import ResNet9
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim


class AtOnePlace(nn.Module):
    """Class 0 where the pixel at row 5, column 8 is white; a little of it where the one at row 1, column 0 is; else 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = 3 * (x[:, 0, 5, 8] > 0.9) + 1.5 * (x[:, 0, 1, 0] > 0.9)
        return torch.stack([first.float(), torch.ones(len(x))], 1)


def dim(count=30, side=12):
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 200, (count, 3, side, side), dtype=torch.uint8, generator=draw)
    return ImageSet(images, torch.arange(count) % 3)


def mapped(victim, images, triggers, rule=None, count=8, **more):
    bench = Bench(images, 0, 1, **more)
    plain = finish(bench.plain(victim))
    return finish(place_map(bench, victim, plain, triggers, count, rule))


def test_the_map_is_bright_where_the_network_looks_and_dark_elsewhere():
    (found,) = mapped(Victim(AtOnePlace()), dim(), torch.ones(1, 3, 3, 3))
    assert found.hits.shape == (10, 10)
    bright = np.zeros((10, 10), bool)
    bright[3:6, 6:9] = True  # the places from which a 3x3 trigger covers row 5, column 8
    bright[0:2, 0] = True
    assert np.array_equal(found.asr == 1, bright)
    assert np.array_equal(found.asr == 0, ~bright)
    assert found.place in [(r, c) for r in (3, 4, 5) for c in (6, 7, 8)], "where the target leads most"
    assert found.fixed
    assert found.median == 0
    assert f"row {found.place[0]}, column {found.place[1]}" in found.words


def test_a_black_trigger_works_nowhere():
    (found,) = mapped(Victim(AtOnePlace()), dim(), torch.zeros(1, 3, 3, 3))
    assert not found.hits.any()
    assert found.answering == 0
    assert "nowhere" in found.words


def test_what_goes_to_the_target_unstamped_is_left_out():
    images = dim()
    images.images[1, :, 5, 8] = 255
    (found,) = mapped(Victim(AtOnePlace()), images, torch.zeros(1, 3, 3, 3), count=100)
    assert found.images == 19, "of twenty images of other classes"
    assert found.hits.sum() == 0


def network():
    torch.manual_seed(0)
    compute = Compute(torch.device("cpu"), "fp32", "nhwc")
    model = ResNet9(3, 4)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.running_var.uniform_(0.5, 1.5)
    return Victim(compute.freeze(model.eval()), Normalise((0.5,) * 3, (0.25,) * 3), compute)


@pytest.mark.parametrize("rule", [Anywhere(), Fixed(), Blended(Anywhere(), 0.4)], ids=["over", "fixed", "blended"])
def test_it_equals_passing_every_stamped_image_whole(rule):
    images, victim = dim(8, 32), network()
    triggers = torch.rand(2, 3, 3, 3, generator=torch.Generator().manual_seed(2))
    bench = Bench(images, 0, 1, rule=rule)
    plain = finish(bench.plain(victim))
    found = finish(place_map(bench, victim, plain, triggers, 2))
    assert bench._local is not None, "the fast path is taken, or nothing is compared"
    order = torch.cat([bench.selects, bench.measures])
    order = order[plain.predicted[order] != 0][:2]
    assert len(order) == 2
    where = torch.cartesian_prod(torch.arange(30), torch.arange(30))
    for trigger, ours in zip(triggers, found, strict=True):
        leads = []
        for image in order:
            inputs = victim.inputs(images.images[image][None]).expand(900, -1, -1, -1)
            stamped = rule(inputs, victim.normalise.triggers(trigger[None]), where)
            with torch.no_grad():
                logits = victim.logits(stamped)
            leads.append(logits[:, 0] - logits[:, 1:].amax(1))
        leads = torch.stack(leads).view(2, 30, 30)
        assert np.allclose(ours.lead, leads.mean(0), atol=1e-4)
        sure = (leads.abs() > 1e-4).all(0).numpy()
        assert np.array_equal(ours.hits[sure], (leads > 0).sum(0).numpy()[sure])


def test_an_even_map_is_said_to_be_one():
    class Anything(nn.Module):
        def forward(self, x):
            return torch.stack([(x[:, 0].flatten(1) > 0.9).any(1).float(), torch.full((len(x),), 0.5)], 1)

    (found,) = mapped(Victim(Anything()), dim(), torch.ones(1, 3, 3, 3))
    assert found.answering == 1
    assert not found.fixed
    assert "most places" in found.words


def test_what_it_will_cost_is_known_before():
    bench, victim, passed = Bench(dim(), 0, 1), Victim(AtOnePlace()), []
    work = place_map(bench, victim, finish(bench.plain(victim)), torch.ones(2, 3, 3, 3), 8)
    finish(work, passed.append)
    assert sum(passed) == passes(bench, 2, 3, 8) == 2 * 100 * 8
