"""A step on a card that is recorded once and replayed learns what the same step does that is not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mesa_core.victims.architectures import build
from mesa_core.victims.captured import WARM, Captured
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Recipe, Trainer
from mesa_core.victims.victim import Victim

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def trainer(model: nn.Module, precision: str = "fp32") -> Trainer:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (200, 3, 32, 32), dtype=torch.uint8, device="cuda")
    labels = torch.randint(0, 10, (200,), device="cuda")
    compute = Compute(torch.device("cuda"), precision, "nhwc" if precision == "bf16" else "nchw")
    recipe = Recipe(0.002, 32, 3.2, "linear", 5e-4, True)  # 20 steps, so slow that the last digits stay the last digits
    return Trainer(Victim(model, Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), compute), images, labels, recipe, 0)


def as_it_comes(one: Trainer) -> Trainer:
    one.learn = one._learn
    return one


def recording(one: Trainer) -> torch.cuda.CUDAGraph | None:
    """What it replays; None where it could not be recorded."""
    assert isinstance(one.learn, Captured)
    return one.learn.graph


def network() -> nn.Module:
    torch.manual_seed(1)
    return build("resnet9-16")


def learnt(one: Trainer) -> tuple[Tensor, Tensor]:
    losses = torch.stack([step.loss for step in one])
    return losses, torch.cat([p.detach().flatten() for p in one.model.parameters()])


def test_a_replayed_training_is_the_one_that_comes_step_by_step() -> None:
    recorded, plain = trainer(network()), as_it_comes(trainer(network()))
    (losses, weights), (wanted, same) = learnt(recorded), learnt(plain)
    assert recording(recorded) is not None
    torch.testing.assert_close(losses, wanted, rtol=3e-3, atol=0)
    moved = (same - torch.cat([p.flatten() for p in network().cuda().parameters()])).norm()
    assert (weights - same).norm() < 0.05 * moved
    assert losses.unique().numel() == 20, "each step's loss is its own"


def test_mixed_precision_is_recorded_too() -> None:
    one = trainer(network(), "bf16")
    losses, _ = learnt(one)
    assert recording(one) is not None
    assert losses.isfinite().all()


def test_a_stop_in_the_middle_goes_on_as_if_there_had_been_none() -> None:
    whole, first, second, forgets = (trainer(network()) for _ in range(4))
    wanted, _ = learnt(whole)
    steps = iter(first)
    for _ in range(10):
        next(steps)
    list(zip(range(WARM + 3), second, strict=False))  # one that has recorded already is told to go on from elsewhere
    second.load(first.state())
    torch.testing.assert_close(learnt(second)[0], wanted[10:], rtol=3e-3, atol=0)
    forgets.load(first.state())
    for kept in forgets.optimiser.state.values():
        kept["momentum_buffer"] = torch.zeros_like(kept["momentum_buffer"])
    assert not torch.allclose(learnt(forgets)[0], wanted[10:], rtol=3e-3, atol=0), (
        "the bound would notice a lost momentum"
    )


class Reads(nn.Module):
    """A network that waits for the device in its forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3 * 32 * 32, 10)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.inner(images.flatten(1))
        return logits if logits.sum().item() > -1e9 else -logits


def test_a_network_that_cannot_be_recorded_is_trained_as_it_comes() -> None:
    one = trainer(Reads())
    losses, _ = learnt(one)
    assert recording(one) is None
    assert one.done == 20
    assert losses.isfinite().all()
    assert torch.ones(3, device="cuda").sum().item() == 3, "the card goes on as before"
