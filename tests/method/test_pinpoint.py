"""Where a trigger works best, on networks of which that is known: among all places, and on an image that has too many."""

import pytest
import torch
from torch import nn

from mesa_core.apply.places import Box
from mesa_core.apply.whose import within
from mesa_core.data import ImageSet
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.place_map import place_map
from mesa_core.method import pinpoint
from mesa_core.victims.victim import Victim

WHITE = torch.ones(3, 3, 3)


class Sees(nn.Module):
    """Class 0 by how white the 3x3 pixels at (13, 6) are, `far` also within so many pixels of it, the less the further; else 1."""

    def __init__(self, far):
        super().__init__()
        weights = torch.zeros(24, 24)
        for row in range(24):
            for column in range(24):
                away = max(abs(row - 14), abs(column - 7)) - 1
                weights[row, column] = max(0.0, 1 - max(away, 0) / (far + 1)) if away <= far else 0.0
        self.register_buffer("weights", weights / 9)

    def forward(self, x):
        white = (x[:, 0] > 0.9).float()
        return torch.stack([3 * (white * self.weights).sum((1, 2)), 0.2 * torch.ones(len(x))], 1)


def asked(network, near=None):
    draw = torch.Generator().manual_seed(0)
    images = ImageSet(torch.randint(0, 200, (60, 3, 24, 24), dtype=torch.uint8, generator=draw), torch.arange(60) % 2)
    victim, bench = Victim(network), Bench(images, 0, 1, rule=within([Box(0, 0, 0, 0)], 1.0))
    plain = finish(bench.plain(victim))
    point = finish(pinpoint.pinpoint(bench, victim, plain, WHITE, near))
    (whole,) = finish(place_map(bench, victim, plain, WHITE[None], pinpoint.IMAGES))
    return point, whole


def test_of_all_places_the_best_of_the_whole_map_is_named():
    point, whole = asked(Sees(0))
    assert point.place == whole.place == (13, 6)
    assert point.median == whole.median == 0
    assert point.fixed
    assert not point.nowhere
    assert point.passes == pinpoint.cost((24, 24), 3) == 22 * 22 * pinpoint.IMAGES


@pytest.fixture
def large(monkeypatch):
    """Images of 24x24 count as large: their lattice is every fourth place, 36 of 484."""
    monkeypatch.setattr(pinpoint, "MOST_PLACES", 36)
    assert pinpoint.first((24, 24), 3) == Box(0, 0, 21, 21, 4)


def test_on_a_large_image_the_places_around_the_best_of_a_lattice_are_tried(large):
    point, whole = asked(Sees(4))
    assert point.place == whole.place == (13, 6), "which is none of the lattice"
    assert point.passes < pinpoint.cost((24, 24), 3) < whole.hits.size * whole.images


def test_between_the_places_of_the_lattice_a_trigger_is_found_where_it_is_known_to_work(large):
    point, _ = asked(Sees(0), near=(12, 8))
    assert point.place == (13, 6)
    assert point.fixed
    assert point.median == 0
    assert point.passes <= pinpoint.cost((24, 24), 3)


def test_what_works_nowhere_is_said_to(large):
    dark, _ = asked(Sees(-2))
    assert dark.nowhere
