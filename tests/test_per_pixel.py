"""An opacity for each pixel: the rule, its gradients, the fast path, and who assumes it."""

import pytest
import torch
from torch import nn

from mesa_core.apply import whose
from mesa_core.apply.anywhere import Anywhere
from mesa_core.apply.blended import Blended
from mesa_core.apply.fixed import Fixed
from mesa_core.apply.per_pixel import PerPixel
from mesa_core.apply.places import Box
from mesa_core.apply.rule import opacity_of
from mesa_core.apply.within import Within
from mesa_core.config import ConfigError, make_config
from mesa_core.config.placing import covers
from mesa_core.data import ImageSet
from mesa_core.measures.bench import Bench, finish
from mesa_core.method.surrogate import Surrogate
from mesa_core.victims import windows
from mesa_core.victims.architectures import ResNet9
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

NORMALISE = Normalise((0.5, 0.4, 0.6), (0.25, 0.3, 0.2))


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def made(n=6, side=3):
    images, triggers = torch.rand(n, 3, 12, 12, generator=draw()), torch.rand(n, 4, side, side, generator=draw(1))
    return images, triggers, Anywhere().places(n, (12, 12), side, draw(2))


@pytest.mark.parametrize("side", [1, 3, 5])
def test_each_cell_is_covered_as_far_as_it_says_and_nothing_else_changes(side):
    images, triggers, where = made(side=side)
    stamped = PerPixel(Anywhere())(images, triggers, where)
    for image, before, trigger, (row, column) in zip(stamped, images, triggers, where.tolist(), strict=True):
        patch = (slice(None), slice(row, row + side), slice(column, column + side))
        colour, share = trigger[:3], trigger[3]
        assert torch.allclose(image[patch], share * colour + (1 - share) * before[patch], atol=1e-6)
        image[patch] = before[patch]
        assert torch.equal(image, before)


def test_opacities_of_one_are_overwriting_of_nothing_nothing_and_equal_ones_blending():
    images, triggers, where = made()
    rule, colours = PerPixel(Anywhere()), triggers[:, :3]
    for share, other in ((1.0, Anywhere()), (0.3, Blended(Anywhere(), 0.3)), (0.0, Blended(Anywhere(), 0.0))):
        triggers[:, 3] = share
        assert torch.allclose(rule(images, triggers, where), other(images, colours, where), atol=1e-6)
    assert torch.equal(rule(images, triggers, where), images)
    assert torch.equal(rule(images, colours, where), Anywhere()(images, colours, where)), "without opacities: opaque"


def test_one_trigger_serves_all_images_and_no_other_rule_takes_opacities():
    images, triggers, where = made()
    one = PerPixel(Anywhere())(images, triggers[:1], where)
    assert torch.equal(one, PerPixel(Anywhere())(images, triggers[:1].expand(6, -1, -1, -1), where))
    for n in (1, 3, 6, 12):
        with pytest.raises(RuntimeError):
            Anywhere()(torch.rand(12, 3, 12, 12), torch.rand(n, 4, 3, 3), torch.zeros(12, 2, dtype=torch.int64))


def test_the_gradients_are_the_opacity_and_how_far_the_colour_lies_from_what_is_beneath():
    images, triggers, _ = made(1)
    triggers.requires_grad_()
    PerPixel(Fixed("2,3"))(images, triggers, torch.tensor([[2, 3]])).sum().backward()
    beneath, found = images[0, :, 2:5, 3:6], triggers.grad[0]
    assert torch.allclose(found[:3], triggers[0, 3].detach().expand(3, -1, -1))
    assert torch.allclose(found[3], (triggers[0, :3].detach() - beneath).sum(0), atol=1e-6)


def test_whole_pixels_are_rounded():
    images = torch.full((1, 3, 8, 8), 100, dtype=torch.uint8)
    half = torch.tensor([255, 255, 255, 128], dtype=torch.uint8).view(1, 4, 1, 1)
    stamped = PerPixel(Fixed("0,0"))(images, half, torch.zeros(1, 2, dtype=torch.int64))
    assert stamped.dtype == torch.uint8
    assert stamped[0, :, 0, 0].tolist() == [178] * 3
    assert (stamped.flatten(1) != 100).sum() == 3


def test_the_units_of_a_victim_change_colours_and_not_opacities():
    clear = torch.rand(4, 4, 3, 3, generator=draw())
    found = NORMALISE.triggers(clear)
    assert torch.equal(found[:, :3], NORMALISE.triggers(clear[:, :3]))
    assert torch.equal(found[:, 3], clear[:, 3])


def network():
    torch.manual_seed(0)
    model = ResNet9(5, 8)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.6)
            nn.init.uniform_(module.bias, 0.1, 0.6)
            nn.init.uniform_(module.running_var, 0.2, 0.8)
    compute = Compute(torch.device("cpu"), "fp32", "nhwc")
    return Victim(compute.freeze(model), NORMALISE, compute)


def pictures(count=4):
    return torch.randint(0, 256, (count, 3, 32, 32), generator=draw(1)).to(torch.uint8)


@pytest.mark.parametrize("depth", windows.DEPTHS)
@pytest.mark.parametrize("side", [1, 3, 6])
def test_what_a_stamp_changes_alone_gives_what_the_whole_network_gives_with_its_gradient(depth, side):
    victim, images, rule = network(), pictures(), PerPixel(Anywhere())
    where = torch.cartesian_prod(torch.arange(0, 33 - side, 3), torch.arange(0, 33 - side, 3))
    picks = torch.randint(len(images), (len(where),), generator=draw(2))
    ours, answers, slopes = windows.Local(victim, images, depth, side), [], []
    for way in ("part", "whole"):
        clear = torch.rand(len(where), 4, side, side, generator=draw(3)).requires_grad_()
        patches = NORMALISE.triggers(clear)
        if way == "part":
            logits = ours(picks, patches, where)
        else:
            logits = victim.logits(rule(victim.inputs(images[picks]), patches, where))
        answers.append(logits.detach())
        slopes.append(torch.autograd.grad(logits[:, 0].sum(), clear)[0])
    torch.testing.assert_close(*answers, rtol=0, atol=1e-4)
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-3)
    assert slopes[0][:, 3].abs().max() > 0.02, "opacities matter, or nothing is tested"
    opaque = ours(picks, NORMALISE.triggers(torch.rand(len(where), 4, side, side, generator=draw(3))[:, :3]), where)
    assert (opaque - answers[0]).abs().max() > 0.005, "the negative control: the same colours without their opacities"


def test_search_and_bench_give_the_same_with_the_fast_path_and_without():
    victim, images = network(), pictures(12)
    labels = torch.tensor([0, 1, 2, 3, 4, 0] * 2)
    clear = torch.rand(1, 64, 4, 3, 3, generator=draw(5))
    start = Surrogate(victim, images, torch.tensor([0]), rule=PerPixel(Anywhere()))
    fast = start.expecting(10_000, 3)
    assert fast.local is not None
    assert start.local is None
    torch.testing.assert_close(fast(clear, draw(6)), start(clear, draw(6)), rtol=0, atol=1e-5)
    figures = []
    for memory in (0, 1 << 28):
        bench = Bench(ImageSet(images, labels), 0, 0, memory=memory, rule=Fixed(), searched=PerPixel(Anywhere()))
        plain = finish(bench.plain(victim))
        for _ in range(2):  # the second time it is known that the network is asked much
            found = finish(bench.of_samples(victim, plain, clear[0], 8))[2]
        figures.append((found.tolist(), bench._local is not None))
    assert figures[0][0] == figures[1][0]
    assert [known for _, known in figures] == [False, True]


def test_who_samples_opacities_assumes_that_rule_wherever_he_looks():
    for config, found, place in (
        (make_config(search_opacity="sampled"), None, None),
        (make_config(search_opacity="sampled", search_places="plan"), Box(3, 4, 3, 4), [3, 4]),
        (make_config(search_opacity="sampled", search_places="bottom-right"), None, [29, 29]),
        (
            make_config(
                search_opacity="sampled", search_places="attacked", apply="fixed", place="top-left", opacity=0.2
            ),
            None,
            [0, 0],
        ),
    ):
        rule = whose.defenders(config, (32, 32), found)
        assert isinstance(rule, PerPixel)
        assert opacity_of(rule) == 1.0
        assert place is None or rule.places(1, (32, 32), 3, draw()).tolist() == [place]
        assert not isinstance(whose.attackers(config), PerPixel), "the attacker's trigger is his own affair"
    assert isinstance(whose.within([Box(0, 0, 1, 1)], "sampled"), PerPixel)
    assert isinstance(whose.within([Box(0, 0, 1, 1)], 1.0), Within)


def test_it_is_declared_once_silent_at_its_default_and_said_in_words():
    config = make_config(search_opacity="sampled")
    assert config.cell == 4
    assert make_config().cell == make_config(search_opacity=0.3).cell == 3
    assert config.to_dict()["search_opacity"] == "sampled"
    assert make_config(config.to_dict()) == config
    assert "search_opacity" not in make_config().to_dict()
    assert covers(config) == "3×3 triggers, of an opacity sampled for each pixel, at random places"
    for nonsense in ("opaque", "", "0.3", True, None):
        with pytest.raises(ConfigError, match="search_opacity must be a number or sampled"):
            make_config(search_opacity=nonsense)
    with pytest.raises(ConfigError, match="opacity must be a number, not"):
        make_config(opacity="sampled")


def test_a_rule_that_does_not_overwrite_takes_no_opacities():
    with pytest.raises(ValueError, match="overwrites"):
        PerPixel(Blended(Anywhere(), 0.5))
