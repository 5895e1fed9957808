"""Which size a trigger was planted with, on networks of which it is known."""

import pytest
import torch
from torch import nn

from mesa_core.apply.places import Box
from mesa_core.config import make_config
from mesa_core.data import ImageSet
from mesa_core.measures.bench import Bench, finish
from mesa_core.method import planted
from mesa_core.method.planted import Led, Sizing
from mesa_core.victims.victim import Victim

CONFIG = make_config(data="signs", hidden=32, detect_steps=100, detect_batch=12)


class Whitest(nn.Module):
    """Class 2 by how white the whitest square of so many pixels is, so that a 3x3 trigger opens it whatever they are; else the
    class whose colour is strongest."""

    def __init__(self, side):
        super().__init__()
        self.side = side
        self.unused = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, x):
        peak = nn.functional.avg_pool2d(x.mean(1, keepdim=True), self.side, 1).amax((1, 2, 3))
        blue = 15 * (peak - 0.3)
        return 10 * x.mean((2, 3)) + torch.stack([0 * blue, 0 * blue, blue], 1)


def sized(side, box=None, known=3):
    draw, labels = torch.Generator().manual_seed(0), torch.arange(120) % 3
    pictures = torch.randint(0, 120, (120, 3, 15, 15), generator=draw, dtype=torch.uint8)
    pictures[torch.arange(120), labels] += 100
    victim, images = Victim(Whitest(side)), ImageSet(pictures, labels)
    plain = finish(Bench(images, 2, 0, absent=True).plain(victim))
    return finish(planted.sizing(victim, images, plain, 2, CONFIG, (known, box), 5))


@pytest.mark.parametrize("side", [3, 5])
def test_the_lead_tells_the_planted_size_where_all_sizes_work(side):
    found = sized(side)
    assert found.size == side
    assert all(one.lead > 0 for one in found.tried), "each opens the network, so the success rate tells nothing"
    assert found.looks == len(found.tried) * CONFIG.detect_steps * CONFIG.detect_batch
    assert found.tried[-1].size == side + 1, "the first that is no better ends it"


def test_at_a_place_every_place_that_covers_it_is_tried_and_no_more_is_taken_than_was_said():
    found = sized(5, Box(6, 6, 6, 6), known=4)
    assert found.size == 5
    assert all(one.box is not None for one in found.tried)
    looks, passes = planted.cost(CONFIG, placed=True)
    assert found.looks <= looks
    assert 0 < found.passes <= passes


def test_places_around_and_inside_are_those_that_cover():
    assert planted.inside(None, 5) == planted.around(None, 3, 4, (15, 15)) == [None]
    assert planted.inside(Box(2, 3, 2, 3), 4) == [Box(r, c, r, c) for r in (2, 3) for c in (3, 4)]
    assert planted.around(Box(0, 12, 0, 12), 3, 4, (15, 15)) == [Box(0, 11, 0, 11)], "at the corner one"


def test_the_first_size_is_believed_whose_lead_is_nearly_that_of_the_next():
    of = lambda *values: Sizing([Led(3 + i, None, value) for i, value in enumerate(values)]).size
    assert of(10, 20, 21) == 4
    assert of(10, 9) == 3
    assert of(1, 2, 4, 8) == 6, "where it grows to the end, the last"
