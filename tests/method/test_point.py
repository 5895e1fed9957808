"""The point baseline's steps by hand: momentum, and pixels that are clipped at both ends after each."""

from dataclasses import dataclass, field, replace

import pytest
import torch

from mesa_core import pacing
from mesa_core.measures.bench import finish
from mesa_core.method.baselines import point, random


@dataclass(frozen=True)
class Slopes:
    """A surrogate whose loss is a weighed sum of pixels; it notes what it is asked."""

    slope: torch.Tensor
    targets: torch.Tensor = field(default_factory=lambda: torch.tensor([4, 6]))
    per_trigger: int = 1
    asked: list = field(default_factory=list)
    told: list = field(default_factory=list)

    def expecting(self, gradients, size):
        self.told.append((gradients, size))
        return replace(self)

    def cross_entropy(self, pixels, generator):
        self.asked.append((pixels.detach().clone(), self.targets.tolist(), self.per_trigger))
        return (pixels * self.slope).flatten(2).sum(2)


def reverse(slope, seeds=2, batch=5, steps=6, lr=0.1, size=3):
    made = Slopes(slope)
    found = finish(point.reverse(made, seeds, batch, steps, lr, torch.Generator().manual_seed(3), size))
    return made, found


def test_pixels_follow_momentum_and_are_clipped_to_the_box_after_each_step():
    slope = torch.linspace(-1.5, 1.5, 27).view(1, 1, 3, 3, 3)
    made, found = reverse(slope)
    pixels = torch.rand(2, 1, 3, 3, 3, generator=torch.Generator().manual_seed(3))
    speed = torch.zeros_like(pixels)
    for seen, targets, per_trigger in made.asked:
        assert torch.allclose(seen, pixels, atol=1e-6)
        assert (targets, per_trigger) == ([4, 4], 5)
        speed = 0.9 * speed + slope
        pixels = (pixels - 0.1 * speed).clamp(0, 1)
    assert torch.allclose(found, pixels[:, 0], atol=1e-6)
    assert found.min() == 0
    assert found.max() == 1
    assert ((found > 0) & (found < 1)).any(), "flat places stay within"
    assert len(made.asked) == 6
    assert made.told == [(2 * 5 * 6, 3)]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_steep_loss_ends_at_the_edge_and_not_beyond(sign):
    _, found = reverse(torch.full((1, 1, 3, 3, 3), sign), steps=40)
    assert (found == (0 if sign > 0 else 1)).all()


def test_the_first_target_alone_is_searched_and_every_report_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr(pacing, "INTERVAL", 0.0)
    told = []
    finish(point.reverse(Slopes(torch.ones(1)), 2, 5, 4, 0.0, torch.Generator().manual_seed(0)), told.append)
    assert [(one.stage, one.done, one.total) for one in told] == [("point", step, 4) for step in (1, 2, 3, 4)]
    start = torch.rand(2, 27, generator=torch.Generator().manual_seed(0))
    assert told[0].metrics["loss"] == pytest.approx(start.sum(1).mean().item(), abs=1e-4)


@pytest.mark.parametrize("side", [3, 4])
def test_random_triggers_have_the_size_that_is_asked_and_3x3_where_none_is(side):
    for make in (random.black_and_white, random.uniform_colours):
        given = () if side == 3 else (side,)
        found = make(7, torch.Generator().manual_seed(0), *given)
        assert found.shape == (7, 3, side, side)
        assert torch.equal(found, make(7, torch.Generator().manual_seed(0), side))


def test_it_starts_uniform_and_each_seed_is_a_trigger_of_its_own():
    _, found = reverse(torch.zeros(1), seeds=200, steps=0, size=4)
    assert found.shape == (200, 3, 4, 4)
    assert found.mean().item() == pytest.approx(0.5, abs=0.02)
    assert found.std().item() == pytest.approx(12**-0.5, abs=0.01)
    assert not found.requires_grad
