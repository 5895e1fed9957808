"""A clean training by hand: its recipe, its seed, and when its state is kept; on a network of one layer, in no time."""

import os
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mesa_core import pacing
from mesa_core.measures.bench import finish
from mesa_core.victims import clean, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Recipe, Trainer
from mesa_core.victims.victim import Victim


class Line(nn.Module):
    def __init__(self, classes=3, side=16):
        super().__init__()
        self.linear = nn.Linear(3 * side * side, classes)

    def forward(self, x):
        return self.linear(x.flatten(1) * 0.02)


@pytest.fixture(autouse=True)
def a_line(monkeypatch):
    monkeypatch.setattr(clean, "build", lambda name, classes: Line(classes))
    monkeypatch.setattr(pacing, "INTERVAL", 0.0)  # a report a step


def test_it_is_the_one_training_loop_with_the_shipped_recipe_and_its_seed(blobs, compute):
    told = []
    found = finish(clean.train(blobs, "resnet9-16", 6, 4, compute), told.append)
    torch.manual_seed(4)
    fresh = Victim(Line(), Normalise(blobs.mean, blobs.std), compute)
    recipe = Recipe(0.2, 128, 6, "cycle", 5e-4, True, True)
    made = Trainer(fresh, blobs.train.images, blobs.train.labels, recipe, 4)
    losses = [step.loss.item() for step in made]
    assert torch.equal(found.model.linear.weight, made.model.linear.weight)
    assert not found.model.training
    assert (found.normalise, found.compute) == (Normalise(blobs.mean, blobs.std), compute)
    assert [(one.stage, one.done, one.total) for one in told] == [("train", k, 11) for k in range(1, 12)]
    assert [one.metrics["loss"] for one in told] == pytest.approx(losses, abs=1e-4)
    other = finish(clean.train(blobs, "resnet9-16", 6, 5, compute))
    assert not torch.equal(found.model.linear.weight, other.model.linear.weight)


def kept(monkeypatch, blobs, compute, checkpoint, step, **more):
    """After which steps the state is saved, on a clock that goes `step` seconds on whenever somebody looks."""
    clock, saved = [0.0], []

    def now():
        clock[0] += step
        return clock[0]

    monkeypatch.setattr(clean, "time", SimpleNamespace(monotonic=now))
    monkeypatch.setattr(weights, "save_checkpoint", lambda path, state: saved.append((path, state["done"])))
    finish(clean.train(blobs, "resnet9-16", 6, 0, compute, checkpoint, **more))
    return saved


def test_its_state_is_kept_every_minute_and_at_the_end(monkeypatch, blobs, compute, tmp_path):
    path = tmp_path / "kept.pt"
    every = lambda step, **more: [done for where, done in kept(monkeypatch, blobs, compute, path, step, **more)]
    assert every(61.0) == [*range(1, 12), 11]
    assert every(31.0) == [2, 4, 6, 8, 10, 11], "sixty seconds after it was saved last"
    assert every(60.0)[0] == 2, "at sixty not yet"
    assert every(61.0, every=183.5) == [4, 8, 11]
    assert every(1.0) == [11]
    assert kept(monkeypatch, blobs, compute, path, 61.0)[0][0] == path
    assert kept(monkeypatch, blobs, compute, None, 61.0) == []


@pytest.mark.parametrize("damage", ["recipe", "model", "order"])
def test_a_state_that_does_not_fit_is_as_good_as_none(blobs, compute, tmp_path, damage):
    """One of them is refused only once a part of it has been taken over; that part must go again."""
    path = tmp_path / "kept.pt"
    whole = finish(clean.train(blobs, "resnet9-16", 6, 0, compute)).model.linear.weight
    finish(clean.train(blobs, "resnet9-16", 6, 0, compute, path))
    state = weights.load_checkpoint(path, compute.device)
    assert state["done"] == 11
    told = []
    again = finish(clean.train(blobs, "resnet9-16", 6, 0, compute, path), told.append)
    assert told == [], "there was nothing left to do"
    assert torch.equal(again.model.linear.weight, whole)
    if damage == "recipe":
        state["recipe"] += " in other settings"
    else:
        del state[damage]
    weights.save_checkpoint(path, state)
    told = []
    anew = finish(clean.train(blobs, "resnet9-16", 6, 0, compute, path), told.append)
    assert len(told) == 11
    assert torch.equal(anew.model.linear.weight, whole)


def test_another_seed_or_length_does_not_take_over_a_state(blobs, compute, tmp_path):
    path = tmp_path / "kept.pt"
    for epochs, seed, steps in ((6, 0, 11), (6, 1, 11), (7, 1, 13), (7, 1, 0)):
        told = []
        finish(clean.train(blobs, "resnet9-16", epochs, seed, compute, path), told.append)
        assert len(told) == steps


def test_weights_are_loaded_into_a_network_that_is_ready_to_be_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(clean, "build", build)
    made = build("resnet9-16", 4)
    weights.save(made, tmp_path / "own.safetensors")
    found = clean.load(tmp_path / "own.safetensors", "resnet9-16", 4)
    assert torch.equal(found.linear.weight, made.linear.weight)
    assert not found.training
    with pytest.raises(weights.WeightsError, match=r"own\.safetensors"):
        clean.load(tmp_path / "own.safetensors", "resnet9-16", 5)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_one_weight_that_is_no_number_is_enough_to_refuse_a_file(monkeypatch, tmp_path, wrong):
    monkeypatch.setattr(clean, "build", build)
    made = build("resnet9-16", 4)
    with torch.no_grad():
        made.linear.weight[0, 0] = wrong
    weights.save(made, tmp_path / "own.safetensors")
    with pytest.raises(weights.WeightsError, match=r"own\.safetensors"):
        clean.load(tmp_path / "own.safetensors", "resnet9-16", 4)


class Acts:
    """Makes a folder of whoever unpickles it."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


def test_a_checkpoint_that_would_act_is_as_good_as_none(tmp_path, compute):
    torch.save({"recipe": Acts(tmp_path / "made")}, tmp_path / "kept.pt")
    assert weights.load_checkpoint(tmp_path / "kept.pt", compute.device) is None
    assert not (tmp_path / "made").exists()
    torch.load(tmp_path / "kept.pt", weights_only=False)
    assert (tmp_path / "made").exists(), "else it would act on nobody"
