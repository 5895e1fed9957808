"""What is cut out of tiles, on networks of which it is known where they can be opened."""

import pytest
import torch

from mesa_core.apply import plan
from mesa_core.apply.places import Box
from mesa_core.config import make_config
from mesa_core.measures.bench import Bench, finish
from mesa_core.method import tiles
from mesa_core.method.glance import Answer, Pair
from mesa_core.victims.victim import Victim
from tests.method.test_placed import OpensAt, images

CONFIG = make_config(data="signs", search_places="plan")


def cut(network, row, column, told=None):
    """What is cut out of one tile of noise, white in the 3x3 pixels at (5, 6) of the image."""
    generator = torch.Generator().manual_seed(0)
    trigger = 0.4 * torch.rand(3, 8, 8, generator=generator)
    trigger[:, 5 - row : 8 - row, 6 - column : 9 - column] = 1
    tile = plan.Part("tile", Box(row, column, row, column), 8)
    victim, defender = Victim(network), images()
    plain = finish(Bench(defender, 0, 0, absent=True).plain(victim))
    return finish(tiles.cut(victim, defender, plain, [Answer(Pair(2, tile), trigger, 1.0)], CONFIG, generator), told)


@pytest.mark.parametrize("corner", [(0, 1), (4, 4), (5, 6)])
def test_the_trigger_is_cut_out_at_its_place_and_made_strong(corner):
    passed = []
    (found,), looks, passes = cut(OpensAt((5, 6)), *corner, passed.append)
    assert (found.target, found.place, found.part) == (2, (5, 6), "tile")
    assert found.trigger.shape == (3, 3, 3)
    assert found.trigger.mean() > 0.9
    assert found.share > 0.9
    assert found.lead > 0
    assert sum(passed) == looks + passes
    most = tiles.cost([plan.Part("tile", Box(0, 0, 0, 0), 8)] * 25, 3)
    assert looks <= most[0]
    assert passes <= most[1]


def test_nothing_is_cut_where_nothing_of_that_size_opens_the_network():
    """The control: the same tile, and a network that answers to nothing in it."""
    assert cut(OpensAt(None), 4, 4)[0] == []


@pytest.mark.parametrize(("side", "size"), [(8, 3), (8, 8), (8, 5), (15, 3), (47, 3), (47, 8)])
def test_wherever_the_trigger_lies_some_window_of_each_round_holds_it(side, size):
    for row in range(side - size + 1):
        top, within = 0, side
        for inside, corners in tiles.rounds(side, size):
            rows = {r for r, _ in corners}
            assert min(rows) >= 0
            assert max(rows) + inside == within
            holding = [top + r for r in rows if top + r <= row and row + size <= top + r + inside]
            assert holding
            top, within = holding[0], inside
        assert top == row


def test_a_large_tile_is_narrowed_down_to_the_trigger():
    network, defender = OpensAt((25, 13)), images(60, side=40)
    trigger = 0.3 * torch.rand(3, 30, 30, generator=torch.Generator().manual_seed(0))
    trigger[:, 20:23, 10:13] = 1
    victim = Victim(network)
    plain = finish(Bench(defender, 0, 0, absent=True).plain(victim))
    seen = [Answer(Pair(2, plan.Part("tile", Box(5, 3, 5, 3), 30)), trigger, 1.0)]
    work = tiles.cut(victim, defender, plain, seen, CONFIG, torch.Generator().manual_seed(0))
    (found,), _, _ = finish(work)
    assert found.place == (25, 13)
