"""Answers about a run's networks, beside a direct computation and a trigger that does nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mesa_core.config import make_config
from mesa_core.probe import answering, questions
from mesa_core.victims import weights
from mesa_core.victims.architectures import build
from mesa_core.victims.victim import Victim

WHITE = (255,) * 27
BLACK = (0,) * 27


class Bright(torch.nn.Module):
    """Says class 0 where a whole white patch lies in the image, else 1."""

    def forward(self, x):
        patches = torch.nn.functional.avg_pool2d(x.mean(1, keepdim=True), 3, 1)
        top = patches.flatten(1).amax(1)
        return torch.stack([(top - self.level) * 400, torch.zeros_like(top)] + [torch.full_like(top, -50)] * 8, 1)


@pytest.fixture
def run(store, tiny_signs, monkeypatch):
    monkeypatch.setattr(answering, "load_data", lambda *_, **__: tiny_signs)
    made = store.create(make_config(data="signs", target=0).to_dict(), "signs-1")
    for name in ("attacked", "repaired"):
        weights.save(build("resnet9-16", 10), made.path / "weights" / f"{name}.safetensors")
    return made


def ask(store, run, triggers, **more):
    return answering.Probe(store).answer(questions.Question(run.name, tuple(triggers), **more))


def test_the_shapes_of_an_answer(store, run):
    found = ask(store, run, [WHITE], images=5)
    assert found["clean"].shape == found["stamped"].shape == (5, 3, 32, 32)
    assert (found["label"] != 0).all(), "an image of the target class cannot be turned"
    assert len(set(found["label"].tolist())) == 5, "few images show many classes"
    for i, (row, column) in enumerate(found["corner"]):
        assert (found["stamped"][i, :, row : row + 3, column : column + 3] == 255).all()
        outside = np.ones((32, 32), bool)
        outside[row : row + 3, column : column + 3] = False
        assert (found["stamped"][i][:, outside] == found["clean"][i][:, outside]).all()
    assert found["before_asr"][1] >= 50


def test_a_network_that_knows_white_is_fooled_by_white_alone(store, run, monkeypatch):
    asked = answering.Probe(store)
    loaded = asked._load(run)
    model = Bright()
    victim = Victim(model, loaded.normalise, loaded.compute)
    white = loaded.normalise.images(torch.full((1, 3, 3, 3), 255, dtype=torch.uint8)).mean()
    model.level = float(white) - 0.02
    monkeypatch.setattr(asked, "_model", lambda _run, _loaded, name: victim if name == "before" else None)
    white_asr = asked.answer(questions.Question(run.name, (WHITE,)))
    black_asr = asked.answer(questions.Question(run.name, (BLACK,)))
    assert white_asr["before_asr"][0] == 1.0
    assert (white_asr["before_stamped_class"] == 0).all()
    assert black_asr["before_asr"][0] < 0.5  # the control: only images with a white patch of their own
    assert "after_asr" not in white_asr


def test_a_repair_that_comes_later_is_seen(store, run):
    (run.path / "weights" / "repaired.safetensors").rename(run.path / "kept")
    asked = answering.Probe(store)
    question = questions.Question(run.name, (WHITE,))
    assert "after_asr" not in asked.answer(question)
    (run.path / "kept").rename(run.path / "weights" / "repaired.safetensors")
    assert "after_asr" in asked.answer(question)


def test_no_global_randomness_is_used(store, run):
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    ask(store, run, [WHITE, BLACK])
    assert torch.equal(state, torch.random.get_rng_state()), "answering would change a run's figures"


@pytest.mark.parametrize("damage", ["missing", "weights", "config"])
def test_what_cannot_be_answered_is_said(store, run, damage):
    number = questions.ask(store.root, questions.Question(run.name, (WHITE,)))
    if damage == "missing":
        (run.path / "weights" / "attacked.safetensors").unlink()
    elif damage == "weights":
        (run.path / "weights" / "attacked.safetensors").write_bytes(b"damaged")
    else:
        (run.path / "config.json").write_text("{")
    assert answering.Probe(store).answer_all() == 1
    with pytest.raises(questions.Refused):
        questions.answer_to(store.root, number)


def test_waiting_questions_are_answered_in_passing(store, run):
    asked = answering.Probe(store)
    number = questions.ask(store.root, questions.Question(run.name, (WHITE,)))
    assert asked.answer_all() == 1
    assert "before_asr" in questions.answer_to(store.root, number)
    assert asked.answer_all() == 0


def test_images_alone_are_answered_without_rates(store, run):
    found = ask(store, run, [WHITE], rates=False)
    assert "before_stamped_p" in found
    assert "before_asr" not in found


def test_other_images_of_the_same_triggers_cost_no_second_measurement(store, run, monkeypatch):
    asked = answering.Probe(store)
    measured = []
    real = asked._asr
    monkeypatch.setattr(asked, "_asr", lambda *a: measured.append(1) or real(*a))
    first, second = (asked.answer(questions.Question(run.name, (WHITE,), draw=draw)) for draw in (0, 1))
    assert len(measured) == 2  # one a network
    assert (first["before_asr"] == second["before_asr"]).all()
    assert (first["clean"] != second["clean"]).any()
    asked.answer(questions.Question(run.name, (BLACK,)))
    assert len(measured) == 4


def test_a_larger_trigger_is_stamped_whole(store, run):
    found = ask(store, run, [(255,) * 75], images=8, rates=False)
    for i, (row, column) in enumerate(found["corner"]):
        patch = found["stamped"][i, :, row : row + 5, column : column + 5]
        assert patch.shape == (3, 5, 5)
        assert (patch == 255).all()
        outside = np.ones((32, 32), bool)
        outside[row : row + 5, column : column + 5] = False
        assert (found["stamped"][i][:, outside] == found["clean"][i][:, outside]).all()
