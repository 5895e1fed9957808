"""Computing again only what a patch can change gives what the whole network gives, wherever the patch lies."""

import pytest
import torch
from torch import nn

from benchmarks import local
from mesa_core.devices import Compute
from mesa_core.stamping import apply
from mesa_core.victims import ResNet9


def network(width: int = 8) -> nn.Module:
    """A small ResNet-9 with weights and running statistics that leave no layer silent."""
    torch.manual_seed(0)
    model = ResNet9(5, width)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.6)
            nn.init.uniform_(module.bias, 0.1, 0.6)  # so that a wrong zero beyond a border is seen
            nn.init.uniform_(module.running_var, 0.2, 0.8)
    return Compute(torch.device("cpu"), "fp32", "nhwc").freeze(model)


def everywhere(count: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images, and a patch at each of the 30x30 places: borders, corners, and both parities of every pool."""
    draw = torch.Generator().manual_seed(1)
    images = torch.randn(count, 3, 32, 32, generator=draw).contiguous(memory_format=torch.channels_last)
    at = torch.cartesian_prod(torch.arange(30), torch.arange(30))
    picks = torch.randint(count, (len(at),), generator=draw)
    return images, picks, 2 * torch.randn(len(at), 3, 3, 3, generator=draw), at


@pytest.mark.parametrize("depth", local.DEPTHS)
def test_logits_agree_at_every_place(depth):
    model, (images, picks, patches, at) = network(), everywhere()
    ours = local.Local(model, images, depth)
    with torch.no_grad():
        whole = model(apply(images[picks], patches, at))
        clean = model(images[picks])
        found = ours(picks, patches, at)
    assert (whole - clean).abs().amax(1).min() > 1e-3, "every patch must matter, or nothing is tested"
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-4)
    again = ours(picks[:7], patches[:7], at[:7])  # the kept maps were not written into
    torch.testing.assert_close(again, whole[:7], rtol=0, atol=1e-4)


@pytest.mark.parametrize("depth", local.DEPTHS)
def test_gradients_agree(depth):
    model, (images, picks, patches, at) = network(), everywhere()
    some = torch.cat([torch.arange(0, 900, 7), torch.tensor([0, 29, 870, 899])])  # with the corners
    picks, patches, at = picks[some], patches[some], at[some]
    ours = local.Local(model, images, depth)
    pair = []
    for through in (lambda t: model(apply(images[picks], t, at)), lambda t: ours(picks, t, at)):
        leaf = patches.clone().requires_grad_()
        through(leaf).log_softmax(1)[:, 0].sum().backward()
        pair.append(leaf.grad)
    assert pair[0].abs().amax((1, 2, 3)).min() > 0
    torch.testing.assert_close(pair[1], pair[0], rtol=1e-3, atol=1e-4)


def test_a_wrong_border_or_a_window_off_the_pools_grid_would_be_seen(monkeypatch):
    model, (images, picks, patches, at) = network(), everywhere()
    with torch.no_grad():
        whole = model(apply(images[picks], patches, at))
        ours = local.Local(model, images, "pool1")
        monkeypatch.setattr(local, "inside", lambda at, size, width: torch.ones(len(at), 1, size, size))
        wrong = (ours(picks, patches, at) - whole).abs().amax(1) > 1e-4
        border = ((at < 2) | (at > 27)).any(1)
        assert wrong[border].float().mean() > 0.5
        assert not wrong[((at > 5) & (at < 24)).all(1)].any(), "inside, no mask is needed"
        monkeypatch.undo()
        moved = (ours(picks, patches, at + torch.tensor([[1, 0]])) - whole).abs().amax(1)
        assert (moved[at[:, 0] < 29] > 1e-4).float().mean() > 0.9
