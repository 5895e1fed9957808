"""What every kind of sub-model promises, whatever it samples; no test of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def lie_in_the_box_and_repeat(made: Any, shape: tuple[int, ...]) -> None:
    """Samples `(N, 10, ...)` have their shape, lie in [0, 1], carry no gradient, and are the same from the same state."""
    found = made.sample(10, torch.Generator().manual_seed(1))
    assert found.shape == shape
    assert found.min() >= 0
    assert found.max() <= 1
    assert not found.requires_grad
    assert torch.equal(found, made.sample(10, torch.Generator().manual_seed(1)))


def are_the_same_by_seed_and_when_loaded(make: Callable[[int], Any], surrogate: Any) -> None:
    """Two groups that `make` makes of one seed train to the same; one of another seed differs until it is loaded."""
    ends = []
    for _ in range(2):
        made, draw = make(0), torch.Generator().manual_seed(3)
        for _ in range(5):
            made.step(surrogate, draw)
        ends.append(made.sample(8, torch.Generator().manual_seed(4)))
    assert torch.equal(*ends)
    other = make(9)
    assert not torch.equal(other.sample(8, torch.Generator().manual_seed(4)), ends[0])
    other.load(made.state())
    assert torch.equal(other.sample(8, torch.Generator().manual_seed(4)), ends[0])
