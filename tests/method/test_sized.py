"""The search over sizes, on networks of which it is known what opens them."""

import pytest
import torch
from torch import nn

from mesa_core.config import ConfigError, make_config
from mesa_core.measures.bench import finish
from mesa_core.measures.verdict import Detection
from mesa_core.method import detection, sized
from mesa_core.victims.victim import Victim
from tests.method.test_placed import NAMES, images


class OpensBySize(nn.Module):
    """Class 2 where `size` pixels square are white, the whiter the more, anywhere or at one `place`; size 0: never."""

    def __init__(self, size, place=None):
        super().__init__()
        self.size, self.place = size, place
        self.unused = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, x):
        logits = 30 * x.mean((2, 3))
        if self.size:
            white = nn.functional.avg_pool2d(x.mean(1, keepdim=True), self.size, 1)[:, 0]
            if self.place is None:
                white = white.amax((1, 2))
            else:
                row, column = self.place
                white = 0.7 * white[:, row, column] + 0.3 * white[:, row % 4 :: 4, column % 4 :: 4].amax((1, 2))
            blue = 60 * (white - 0.5).clamp(min=0) + 10 * (white - 0.3)
            logits = logits + torch.stack([0 * blue, 0 * blue, blue], 1)
        return logits


def verdict(network, told=None, **more):
    said = {"hidden": 32, "detect_steps": 60, "detect_batch": 12, "search_sizes": "small-to-large", **more}
    search = sized.find(Victim(network), images(), NAMES, make_config(data="signs", **said), 3)
    return finish(search, told)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_size_that_opens_the_network_is_named_within_a_pixel(size):
    glimpses = []
    found = verdict(OpensBySize(size), glimpses.append)
    assert found.target == 2
    assert abs(found.sizes.believed - size) <= 1
    assert found.sizes.listed == [3, 5]
    assert next(one.size for one in found.sizes.tried if one.found) <= max(size + 1, 3), "it stopped early"
    measured = [one for one in glimpses if isinstance(one, detection.Glimpse) and one.measured]
    assert len(measured) == 1
    assert measured[0].arrays["triggers"].shape[2] == 3 * found.sizes.believed**2
    assert f"believed to be of {found.sizes.original}×{found.sizes.original} pixels" in found.sizes.words
    assert Detection.from_json(found.to_json()) == found


@pytest.mark.parametrize("size", [3, 5])
def test_a_size_and_a_place_are_found_together(size):
    found = verdict(OpensBySize(size, (10, 10)), search_places="plan", detect_steps=120)
    assert found.target == 2
    assert abs(found.sizes.believed - size) <= 1
    assert max(abs(found.place.row - 10), abs(found.place.column - 10)) <= 2


def test_the_second_search_is_told_the_place_that_the_first_one_named(monkeypatch):
    hints, real = [], detection.detect

    def noting(*given):
        hints.append(given[6].named)
        return real(*given)

    monkeypatch.setattr(detection, "detect", noting)
    found = verdict(OpensBySize(4, (10, 10)), search_places="plan", detect_steps=120)
    assert [one.size for one in found.sizes.tried] == [3, 5, 4]
    assert hints[:2] == [None, None]
    assert (hints[2].target, hints[2].row, hints[2].column) == (2, 10, 10)
    assert (found.sizes.believed, found.place.row, found.place.column) == (4, 10, 10)


def test_in_a_network_that_nothing_opens_every_size_is_tried_and_nothing_believed():
    """The negative control."""
    found = verdict(OpensBySize(0))
    assert found.target is None
    assert not found.found
    assert [one.size for one in found.sizes.tried] == [3, 5]
    assert found.sizes.believed is None
    assert found.sizes.near == []
    assert "3×3 and 5×5 were searched" in found.sizes.words


def test_one_size_alone_misses_what_is_much_larger():
    """The negative control of the list."""
    found = verdict(OpensBySize(5), search_sizes="2")
    assert found.target is None
    assert [one.size for one in found.sizes.tried] == [2]


def test_the_cost_that_is_said_is_an_upper_bound():
    for more in ({}, {"search_places": "plan"}):
        config = make_config(data="signs", hidden=32, detect_steps=8, detect_batch=12, search_sizes="3,5", **more)
        for network in (OpensBySize(0), OpensBySize(3)):
            told = finish(sized.find(Victim(network), images(), NAMES, config, 3)).sizes
            bound = [sized.cost(config, (15, 15), 3, 240), sized.cost_if_found(config, (15, 15), 3, 240)]
            assert 0 < told.looks <= sum(one[0] for one in bound[: 1 + (told.believed is not None)])
            assert 0 < told.passes <= sum(one[1] for one in bound[: 1 + (told.believed is not None)])


def test_without_a_word_it_is_the_search_of_one_size():
    config = make_config(data="signs", hidden=32, detect_steps=3, detect_batch=12)
    plain, sized_too = (
        finish(search(Victim(OpensBySize(3)), images(), NAMES, config, 3)) for search in (detection.detect, sized.find)
    )
    assert plain == sized_too
    assert "sizes" not in plain.to_json()


@pytest.mark.parametrize("text", ["9", "16", "0", "5-3", "small", "3x3"])
def test_what_names_no_sizes_is_refused_in_a_sentence(text):
    with pytest.raises(ConfigError, match="names no sizes to search; write small-to-large"):
        make_config(search_sizes=text)
