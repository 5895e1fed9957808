"""The one training loop: its schedules, its shares, and that it can be left and taken up again."""

import pytest
import torch

from mesa_core import pacing
from mesa_core.victims import clean
from mesa_core.victims.architectures import build
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Recipe, Trainer
from mesa_core.victims.victim import Victim

PLAIN = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def trainer(compute, recipe, seed=0):
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (48, 3, 16, 16), dtype=torch.uint8, generator=draw)
    torch.manual_seed(seed)
    return Trainer(Victim(build("resnet9-16", 3), PLAIN, compute), images, torch.arange(48) % 3, recipe, seed)


def rates(made):
    found = []
    for _ in made:
        found.append(made.optimiser.param_groups[0]["lr"])
    return found


def test_schedules(compute):
    assert rates(trainer(compute, Recipe(0.1, 16, 2))) == [0.1] * 6
    assert rates(trainer(compute, Recipe(0.1, 16, 2, "linear"))) == pytest.approx([0.1 * (1 - i / 6) for i in range(6)])
    cycle = rates(trainer(compute, Recipe(0.1, 16, 5, "cycle")))
    assert max(cycle) == cycle[3] == pytest.approx(0.1)
    assert cycle[0] == 0


def test_cooling_ends_it_with_a_falling_rate(compute):
    made, found = trainer(compute, Recipe(0.1, 16, 50)), []
    for step in made:
        found.append(made.optimiser.param_groups[0]["lr"])
        if step.done == 5:
            made.cool(4)
    assert found == pytest.approx([0.1] * 5 + [0.1, 0.075, 0.05, 0.025])


def test_taken_up_again_it_ends_the_same(compute):
    recipe = Recipe(0.05, 16, 4, "linear")
    whole, first = trainer(compute, recipe), trainer(compute, recipe)
    for _ in whole:
        pass
    for step in first:
        if step.done == 5:
            break
    second = trainer(compute, recipe, seed=9)
    second.load(first.state())
    for _ in second:
        pass
    for a, b in zip(whole.model.state_dict().values(), second.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_every_image_is_seen_once_a_pass(compute):
    made = trainer(compute, Recipe(0.1, 16, 1))
    seen = torch.cat([made._next_indices() for _ in range(3)])
    assert sorted(seen.tolist()) == list(range(48))


@pytest.mark.slow
def test_a_clean_training_goes_on_from_its_checkpoint_but_not_in_other_settings(tmp_path, blobs, compute, monkeypatch):
    monkeypatch.setattr(pacing, "INTERVAL", 0.0)  # a report a step

    def training(setting):
        return clean.train(blobs, "resnet9-16", 6, 0, setting, tmp_path / "kept.pt", every=-1.0)

    def stopped(setting):
        work = training(setting)
        for _ in range(5):
            next(work)
        work.close()
        assert (tmp_path / "kept.pt").exists()

    def ended():
        work, reports = training(compute), 0
        while True:
            try:
                next(work)
                reports += 1
            except StopIteration as done:
                (tmp_path / "kept.pt").unlink()
                return reports, done.value.model.state_dict()

    whole, weights = ended()
    stopped(compute)
    rest, same = ended()
    assert rest == whole - 4
    stopped(Compute(compute.device, "bf16"))
    anew, again = ended()
    assert anew == whole
    for name, value in weights.items():
        assert torch.equal(value, same[name])
        assert torch.equal(value, again[name])
