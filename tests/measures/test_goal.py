"""Figures of an all-to-all backdoor: by hand on a network of which it is known where it sends each class."""

import pytest
import torch
from torch import nn

from mesa_core.data import ImageSet
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.goal import NOWHERE, EachTo
from mesa_core.measures.place_map import place_map
from mesa_core.method.surrogate import towards
from mesa_core.victims.victim import Victim

WHITE = torch.ones(3, 3, 3)
NEXT = EachTo((1, 2, 3, 0))


class Leads(nn.Module):
    """The class is how bright the image is, in four steps; nine white pixels send it `by` classes further."""

    def __init__(self, by=1):
        super().__init__()
        self.by = by
        self.unused = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, x):
        label = (x.flatten(1).median(1).values * 255 / 40).round().long() - 1
        stamped = (x > 0.9).flatten(1).sum(1) >= 9
        return 9 * nn.functional.one_hot((label + self.by * stamped) % 4, 4).float()


def images(count=40):
    labels = torch.arange(count) % 4
    return ImageSet((40 * (labels + 1)).to(torch.uint8)[:, None, None, None].expand(-1, 3, 8, 8).clone(), labels)


def bench(goal):
    return Bench(images(), goal, 0, absent=True)


def of_white(network, goal):
    made, victim = bench(goal), Victim(network)
    plain = finish(made.plain(victim))
    return finish(made.of_trigger(victim, plain, WHITE)), finish(made.of_samples(victim, plain, WHITE[None], 20))


def test_it_succeeds_where_each_class_goes_where_it_is_to_go():
    (asr, effective), (mean, mean_effective, each) = of_white(Leads(), NEXT)
    assert (asr.value, asr.n, effective.value) == (1.0, 40, 1.0)
    assert (mean.value, mean_effective.value, each.tolist()) == (1.0, 1.0, [1.0])


@pytest.mark.parametrize(("network", "goal"), [(Leads(0), NEXT), (Leads(2), NEXT), (Leads(1), EachTo((2, 3, 0, 1)))])
def test_another_way_or_none_is_no_success(network, goal):
    """The negative control."""
    (asr, effective), (mean, *_) = of_white(network, goal)
    assert asr.value == effective.value == mean.value == 0.0


def test_a_class_that_is_led_nowhere_is_left_out():
    made = bench(EachTo((1, NOWHERE, 3, 3)))
    assert sorted(set(made.labels[made.others].tolist())) == [0, 2]


def test_each_to_the_same_is_all_to_one():
    """The two forms agree wherever both say the same."""
    draw = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 4))
    with torch.no_grad():
        network[1].weight.copy_(torch.rand(4, 3 * 64, generator=draw) - 0.5)
        network[1].bias.copy_(torch.tensor([0.0, 0.0, -1.0, 0.0]))
    victim, triggers = Victim(network).freeze(), torch.rand(6, 3, 3, 3, generator=draw)
    one, each = bench(2), bench(EachTo((2, 2, 2, 2)))
    plain = finish(one.plain(victim))
    assert one.others.tolist() == each.others.tolist()
    assert (plain.predicted[one.others] != 2).any(), "else nothing is compared"
    assert (
        finish(one.of_samples(victim, plain, triggers, 5))[0] == finish(each.of_samples(victim, plain, triggers, 5))[0]
    )
    assert finish(one.worst(victim, plain, 2)) == finish(each.worst(victim, plain, 2))
    assert finish(one.evaluate(victim, WHITE, triggers, 4, 2, 2)) == finish(
        each.evaluate(victim, WHITE, triggers, 4, 2, 2)
    )
    maps = [finish(place_map(b, victim, plain, triggers[:1], 8))[0] for b in (one, each)]
    assert (maps[0].hits == maps[1].hits).all()
    assert torch.equal(torch.from_numpy(maps[0].lead), torch.from_numpy(maps[1].lead))


def test_f_is_the_softmax_of_where_each_image_is_to_go():
    victim, triggers = Victim(Leads()).freeze(), WHITE.expand(2, 4, 3, 3, 3)
    F = towards(NEXT, victim, images(), 2, 3)
    sure = torch.tensor([9.0, 0, 0, 0]).softmax(0)
    assert torch.allclose(F(triggers, torch.Generator().manual_seed(0)), sure[0].expand(2, 4))
    black = torch.zeros(2, 4, 3, 3, 3)
    assert torch.allclose(F(black, torch.Generator().manual_seed(0)), sure[1].expand(2, 4)), (
        "the control: nothing is stamped"
    )


def test_a_network_that_sends_all_there_by_itself_has_an_empty_map():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 4))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].bias.copy_(torch.tensor([0.0, 0.0, 9.0, 0.0]))
    made, victim = bench(2), Victim(network).freeze()
    (found,) = finish(place_map(made, victim, finish(made.plain(victim)), WHITE[None], 8))
    assert (found.images, found.hits.shape, int(found.hits.sum())) == (0, (6, 6), 0)
    assert found.words == "It works nowhere (n=0)."
