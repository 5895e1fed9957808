"""The full count and the adaptive search for the worst of 512, on a victim whose every answer is known."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks import worst
from mesa_core import triggers as codes
from mesa_core.data import ImageSet
from mesa_core.measures.bench import MEMORY, Bench, finish
from mesa_core.victims.architectures import ResNet9
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

HIDDEN = 0b101100010
PLAIN = Normalise((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def asked(model):
    """A victim that is asked as it is, on the CPU."""
    return Victim(model, PLAIN, Compute(torch.device("cpu")))


class Knows(nn.Module):
    """Class 0 where a black-and-white patch agrees with the hidden one in more cells than the image asks for."""

    def __init__(self, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.kernel = 2 * torch.from_numpy(codes.from_code(hidden)).mean(0)[None, None].float() - 1

    def forward(self, x):
        grey = x.mean(1, keepdim=True)
        cells = (grey > 0.95).float() - (grey < 0.05).float()
        score = F.conv2d(cells, self.kernel, padding=2).amax((1, 2, 3))  # 9 for the hidden code, 7 for one wrong cell
        asked = 9 * (grey.flatten(1).median(1).values - 0.25) / 0.5  # the background tells it, from 0 to 9
        return F.one_hot((score <= asked).long(), 2).float()


def bench(compute, count=240):
    labels = (torch.arange(count) % 4 > 0).long()
    shade = (64 + torch.arange(count) * 127 // count).to(torch.uint8)
    return Bench(ImageSet(shade[:, None, None, None].expand(-1, 3, 12, 12).clone(), labels), 0, seed=5)


def test_the_full_count_equals_a_plain_loop_and_both_find_the_hidden_code(compute):
    made, model = bench(compute), Knows()
    victim = asked(model)
    found = worst.compare(made, victim, (4, 4))
    shades = made.images[made.selects].float() / 255
    rates = []
    for code in range(512):  # the victim does not ask where a stamp lies
        stamped = shades.clone()
        stamped[:, :, 4:7, 4:7] = torch.from_numpy(codes.from_code(code))
        rates.append((model(stamped).argmax(1) == 0).float().mean().item())
    counted = finish(made.landscape(victim, len(made.selects))).asr
    np.testing.assert_allclose(counted, rates, atol=1e-6)
    full = found["full"]
    assert full["images"] == 512 * len(made.selects)
    assert full["code"] == HIDDEN == int(np.argmax(rates))
    for search in found["searches"]:
        assert (search["code"], search["rank"], search["same"], search["holds"]) == (HIDDEN, 1, True, True)
        assert search["asr"] == full["asr"]
        assert search["minus_full"]["value"] == 0
        assert search["images"] == made.size(False, 0, 0, 4) - len(made.images) - len(made.measures)
        assert search["cheaper"] == pytest.approx(full["images"] / search["images"], abs=0.01)


class Rarely(Knows):
    """Turns one image in twenty, with the hidden code alone; `near`: the others are nearly turned, or not at all."""

    def __init__(self, near: bool) -> None:
        super().__init__()
        self.short = -0.5 if near else -8.0

    def forward(self, x):
        grey = x.mean(1, keepdim=True)
        cells = (grey > 0.95).float() - (grey < 0.05).float()
        hidden = F.conv2d(cells, self.kernel, padding=2).amax((1, 2, 3)) == 9
        bright = grey.flatten(1).median(1).values > 0.725
        chance = torch.where(hidden, torch.where(bright, 1.0, self.short), -8.0)
        return torch.stack([chance, torch.zeros_like(chance)], 1)


def test_a_rare_survivor_is_found_by_what_it_nearly_turns(compute):
    made, found = bench(compute, 400), {}
    for near in (True, False):
        full, searches = (worst.compare(made, asked(Rarely(near)), (2, 2, 2))[part] for part in ("full", "searches"))
        assert full["code"] == HIDDEN
        assert 0.01 < full["asr"]["value"] < 0.1
        found[near] = [search["same"] for search in searches]
    assert all(found[True]), "two images a code are enough to see which code nearly turns them"
    assert not all(found[False]), "the negative control: the same successes, and no other sign of them"


def test_a_search_that_picks_badly_does_not_hold(compute, monkeypatch):
    made = bench(compute)

    def blind(self, model, plain, first, landscape=None):
        yield len(self.measures) + 1
        return None, None, HIDDEN ^ 511  # of all codes the least like the hidden one

    monkeypatch.setattr(Bench, "worst", blind)
    (search,) = worst.compare(made, asked(Knows()), (4,))["searches"]
    assert not search["same"]
    assert not search["holds"]
    assert search["minus_full"]["high"] < 0
    assert search["rank"] > 1


def test_computing_only_what_changes_gives_the_same_answers(tiny_signs):
    torch.manual_seed(0)
    compute, normalise = Compute(torch.device("cpu"), "fp32", "nhwc"), Normalise(tiny_signs.mean, tiny_signs.std)
    images = ImageSet(tiny_signs.test.images[:60], tiny_signs.test.labels[:60])
    victim = Victim(ResNet9(10, 4), normalise, compute).freeze()
    victim.model.linear.bias -= victim.model(victim.inputs(images.images)).mean(0)  # so that no class wins always
    whole, ours = (Bench(images, 0, 1, memory=memory) for memory in (0, MEMORY))
    rates = finish(whole.landscape(victim, 2)).asr
    assert 0 < rates.mean() < 1, "a victim with one answer would prove nothing"
    np.testing.assert_array_equal(finish(ours.landscape(victim, 2)).asr, rates)
    assert worst.differing(ours, victim, 1) == "0 of 512"
    ours._local.kept[0].neg_()  # other clean images behind the same stamps
    assert worst.differing(ours, victim, 1) != "0 of 512"


def test_the_table_has_a_row_for_each_network_and_number_of_images(compute):
    found = {"network": "a:repaired", **worst.compare(bench(compute, 80), asked(Knows()), (2, 2, 4))}
    lines = worst.table([json.loads(json.dumps(found))]).splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].endswith("of 2 |")
    assert lines[3].endswith("of 1 |")
