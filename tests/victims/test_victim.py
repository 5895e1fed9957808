"""A victim is a network with how it is asked; what is left out has the plainest meaning."""

import pytest
import torch
from torch import nn

from mesa_core.victims.architectures import build
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

PICTURES = torch.randint(0, 256, (5, 3, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_where_nothing_is_said_a_network_sees_pixels_from_0_to_1():
    assert torch.allclose(Normalise().images(PICTURES), PICTURES / 255)
    triggers = torch.rand(2, 3, 3, 3)
    assert torch.allclose(Normalise().triggers(triggers), triggers)
    assert torch.allclose(Victim(nn.Flatten()).inputs(PICTURES), PICTURES / 255)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_it_computes_where_its_weights_lie_in_fp32(device):
    assert Victim(nn.Linear(2, 2, device=device)).compute == Compute(torch.device(device), "fp32", "nchw")


def test_a_network_without_weights_computes_on_the_cpu():
    assert Victim(nn.Flatten()).compute == Compute(torch.device("cpu"))


def test_a_place_that_is_named_is_kept():
    named = Compute(torch.device("cpu"), "bf16", "nhwc")
    made = Victim(nn.Linear(2, 2), Normalise((0.5,) * 3), named)
    assert made.compute is made.copy().compute is made.of(nn.Flatten()).compute is made.freeze().compute is named
    assert made.inputs(PICTURES).is_contiguous(memory_format=torch.channels_last)


def test_a_copy_has_weights_of_its_own_and_a_frozen_one_answers_the_same_without_gradients():
    made = Victim(build("resnet9-16", 3).eval(), Normalise((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)))
    copy, still = made.copy(), made.freeze()
    with torch.no_grad():
        copy.model.linear.weight.zero_()
    assert made.model.linear.weight.any()
    x = torch.randn(3, 3, 32, 32)
    assert torch.allclose(still.logits(x), made.model(x), atol=1e-4)
    assert not any(weight.requires_grad for weight in still.model.parameters())
    assert all(weight.requires_grad for weight in made.model.parameters())
    assert still.normalise == copy.normalise == made.normalise
