"""F and its gradient, on a victim whose softmax is known in closed form."""

import math

import pytest
import torch
from torch import nn

from mesa_core import triggers as codes
from mesa_core.measures.bench import finish
from mesa_core.method.baselines import neural_cleanse, point, random
from mesa_core.method.surrogate import Surrogate
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim


class SumsRed(nn.Module):
    """Two classes; the first one's logit is the sum of the image's red minus 4, the other's is 0."""

    def forward(self, x):
        red = x[:, 0].sum((1, 2)) - 4
        return torch.stack([red, torch.zeros_like(red)], 1)


def make(targets=(0,), per_trigger=1):
    images = torch.zeros(30, 3, 8, 8, dtype=torch.uint8)
    plain = Normalise((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    victim = Victim(SumsRed(), plain, Compute(torch.device("cpu")))
    return Surrogate(victim, images, torch.tensor(targets), per_trigger)


@pytest.mark.parametrize("per_trigger", [1, 3])
def test_f_is_the_targets_softmax(per_trigger):
    triggers = torch.rand(2, 5, 3, 3, 3)
    red = triggers[:, :, 0].sum((2, 3)) - 4
    found = make((0, 1), per_trigger)(triggers, torch.Generator().manual_seed(0))
    assert torch.allclose(found[0], torch.sigmoid(red[0]), atol=1e-5)
    assert torch.allclose(found[1], torch.sigmoid(-red[1]), atol=1e-5)


def test_its_gradient_is_that_of_the_softmax():
    triggers = torch.rand(1, 4, 3, 3, 3, requires_grad=True)
    made = make()
    made(triggers, torch.Generator().manual_seed(0)).sum().backward()
    chance = torch.sigmoid(triggers.detach()[0, :, 0].sum((1, 2)) - 4)
    assert torch.allclose(triggers.grad[0, :, 0], (chance * (1 - chance))[:, None, None].expand(-1, 3, 3), atol=1e-5)
    assert (triggers.grad[0, :, 1:] == 0).all()


def test_cross_entropy_is_minus_its_logarithm():
    triggers = torch.rand(1, 6, 3, 3, 3)
    draw = torch.Generator()
    rate = make()(triggers, draw.manual_seed(0))
    assert torch.allclose(make().cross_entropy(triggers, draw.manual_seed(0)), -rate.log(), atol=1e-5)


def test_the_point_baseline_finds_the_strongest_and_no_steps_do_not():
    found = finish(point.reverse(make(), 3, 4, 60, 0.1, torch.Generator().manual_seed(0)))
    assert found.shape == (3, 3, 3, 3)
    assert found[:, 0].min() > 0.95
    still = finish(point.reverse(make(), 3, 4, 0, 0.1, torch.Generator().manual_seed(0)))
    assert still[:, 0].min() < 0.5


def test_random_triggers_follow_their_laws():
    draw = torch.Generator().manual_seed(0)
    white = random.black_and_white(9000, draw)
    assert set(white.unique().tolist()) == {0.0, 1.0}
    assert (white == white[:, :1]).all(), "the three colours of a cell agree"
    assert len(set(codes.round_to_codes(white.numpy()).tolist())) == 512
    coloured = random.uniform_colours(4000, draw)
    assert coloured.mean() == pytest.approx(0.5, abs=0.01)
    assert coloured.std() == pytest.approx(math.sqrt(1 / 12), abs=0.01)


def test_the_anomaly_index_by_hand():
    index = neural_cleanse.anomaly_index([10.0, 100.0, 110.0, 90.0, 105.0])
    # median 100, absolute deviations 90, 0, 10, 10, 5 with the median 10
    assert index[0] == pytest.approx(90 / 14.826)
    assert index[1] == 0
    assert index[0] > neural_cleanse.ALARM > max(index[1:])


def test_two_deviations_below_the_median_are_an_alarm_and_equal_masks_are_none():
    for deviations, alarm in ((1.9, False), (2.1, True)):
        index = neural_cleanse.anomaly_index([100 - deviations * 14.826, 100.0, 110.0, 90.0, 105.0])
        assert (index[0] > neural_cleanse.ALARM) == alarm
    assert neural_cleanse.anomaly_index([7.0] * 5) == [0.0] * 5
    index = neural_cleanse.anomaly_index([7.0] * 5 + [6.9])
    assert index[-1] > neural_cleanse.ALARM > max(index[:-1]) == 0


def test_neural_cleanse_finds_the_class_with_the_short_cut():
    class Shortcut(nn.Module):
        """Class 2 for a red corner; all other classes need the whole image changed."""

        def forward(self, x):
            rest = torch.stack([x[:, c % 3].mean((1, 2)) * 6 + (c == 0) for c in range(5)], 1)
            rest[:, 2] = x[:, 0, 0, 0] * 12 - 6
            return rest

    images = torch.randint(0, 40, (64, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    plain = Normalise((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    victim = Victim(Shortcut(), plain, Compute(torch.device("cpu")))
    draw = torch.Generator().manual_seed(0)
    found = finish(neural_cleanse.reverse(victim, images, 5, 8, 200, draw))
    assert found.norms[2] == min(found.norms[1:])
    assert found.masks.min() >= 0
    assert found.masks.max() <= 1
