"""The bench against a victim whose every answer is known: it goes to class 0 wherever it sees a white pixel."""

import hashlib

import numpy as np
import pytest
import torch
from torch import nn

from mesa_core import triggers as codes
from mesa_core.data import ImageSet
from mesa_core.measures.bench import Bench, Landscape, finish, highest
from mesa_core.method.baselines.random import black_and_white
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

PLAIN = Normalise((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def asked(model):
    """A victim that is asked as it is, on the CPU."""
    return Victim(model, PLAIN, Compute(torch.device("cpu")))


class SeesWhite(nn.Module):
    """Class 0 for an image with a white pixel; else the class that the first pixel's red tells (0.1 a class)."""

    def forward(self, x):
        told = (x[:, 0, 0, 0] * 10).round().long().clamp(0, 3)
        white = (x.min(1).values.amax((1, 2)) > 0.95).long()
        return nn.functional.one_hot(torch.where(white == 1, 0, told), 4).float()


class SeesAnother(SeesWhite):
    """A repaired one: white pixels mean nothing to it."""

    def forward(self, x):
        return super().forward(x.clamp(max=0.9))


def evaluation_images(count=400, naturally=0):
    """Four classes in turn; `naturally` of those not of class 0 already show a white pixel."""
    labels = torch.arange(count) % 4
    images = torch.zeros(count, 3, 16, 16, dtype=torch.uint8)
    images[:, 0, 0, 0] = (labels * 25.5).round().to(torch.uint8)
    others = (labels != 0).nonzero().squeeze(1)[:naturally]
    images[others, :, 8, 8] = 255
    return ImageSet(images, labels)


def bench(compute, **more):
    return Bench(evaluation_images(**more), 0, seed=3)


def asr(made, model, code):
    plain = finish(made.plain(model))
    return finish(made.of_trigger(model, plain, torch.from_numpy(codes.from_code(code))))


def test_asr_counts_the_images_of_other_classes_alone(compute):
    found, effective = asr(bench(compute), asked(SeesWhite()), 511)
    assert (found.value, found.n) == (1.0, 300)
    assert effective.n == 300
    nothing, _ = asr(bench(compute), asked(SeesAnother()), 511)
    assert nothing.value < 0.1  # only where the stamp covers the pixel that tells the class


def test_natural_images_count_as_natural_and_not_as_effective(compute):
    made = bench(compute, naturally=60)
    plain = finish(made.plain(asked(SeesWhite())))
    figures = made.accuracy(plain)
    assert figures.natural.value == pytest.approx(60 / 300)
    assert figures.clean.value == pytest.approx(340 / 400)
    assert (figures.target.value, figures.target.n) == (1.0, 100)
    found, effective = asr(made, asked(SeesWhite()), 0)  # all black: leaves most white pixels where they are
    assert found.value > 0.15
    assert effective.n == 240
    assert effective.value < 0.1


def test_the_worst_is_chosen_on_one_half_and_measured_on_the_other(compute):
    made = bench(compute)
    assert not set(made.selects.tolist()) & set(made.measures.tolist())
    assert set(made.selects.tolist()) | set(made.measures.tolist()) == set(made.others.tolist())

    class SeesOne(nn.Module):
        """Class 0 for an image with exactly one white pixel."""

        def forward(self, x):
            alone = (x.min(1).values > 0.95).sum((1, 2)) == 1
            return nn.functional.one_hot(torch.where(alone, 0, 1), 4).float()

    model = asked(SeesOne())
    found, _, code = finish(made.worst(model, finish(made.plain(model)), 4))
    assert code in {1 << i for i in range(9)}, "the worst has one white cell"
    assert found.n == len(made.measures)
    assert found.value == 1
    none, _, _ = finish(made.worst(asked(SeesAnother()), finish(made.plain(asked(SeesAnother()))), 4))
    assert none.value < 0.1


def test_the_landscape_has_all_codes_in_their_order(compute):
    rates, lean = finish(bench(compute).landscape(asked(SeesWhite()), 5))
    assert rates.shape == lean.shape == (512,)
    assert rates[0] < 0.3
    assert (rates[1:] == 1).all()
    assert lean[0] < lean[1:].min()


def test_the_search_keeps_who_leans_and_who_succeeds():
    found = Landscape(np.array([0.0, 0.1, 0.0, 0.2, 0.0]), np.array([0.5, 0.1, 0.4, 0.0, 0.3]))
    assert highest(found, 1) == [0]
    assert highest(found, 4) == [0, 3, 2, 1]
    assert sorted(highest(found, 5)) == [0, 1, 2, 3, 4]


class Misleads(nn.Module):
    """One class-0 code turns one image in ten and leaves the others alone; half of all codes push a little, in vain."""

    def forward(self, x):
        white = (x.min(1).values > 0.95).flatten(1).sum(1)
        bright = x.flatten(1).median(1).values > 0.5
        real = torch.where((white == 9) & bright, 3.0, -9.0)
        pushed = torch.where((white > 4) & (white < 9), -3.0, real)
        return torch.stack([pushed, torch.zeros_like(pushed)], 1)


def test_a_small_push_everywhere_does_not_hide_a_trigger_that_succeeds(compute):
    labels = (torch.arange(400) % 4 > 0).long()
    shade = torch.where(torch.arange(400) % 10 == 1, 160, 80).to(torch.uint8)
    images = ImageSet(shade[:, None, None, None].expand(-1, 3, 16, 16).clone(), labels)
    made, model = Bench(images, 0, 0), asked(Misleads())
    seen = finish(made.landscape(model, 32))
    assert seen.lean.argmax() != 511, "or nothing would be misleading"
    found, _, code = finish(made.worst(model, finish(made.plain(model)), 32))
    assert (code, found.value > 0.03) == (511, True)


def test_samples_are_measured_one_by_one(compute):
    made = bench(compute)
    triggers = torch.stack([torch.zeros(3, 3, 3), torch.ones(3, 3, 3)])
    model = asked(SeesWhite())
    found, _, each = finish(made.of_samples(model, finish(made.plain(model)), triggers, 40))
    assert each[1] == 1
    assert each[0] < 0.3
    assert found.n == 80
    assert found.value == pytest.approx(each.mean())


def test_two_victims_meet_the_same_images_and_places(compute):
    made, seen = bench(compute), []

    class Looks(SeesWhite):
        def forward(self, x):
            seen[-1].append(x.clone())
            return super().forward(x)

    for _ in range(2):
        seen.append([])
        asr(made, asked(Looks()), 170)
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))


def test_progress_adds_up_to_the_size_that_was_announced(compute):
    made, passed = bench(compute), []
    samples = torch.rand(10, 3, 3, 3)
    value = finish(made.evaluate(asked(SeesWhite()), torch.ones(3, 3, 3), samples, 6, 4), passed.append)
    assert sum(passed) == made.size(True, 10, 6, 4)
    assert value.asr.original.value == 1


def test_images_of_one_class_are_refused(compute):
    with pytest.raises(ValueError, match="at least two of others"):
        Bench(ImageSet(torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.zeros(4).long()), 0, 0)


def sum_of(work):
    """Images that a measurement passed through a victim."""
    passed = []
    finish(work, passed.append)
    return sum(passed)


def test_a_landscape_stands_for_the_first_round_of_the_worst(compute):
    made, passed = bench(compute), []
    victim = asked(SeesWhite())
    plain = finish(made.plain(victim))
    seen = finish(made.landscape(victim, 8))
    with_map = finish(made.worst(victim, plain, 4, seen), passed.append)
    alone = finish(made.worst(victim, plain, 4))
    assert with_map[0].value == alone[0].value == 1
    assert seen.asr[with_map[2]] == seen.asr.max()
    assert sum(passed) == made.size(False, 0, 0, 4, 8) - 512 * 8 - len(made.images)
    assert made.size(False, 0, 0, 4) - (made.size(False, 0, 0, 4, 8) - 512 * 8) == 512 * 4
    assert sum_of(made.evaluate(victim, None, None, 0, 4, 8)) == made.size(False, 0, 0, 4, 8)
    assert sum_of(made.evaluate(victim, None, None, 0, 4, 2)) == made.size(False, 0, 0, 4, 2)


def test_the_draws_of_3x3_triggers_are_those_that_shipped_results_rest_on(compute):
    images = ImageSet(torch.zeros(60, 3, 16, 16, dtype=torch.uint8), torch.arange(60) % 3)
    drawn = Bench(images, 0, 3)._draw(torch.arange(60)[torch.arange(60) % 3 != 0], 7, 3, 5, 2)
    found = [hashlib.sha256(part.numpy().tobytes()).hexdigest()[:16] for part in (drawn.image, drawn.place)]
    assert found == ["5f62b3ef5c62d206", "35abe60760159e57"]
    cells = black_and_white(5, torch.Generator().manual_seed(1)).to(torch.uint8)
    assert hashlib.sha256(cells.numpy().tobytes()).hexdigest()[:16] == "dcc331cf730fc1dd"


@pytest.mark.parametrize("side", [4, 5])
def test_larger_triggers_stay_on_the_image_and_their_worst_is_said_by_its_own_code(compute, side):
    class LikesOne(nn.Module):
        """Says the target where the largest code of the panel lies whole at some place."""

        def forward(self, x):
            wanted = torch.from_numpy(codes.panel(side)[-1]) * 2 - 1
            found = nn.functional.conv2d(x * 2 - 1, wanted[None]).amax((1, 2, 3))
            hit = (found > 3 * side * side - 0.5).long()
            return nn.functional.one_hot(torch.where(hit == 1, 0, 1), 4).float()

    plain_images = Bench(evaluation_images(), 0, seed=3, side=side)
    drawn = plain_images._draw(plain_images.others, 40, side, 20, 2)
    assert int(drawn.place.max()) == 16 - side
    model = asked(LikesOne())
    value = finish(plain_images.evaluate(model, None, None, 4, 4, 4, kept := {}))
    assert kept["landscape"].shape == (512,)
    assert kept["landscape"][-1] == 1
    assert value.asr.worst.code == codes.panel_codes(side)[-1] > 511
    assert value.asr.worst.of == "512 drawn"
    assert value.asr.worst.value == 1
