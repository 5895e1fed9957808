"""The verdict of step 1 by hand: sub-models that hold known triggers, a network whose every answer is known."""

import numpy as np
import pytest
import torch
from torch import nn

from mesa_core import pacing
from mesa_core.config import make_config
from mesa_core.data import ImageSet
from mesa_core.measures.bench import finish
from mesa_core.method import detection
from mesa_core.method.submodels.base import Diagnostics
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

PLAIN = Normalise((0.0,) * 3, (1.0,) * 3)
NAMES = ("none", "green", "half", "blue", "few")
SHARE = {1: 1.0, 2: 0.5, 3: 0.75, 4: 0.25}  # of a class's 64 samples that send images to it
INK = {1: (0.0, 1.0, 0.0), 2: (1.0, 1.0, 0.0), 3: (0.0, 0.0, 1.0), 4: (1.0, 0.0, 1.0)}


class SeesInk(nn.Module):
    """Class 1 to 4 where nine pixels have that class's ink; else the class that the first pixel's red tells."""

    def forward(self, x):
        told = (x[:, 0, 0, 0] * 10).round().long().clamp(0, 4)
        for number, ink in INK.items():
            like = (x - torch.tensor(ink)[:, None, None]).abs().amax(1) < 0.01
            told = torch.where(like.sum((1, 2)) == 9, number, told)
        return nn.functional.one_hot(told, 5).float()


class Held:
    """A group that has learnt nothing and holds what it was given: of each class some samples of its ink, else grey."""

    def __init__(self, betas, batch, steps, seed, one_target):
        self.made = (betas, batch, steps, seed, one_target)
        self.steps, self.drawn = 0, []

    def step(self, surrogate, generator):
        self.steps += 1
        self.surrogate = surrogate
        return Diagnostics(torch.arange(5) / 10, torch.zeros(5), torch.zeros(5))

    def sample(self, n, generator):
        self.drawn.append((n, generator.initial_seed()))
        found = torch.full((5, n, 3, 3, 3), 0.5015)  # between two bytes, nearer to 128
        for number, ink in INK.items():
            found[number, : round(SHARE[number] * n)] = torch.tensor(ink)[:, None, None]
        return found


def images(count=300):
    labels = torch.arange(count) % 5
    pictures = torch.zeros(count, 3, 16, 16, dtype=torch.uint8)
    pictures[:, 0, 0, 0] = (labels * 25.5).round().to(torch.uint8)
    return ImageSet(pictures, labels)


def search(compute, monkeypatch, threshold, steps=3):
    held = []

    def make(config, betas, batch, steps, device, seed, one_target=True):
        held.append(Held(betas, batch, steps, seed, one_target))
        return held[0]

    def expecting(self, gradients, size):
        held[0].expected = (gradients, size)
        return self

    monkeypatch.setattr(detection.submodels, "make", make)
    monkeypatch.setattr(detection.Surrogate, "expecting", expecting)
    monkeypatch.setattr(pacing, "INTERVAL", 0.0)
    config = make_config(data="signs", detect_threshold=threshold, detect_steps=steps, detect_batch=7, detect_beta=0.7)
    work, told = detection.detect(Victim(SeesInk(), PLAIN, compute), images(), NAMES, config, 11), []
    while True:
        try:
            told.append(next(work))
        except StopIteration as done:
            return done.value, told, held[0]


def test_suspects_are_ranked_from_the_highest_and_the_first_is_the_target(compute, monkeypatch):
    verdict, _, _ = search(compute, monkeypatch, 0.3)
    assert verdict.suspects == [1, 3, 2]
    assert verdict.target == 1
    assert (verdict.threshold, verdict.beta) == (0.3, 0.7)
    found = {c.number: c for c in verdict.classes}
    assert [c.name for c in verdict.classes] == list(NAMES)
    for number, share in SHARE.items():
        assert found[number].asr.value == pytest.approx(share, abs=0.02)
        assert found[number].asr.n == 64 * 16
    assert found[0].asr.value < 0.05


def test_a_class_has_to_exceed_the_threshold(compute, monkeypatch):
    shares = {c.number: c.asr.value for c in search(compute, monkeypatch, 0.3)[0].classes}
    at, _, _ = search(compute, monkeypatch, shares[3])
    assert at.suspects == [1], "class 3 does not exceed its own share"
    none, _, _ = search(compute, monkeypatch, 1.0)
    assert (none.target, none.suspects) == (None, [])


def test_all_classes_are_searched_alike_each_for_itself(compute, monkeypatch):
    _, _, held = search(compute, monkeypatch, 0.5, steps=4)
    assert held.made == ([0.7] * 5, 7, 4, 11, False)
    assert held.steps == 4
    assert held.surrogate.targets.tolist() == [0, 1, 2, 3, 4]
    assert len(held.surrogate.images) == 300
    assert held.expected == (5 * 7 * 4, 3)
    assert held.drawn[-1] == (64, 11)
    assert set(held.drawn[:-1]) == {(16, 12)}, "who watches draws from a generator of his own"


def test_glimpses_hold_what_was_found(compute, monkeypatch):
    verdict, told, _ = search(compute, monkeypatch, 0.5)
    glimpses = [one for one in told if isinstance(one, detection.Glimpse)]
    assert [one.measured for one in glimpses] == [False] * 3 + [True]
    early, last = glimpses[0].arrays, glimpses[-1].arrays
    assert early["triggers"].shape == (5, 16, 27)
    assert last["triggers"].shape == (5, 64, 27)
    assert last["triggers"].dtype == np.uint8
    assert set(last["triggers"][0].flatten()) == {128}
    assert set(last["triggers"][1].flatten()) == {0, 255}
    assert early["class"].tolist() == last["class"].tolist() == [0, 1, 2, 3, 4]
    assert last["asr"].shape == (5, 64)
    assert last["images"].tolist() == [1024] * 5
    for number, one in enumerate(verdict.classes):
        assert last["hits"][number] == round(one.asr.value * 1024)
        assert last["asr"][number].mean() == pytest.approx(one.asr.value, abs=1e-6)
    reports = [one for one in told if not isinstance(one, detection.Glimpse)]
    assert (reports[-1].done, reports[-1].total) == (300 + 5 * 64 * 16,) * 2
    assert reports[0].metrics == pytest.approx(
        {"highest": 0.4, "median": 0.2, **{f"class_asr_{i}": i / 10 for i in range(5)}}
    )


def test_hits_are_whole_numbers_that_no_rounding_of_the_share_changes(compute, monkeypatch):
    """Shares are written with six digits: of 9 in 1024 that leaves 8.99994."""

    class Torn(SeesInk):
        """Its backdoors work on images of the classes above their target alone."""

        def forward(self, x):
            own, found = (x[:, 0, 0, 0] * 10).round().long().clamp(0, 4), super().forward(x).argmax(1)
            return nn.functional.one_hot(torch.where(own > found, found, own), 5).float()

    monkeypatch.setattr(detection.submodels, "make", lambda *_: Held([], 0, 0, 0, False))
    monkeypatch.setattr(pacing, "INTERVAL", 0.0)
    config, torn = make_config(data="signs", detect_steps=1, detect_batch=7), 0
    for seed in range(4):
        told = list(detection.detect(Victim(Torn(), PLAIN, compute), images(), NAMES, config, seed))
        found = told[-1].arrays
        whole = (found["asr"].astype(float) * 16).round().sum(1)
        assert found["hits"].tolist() == whole.tolist()
        torn += sum(int(round(h / 1024, 6) * 1024) < h for h in whole)
    assert torn > 0, "else cutting off would do as well"


def test_a_class_of_which_the_defender_has_no_image_is_searched_too(compute, monkeypatch):
    whole = images()
    monkeypatch.setattr(detection.submodels, "make", lambda *_: Held([], 0, 0, 0, False))
    some = ImageSet(whole.images[whole.labels != 1], whole.labels[whole.labels != 1])
    config = make_config(data="signs", detect_steps=1, detect_batch=7, detect_threshold=0.3)
    verdict = finish(detection.detect(Victim(SeesInk(), PLAIN, compute), some, NAMES, config, 0))
    assert verdict.suspects == [1, 3, 2]
    assert verdict.classes[1].asr.n == 64 * 16


# -- many classes
MANY = 24


class SeesOneInk(nn.Module):
    """Class 3 where nine pixels are green; else the class that the first pixel's red tells, for every other image class 5."""

    def forward(self, x):
        told = (x[:, 0, 0, 0] * 51).round().long().clamp(0, MANY - 1)
        told = torch.where(x[:, 0, 0, 1] > 0.5, 5, told)
        like = (x - torch.tensor(INK[1])[:, None, None]).abs().amax(1) < 0.01
        return nn.functional.one_hot(torch.where(like.sum((1, 2)) == 9, 3, told), MANY).float()


class Ranked:
    """A group whose success was decided before: class 5 most of all, then 3, then by number; class 3 holds its ink."""

    def __init__(self, betas, steps):
        self.count, self.planned, self.taken, self.targets = len(betas), steps, 0, None

    def step(self, surrogate, generator):
        self.taken += 1
        self.targets = surrogate.targets
        success = self.targets / 100 + (self.targets == 3) * 0.5 + (self.targets == 5) * 0.52
        return Diagnostics(success, torch.zeros(self.count), torch.zeros(self.count))

    def sample(self, n, generator):
        found = torch.full((self.count, n, 3, 3, 3), 0.5015)
        found[self.targets == 3] = torch.tensor(INK[1])[:, None, None]
        return found


def many_images(count=480):
    labels = torch.arange(count) % MANY
    pictures = torch.zeros(count, 3, 16, 16, dtype=torch.uint8)
    pictures[:, 0, 0, 0] = labels * 5
    pictures[::2, 0, 0, 1] = 255  # half of all images go to class 5 by themselves
    return ImageSet(pictures, labels)


def test_of_many_classes_the_hopeless_ones_are_left_early(compute, monkeypatch):
    groups = []

    def make(config, betas, batch, steps, device, seed, one_target=True):
        groups.append(Ranked(betas, steps))
        return groups[-1]

    monkeypatch.setattr(detection.submodels, "make", make)
    monkeypatch.setattr(detection.Surrogate, "expecting", lambda self, gradients, size: self)
    monkeypatch.setattr(pacing, "INTERVAL", 0.0)
    config = make_config(data="signs", detect_steps=40, detect_batch=2, detect_threshold=0.4)
    work, told = (
        detection.detect(Victim(SeesOneInk(), PLAIN, compute), many_images(), tuple(map(str, range(MANY))), config, 1),
        [],
    )
    while True:
        try:
            told.append(next(work))
        except StopIteration as done:
            verdict = done.value
            break
    first, second = groups
    assert (first.planned, first.taken, second.planned, second.taken) == (10, 10, 40, 40)
    assert first.targets.tolist() == list(range(MANY))
    kept = second.targets.tolist()
    assert len(kept) == detection.KEPT
    assert 3 in kept
    assert 5 not in kept, "it has the most success, but images go there by themselves"
    assert verdict.suspects == [3]
    trials = {c.number: c.asr.n for c in verdict.classes}
    assert all(n == 64 * (16 if number in kept else 4) for number, n in trials.items())
    glimpses = [one for one in told if isinstance(one, detection.Glimpse)]
    assert all(len(one.arrays["triggers"]) == len(one.arrays["class"]) == MANY for one in glimpses)
    done = [one.done / one.total for one in told if not isinstance(one, detection.Glimpse) and "highest" in one.metrics]
    assert done == sorted(done)
    assert done[-1] == 1.0


def test_sixteen_classes_are_all_searched_to_the_end():
    assert detection.WHOLE >= 16 > detection.KEPT
