"""F against a twin that stamps one image after another, for one image a trigger and for several."""

import pytest
import torch
from torch import nn

from mesa_core.apply.anywhere import Anywhere
from mesa_core.apply.stamping import random_locations
from mesa_core.method.surrogate import Surrogate
from mesa_core.victims.architectures import ResNet9
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

NORMALISE = Normalise((0.4, 0.5, 0.3), (0.2, 0.25, 0.3))


class Weighs(nn.Module):
    """Logits that depend on every pixel, so that image, place, colours and order all matter."""

    def __init__(self, classes=3, side=8):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3 * side * side, classes, generator=torch.Generator().manual_seed(0)))

    def forward(self, x):
        return 0.3 * x.flatten(1) @ self.weight


def surrogate(targets=(2, 0), per_trigger=None):
    images = torch.randint(0, 256, (11, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    given = () if per_trigger is None else (per_trigger,)
    return Surrogate(Victim(Weighs(), NORMALISE), images, torch.tensor(targets), *given)


def chances(made, triggers, k, seed):
    """The target's softmax `(N, n, K)`, one image after another, on the same draws."""
    groups, n, side = *triggers.shape[:2], triggers.shape[-1]
    draw = torch.Generator().manual_seed(seed)
    pick = torch.randint(len(made.images), (groups * n * k,), generator=draw)
    where = random_locations(groups * n * k, (8, 8), side, draw)
    mean, std = (torch.tensor(v)[:, None, None] for v in (NORMALISE.mean, NORMALISE.std))
    found = torch.zeros(groups, n, k)
    for g in range(groups):
        for i in range(n):
            for j in range(k):
                at = (g * n + i) * k + j
                image, (row, column) = made.images[pick[at]].float() / 255, where[at].tolist()
                image[:, row : row + side, column : column + side] = triggers[g, i]
                found[g, i, j] = made.victim.model(((image - mean) / std)[None])[0].softmax(0)[made.targets[g]]
    return found


@pytest.mark.parametrize("side", [3, 4])
@pytest.mark.parametrize("k", [1, 3])
def test_f_is_the_mean_of_the_targets_softmax_over_k_images(k, side):
    triggers = torch.rand(2, 5, 3, side, side, generator=torch.Generator().manual_seed(2))
    made = surrogate(per_trigger=k)
    wanted = chances(made, triggers, k, 7)
    found = made(triggers, torch.Generator().manual_seed(7))
    assert found.shape == (2, 5)
    assert torch.allclose(found, wanted.mean(2), atol=1e-5)
    loss = made.cross_entropy(triggers, torch.Generator().manual_seed(7))
    assert torch.allclose(loss, -wanted.log().mean(2), atol=1e-4)
    if k > 1:
        assert (found - wanted.log().mean(2).exp()).abs().max() > 1e-3, "the mean of the logarithms is another"


def test_it_looks_at_one_image_a_trigger_where_nothing_else_is_said():
    triggers = torch.rand(2, 4, 3, 3, 3)
    assert surrogate().per_trigger == 1
    one, three = (surrogate(per_trigger=k)(triggers, torch.Generator().manual_seed(0)) for k in (1, 3))
    assert torch.equal(surrogate()(triggers, torch.Generator().manual_seed(0)), one)
    assert not torch.equal(three, one)


def test_each_call_draws_anew():
    made, triggers, draw = surrogate(), torch.rand(2, 20, 3, 3, 3), torch.Generator().manual_seed(0)
    assert not torch.allclose(made(triggers, draw), made(triggers, draw), atol=1e-3)


class Blends(Anywhere):
    """Leaves half of what lies beneath, so that kept maps of clean images are of no use."""

    overwrites = False

    def __call__(self, images, triggers, places):
        return (images + super().__call__(images, triggers, places)) / 2


def test_what_triggers_change_is_computed_alone_only_where_they_overwrite():
    compute = Compute(torch.device("cpu"), "fp32", "nhwc")
    torch.manual_seed(0)
    victim = Victim(compute.freeze(ResNet9(3, 8)), NORMALISE, compute)
    images = torch.randint(0, 256, (20, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    triggers = torch.rand(1, 6, 3, 3, 3, generator=torch.Generator().manual_seed(2))
    for rule in (Anywhere(), Blends()):
        whole = Surrogate(victim, images, torch.tensor([1]), rule=rule)
        ready = whole.expecting(1000, 3)
        assert (ready.local is not None) == rule.overwrites
        first, second = (one(triggers, torch.Generator().manual_seed(0)) for one in (whole, ready))
        assert torch.allclose(first, second, atol=1e-5)
