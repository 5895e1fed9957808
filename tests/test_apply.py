import torch

from mesa_core.apply.stamping import apply, random_locations
from mesa_core.victims.images import Normalise


def simple(images, triggers, locations):
    out = images.clone()
    for i, (row, column) in enumerate(locations.tolist()):
        out[i, :, row : row + 3, column : column + 3] = triggers[i]
    return out


def test_equals_a_simple_loop_and_leaves_its_input():
    draw = torch.Generator().manual_seed(0)
    images, triggers = torch.rand(20, 3, 32, 32, generator=draw), torch.rand(20, 3, 3, 3, generator=draw)
    where = random_locations(20, (32, 32), 3, draw)
    before = images.clone()
    assert torch.equal(apply(images, triggers, where), simple(images, triggers, where))
    assert torch.equal(images, before)


def test_all_900_places_are_reached():
    where = random_locations(60_000, (32, 32), 3, torch.Generator().manual_seed(0))
    assert len(where.unique(dim=0)) == 900
    assert where.min() == 0
    assert where.max() == 29


def test_the_gradient_is_that_of_the_overwritten_pixels():
    images, where = torch.zeros(1, 3, 8, 8), torch.tensor([[2, 3]])
    trigger = torch.rand(1, 3, 3, 3, requires_grad=True)
    weights = torch.arange(3 * 8 * 8.0).view(1, 3, 8, 8)
    (apply(images, trigger, where) * weights).sum().backward()
    assert torch.equal(trigger.grad, weights[:, :, 2:5, 3:6])


def test_normalising_triggers_and_images_agrees():
    normalise = Normalise((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
    images = torch.randint(0, 256, (4, 3, 3, 3), dtype=torch.uint8)
    assert torch.allclose(normalise.images(images), normalise.triggers(images.float() / 255), atol=1e-5)
