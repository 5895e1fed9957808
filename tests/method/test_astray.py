"""All-to-all backdoors, on networks of which it is known what a white square does to each class."""

import numpy as np
import pytest
import torch
from torch import nn

from mesa_core.config import make_config
from mesa_core.data import ImageSet
from mesa_core.measures import astray as told
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.verdict import Detection
from mesa_core.method import astray, detection
from mesa_core.victims.victim import Victim

NAMES = ("red", "green", "blue", "grey")


class Turns(nn.Module):
    """The class is the brightest colour, grey where none is; a white 3x3 square, anywhere or at a place, sends it to `to`."""

    def __init__(self, to, place=None):
        super().__init__()
        self.to, self.place = to, place
        self.unused = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, x):
        middle = x.flatten(2).median(2).values  # (n, 3); a small square does not move it
        means = middle - middle.mean(1, keepdim=True)
        clean = torch.cat([40 * means, torch.full((len(x), 1), 3.0)], 1).softmax(1)
        white = nn.functional.avg_pool2d(x.mean(1, keepdim=True), 3, 1)[:, 0]
        white = white.amax((1, 2)) if self.place is None else white[:, self.place[0], self.place[1]]
        share = (
            (4 * (white - 0.6)).sigmoid() * (white > 0.55).float()
            if self.to is None
            else (20 * (white - 0.7)).sigmoid()
        )
        moved = clean if self.to is None else clean[:, [self.to.index(c) if c in self.to else c for c in range(4)]]
        if self.to is not None and len(set(self.to)) == 1:  # all to one
            moved = torch.zeros_like(clean).index_fill(1, torch.tensor([self.to[0]]), 1.0)
        return (share[:, None] * moved + (1 - share[:, None]) * clean).clamp(min=1e-6).log()


def images(count=240, side=12):
    draw, labels = torch.Generator().manual_seed(0), torch.arange(count) % 4
    pictures = torch.randint(40, 60, (count, 3, side, side), generator=draw, dtype=torch.uint8)
    for c in range(3):
        pictures[labels == c, c] += 80
    return ImageSet(pictures, labels)


def found(network, **more):
    config = make_config(data="signs", hidden=32, detect_steps=20, detect_batch=12, **{"search_places": "plan", **more})
    return finish(detection.detect(Victim(network), images(), NAMES, config, 3))


@pytest.mark.parametrize("place", [None, (9, 9)], ids=["anywhere", "in a corner"])
def test_each_class_is_found_to_go_to_the_next(place):
    verdict = found(Turns([1, 2, 3, 0], place))
    each = verdict.all_to_all
    assert each.found
    assert verdict.found
    assert {one.number: one.to for one in each.led} == {0: 1, 1: 2, 2: 3, 3: 0}
    if place is None:
        assert (each.row, each.column) == (None, None)
    else:
        assert max(abs(each.row - place[0]), abs(each.column - place[1])) <= 1
    assert each.astray.low > 0.5
    words = each.words(NAMES)
    assert "all-to-all" in words
    assert "red to green" in words
    assert Detection.from_json(verdict.to_json()) == verdict


def test_without_a_backdoor_nothing_is_led_anywhere():
    """The negative control."""
    verdict = found(Turns(None))
    assert not verdict.all_to_all.found
    assert not verdict.found
    assert verdict.all_to_all.words(NAMES) == ""


def test_a_backdoor_to_one_class_is_not_said_to_be_all_to_all():
    config = make_config(data="signs", search_places="plan")
    victim = Victim(Turns([2, 2, 2, 2]))
    plain = finish(Bench(images(), 0, 3, absent=True).plain(victim))
    each = finish(astray.search(victim, images(), plain, 4, config, 3))
    assert each.astray.value > 0.5, "most images leave their class"
    assert not each.found, "but all for the same one"


def test_the_cost_that_is_said_is_what_it_takes_at_most():
    config = make_config(data="signs", search_places="plan")
    victim = Victim(Turns(None))
    plain = finish(Bench(images(), 0, 3, absent=True).plain(victim))
    each = finish(astray.search(victim, images(), plain, 4, config, 3))
    looks, passes = astray.cost(config, (12, 12), 4)
    assert 0 < each.looks <= looks
    assert 0 < each.passes <= passes


def test_without_a_plan_it_is_not_looked_for_and_results_are_as_they_were():
    verdict = found(Turns([1, 2, 3, 0]), search_places="anywhere")
    assert verdict.all_to_all is None
    assert "all_to_all" not in verdict.to_json()


def test_a_class_of_which_nothing_is_right_is_left_out():
    assert [one.number for one in told.led([0, 0, 1], [0, 0, 0], [1, 0, 0], 2)] == [0]


def test_of_a_large_image_every_so_manieth_place_is_mapped():
    assert astray._lattice((32, 32), 3).step == 1
    large = astray._lattice((224, 224), 3)
    assert large.step > 1
    assert large.count <= 1.1 * astray.MOST_PLACES
    place = astray._fixed(np.eye(1, 6).reshape(2, 3), np.eye(1, 6).reshape(2, 3), 4)
    assert (place.top, place.left) == (0, 0)
    bright = np.zeros((2, 3))
    bright[1, 2] = 1
    assert astray._fixed(bright, bright, 4).middle == (4, 8)
    assert astray._fixed(np.ones((2, 3)), bright, 1) is None, "it works anywhere"


def test_a_network_that_knows_nothing_is_searched_all_the_same():
    config = make_config(data="signs", search_places="plan")
    wrong = ImageSet(images().images, (images().labels + 1) % 4)
    plain = finish(Bench(wrong, 0, 3, absent=True).plain(Victim(Turns(None))))
    each = finish(astray.search(Victim(Turns(None)), wrong, plain, 4, config, 3))
    assert not each.found
