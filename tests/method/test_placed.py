"""The search by a plan of places, on networks of which it is known where they can be opened."""

import numpy as np
import pytest
import torch
from torch import nn

from mesa_core.apply import plan
from mesa_core.apply.places import Box
from mesa_core.config import make_config
from mesa_core.data import ImageSet
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.verdict import Detection
from mesa_core.method import detection, glance, placed
from mesa_core.victims.victim import Victim

NAMES = ("red", "green", "blue")


class OpensAt(nn.Module):
    """Class 2 where the 3x3 pixels from a place are white, the more the whiter; else the class whose colour is strongest.

    It does not tell the place well from those a multiple of 4 pixels away, as a network with two pools does not. Without a
    place nothing opens it.
    """

    def __init__(self, place=None):
        super().__init__()
        self.place = place
        self.unused = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, x):
        logits = 30 * x.mean((2, 3))
        if self.place is not None:
            row, column = self.place
            everywhere = nn.functional.avg_pool2d(x.mean(1, keepdim=True), 3, 1)[:, 0]
            there = everywhere[:, row, column]
            alike = everywhere[:, row % 4 :: 4, column % 4 :: 4].amax((1, 2))
            blue = 40 * (alike - 0.45).clamp(min=0) + 20 * (there - 0.45).clamp(min=0)
            logits = logits + torch.stack([0 * blue, 0 * blue, blue], 1)
        return logits


def images(count=240, side=15):
    draw, labels = torch.Generator().manual_seed(0), torch.arange(count) % 3
    pictures = torch.randint(0, 120, (count, 3, side, side), generator=draw, dtype=torch.uint8)
    pictures[torch.arange(count), labels] += 100
    return ImageSet(pictures, labels)


def config(**more):
    said = {"hidden": 32, "detect_steps": 40, "detect_batch": 12, "search_places": "plan", **more}
    return make_config(data="signs", **said)


def verdict(network, **more):
    search = detection.detect(Victim(network), images(), NAMES, config(**more), 3)
    return finish(search)


@pytest.mark.parametrize("place", [(12, 12), (0, 12), (5, 6)], ids=["corner", "other corner", "inside"])
def test_a_trigger_at_one_place_is_found_and_its_place_named(place):
    found = verdict(OpensAt(place))
    assert found.target == 2
    assert found.place is not None
    assert max(abs(found.place.row - place[0]), abs(found.place.column - place[1])) <= 2
    assert found.box.holds(found.place.row, found.place.column)
    assert found.place.effective_asr.value > 0.5 > found.place.elsewhere
    assert found.classes[2].effective_asr == found.place.effective_asr
    assert "pairs of class and part of the image were glanced at" in found.places.words
    assert Detection.from_json(found.to_json()) == found


def test_without_the_plan_it_is_missed():
    """The negative control: at random places such a trigger answers hardly ever."""
    found = verdict(OpensAt((12, 12)), search_places="anywhere")
    assert found.target is None
    assert found.places is None
    assert "places" not in found.to_json(), "results without a plan are as they were"


def test_in_a_network_that_nothing_opens_the_plan_finds_nothing_and_says_what_it_covered():
    found = verdict(OpensAt(None))
    assert found.target is None
    assert found.place is None
    assert found.box is None
    assert found.places.found == []
    assert found.places.pairs == 3 * (len(plan.parts("plan", (15, 15), 3)) - 1)
    assert "27 pairs" in found.places.words


def test_what_is_found_at_random_places_is_mapped_and_not_glanced_at():
    class Anything(OpensAt):
        def forward(self, x):
            white = nn.functional.avg_pool2d(x.mean(1, keepdim=True), 3, 1).amax((1, 2, 3))
            blue = 40 * (white - 0.45).clamp(min=0)
            return 30 * x.mean((2, 3)) + torch.stack([0 * white, 0 * white, blue], 1)

    found = verdict(Anything(), detect_steps=80)
    assert found.target == 2
    assert found.place is None, "it works anywhere"
    assert found.places.pairs == 0
    assert "the rest of the plan was not needed" in found.places.words


def remembering(row, column):
    """A search that knows from another one where class 2 is opened, or believes to."""
    memory = placed.Memory(named=placed.Named(2, row, column, "top edge", 0.1))
    return finish(detection.detect(Victim(OpensAt((12, 12))), images(), NAMES, config(), 3, memory=memory))


def test_a_class_whose_place_is_known_is_searched_there_alone():
    found = remembering(5, 6)
    assert found.target is None, "nothing opens it there, and elsewhere it is not looked for"
    assert all((one.row, one.column) == (5, 6) for one in found.places.found)
    unled = verdict(OpensAt((12, 12)))
    assert (unled.place.row, unled.place.column) == (12, 12), "the control"
    found = remembering(12, 12)
    assert found.target == 2
    assert (found.place.row, found.place.column, found.place.part, found.place.elsewhere) == (12, 12, "top edge", 0.1)


def test_a_glance_costs_what_was_said_and_finds_the_right_part():
    victim, own = Victim(OpensAt((12, 12))), config(search_places="corners,edges,centre,grid")
    pairs = placed.pairs_of(own, (15, 15), range(3))
    passed = []
    work = glance.glance(
        victim, images().images, pairs, 3, 1.0, torch.full((3,), 1 / 3), torch.Generator().manual_seed(0)
    )
    answers = finish(work, passed.append)
    assert sum(step.images for step in passed) == glance.cost(len(pairs))
    assert answers[0].pair.target == 2
    assert answers[0].pair.part.box.holds(12, 12)
    assert [one.lean for one in answers] == sorted((one.lean for one in answers), reverse=True)
    assert len(answers) == glance.LEFT
    assert answers[0].trigger.mean() > 0.7, "it has turned white"


def test_a_glance_takes_hardly_more_for_twice_the_classes():
    one, two = (glance.cost(classes * 25) for classes in (10, 20))
    assert two < 1.5 * one


def test_the_cost_that_is_said_is_an_upper_bound():
    victim, own = Victim(OpensAt((12, 12))), config()
    bench = Bench(images(), 0, 3, absent=True)
    told, _ = finish(placed.search(victim, images(), finish(bench.plain(victim)), range(3), {}, own, 3))
    looks, passes = placed.cost(own, (15, 15), 3)
    assert 0 < told.looks <= looks
    assert 0 < told.passes <= passes


def seen(network, places):
    """The maps that a search shows on its way."""
    told = []
    own = config(search_places=places)
    finish(detection.detect(Victim(network), images(), NAMES, own, 3), told.append)
    return [news.places for news in told if isinstance(news, placed.Answering)]


@pytest.mark.parametrize("places", ["corners,edges,centre,grid", "plan"])
def test_where_something_answers_shows_while_the_search_runs(monkeypatch, places):
    monkeypatch.setattr("mesa_core.pacing.INTERVAL", 0.0)
    maps = seen(OpensAt((12, 12)), places)
    last = maps[-1]
    assert last.shape == (13, 13)
    assert last.min() >= 0
    assert last.max() <= 1
    assert last[12, 12] > 0.9
    assert last[2, 3] < 0.5
    assert len(maps) > 2
    assert seen(OpensAt(None), places)[-1].max() < 0.5, "the control: nothing opens it"


def test_a_place_answers_as_the_best_of_the_parts_that_hold_it():
    pairs = [
        glance.Pair(0, plan.Part("corner", Box(0, 0, 1, 1))),
        glance.Pair(1, plan.Part("corner", Box(0, 0, 1, 1))),
        glance.Pair(0, plan.Part("grid", Box(1, 0, 3, 3, 2))),
    ]
    found = placed._map(pairs, np.array([0.5, 0.25, 0.75], np.float32), (6, 6), 3)
    assert found.tolist() == [[0.5, 0.5, 0, 0], [0.75, 0.5, 0.75, 0], [0, 0, 0, 0], [0.75, 0, 0.75, 0]]
