"""Units and premises: the units that classify best are found and said, and what only guesses is not examined."""

import math

import pytest
import torch
from torch import nn

from mesa_core.brought import files, networks, trial
from mesa_core.victims import units
from mesa_core.victims.devices import Compute
from mesa_core.victims.names import ARCHITECTURES
from mesa_core.victims.weights import WeightsError

CPU = Compute(torch.device("cpu"))


class Shades(nn.Module):
    """Tells ten shades of grey apart in its own units: the nearest of ten centres wins."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1, bias=False)
        self.linear = nn.Linear(1, classes)

    def forward(self, x):
        return self.linear(self.conv(x).mean((2, 3)))


def shades(classes):
    return Shades(classes)


def pictures(count=300):
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 10, (count,), generator=draw)
    noise = torch.randint(0, 10, (count, 3, 8, 8), generator=draw)
    return (labels.view(-1, 1, 1, 1) * 25 + noise).to(torch.uint8), labels


def network(tmp_path, mean, std, classes=10, turn=None):
    """A network of shades for pixels that were normalised by this mean and std, in a file."""
    centres = ((torch.arange(10) * 25 + 4.5) / 255 - mean) / std
    model = Shades(classes)
    with torch.no_grad():
        model.conv.weight.fill_(1 / 3)
        model.linear.weight.copy_(2 * centres[:, None] / centres.std() ** 2)
        model.linear.bias.copy_(-(centres**2) / centres.std() ** 2)
        if turn is not None:
            model.linear.weight.copy_(model.linear.weight[turn])
            model.linear.bias.copy_(model.linear.bias[turn])
    torch.save(model.state_dict(), tmp_path / "shades.pt")
    ARCHITECTURES.register("shades", f"{__name__}:shades")
    try:
        return networks.fit(files.read(tmp_path / "shades.pt"), "shades", classes)
    finally:
        ARCHITECTURES.remove("shades")


def judged(found, said="auto"):
    images, labels = pictures()
    mean = images.float().mean().item() / 255
    std = images.float().std().item() / 255
    return trial.judge(found, images, labels, CPU, trial.candidates(found, (mean,) * 3, (std,) * 3, said))


@pytest.mark.parametrize(
    ("name", "mean", "std"), [("0-255", 0.0, 1 / 255), ("0-1", 0.0, 1.0), ("half", 0.5, 0.5), ("mnist", 0.1307, 0.3081)]
)
def test_the_units_in_which_it_classifies_best_are_found_and_said(tmp_path, name, mean, std):
    found = judged(network(tmp_path, mean, std))
    assert found.chosen.units == name
    assert found.chosen.right.value > 0.95
    assert name in found.told()
    worst = min(one.right.value for one in found.tried)
    assert worst < 0.5, "the negative control: other units would have been wrong"


def test_units_that_are_said_are_taken(tmp_path):
    made = network(tmp_path, 0.2, 0.4)
    found = judged(made, "0.2 / 0.4")
    assert (found.chosen.units, len(found.tried)) == ("said", 1)
    assert found.chosen.right.value > 0.95
    assert judged(made, "0-255").chosen.right.value < 0.5


def test_units_are_found_whatever_the_order_of_the_labels(tmp_path):
    turn = torch.tensor([0, 9, 1, 2, 3, 4, 5, 6, 7, 8])  # as folders 1 to 10 sort as text
    found = judged(network(tmp_path, 0.5, 0.5, turn=turn))
    assert found.chosen.units == "half"
    assert found.chosen.right.value < 0.3
    assert found.chosen.matched > 0.95


def test_answers_that_are_no_numbers_are_told(tmp_path):
    made = network(tmp_path, 0.5, 0.5)
    made.brought.state["linear.weight"].fill_(1e38)
    made.brought.state["conv.weight"].fill_(1e38)
    with pytest.raises(WeightsError, match="not numbers"):
        judged(made)


@pytest.mark.parametrize("word", ["0.5", "a / b", "0.5 / 0", "1 2 / 3", "nan / 1", "0.5 / 1e-9", "", "x" * 5000])
def test_odd_units_are_one_sentence(word):
    with pytest.raises(ValueError, match=r"units are|mean and std"):
        units.parse(word)


def test_units_are_told_in_steps_of_one_or_of_255():
    assert units.parse("127.5 / 51")[0] == pytest.approx((0.5,) * 3)
    assert units.parse("127.5 / 51")[1] == pytest.approx((0.2,) * 3)
    assert units.said([0.5], [0.25]) == "0.5 / 0.25"
    with pytest.raises(ValueError, match="together"):
        units.said([0.5], None)
    assert all(math.isfinite(v) and v >= 0 for pair in units.PRESETS.values() for part in pair for v in part)
