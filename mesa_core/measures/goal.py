"""Where a backdoor sends images: all to one class, or, all-to-all, each class to one of its own. Needs no torch itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

NOWHERE = -1  # the goal of images that are left alone


@dataclass(frozen=True)
class EachTo:
    """Each class to one of its own: `to` says for every class which, NOWHERE for one that is not led anywhere."""

    to: tuple[int, ...]


Goal = int | EachTo  # one class, or one for each


def as_key(goal: Goal | None) -> int | list[int] | None:
    """A goal as keys tell it."""
    return list(goal.to) if isinstance(goal, EachTo) else goal


def goal_of(goal: Goal, labels: Tensor) -> Tensor:
    """The class to which each image is to go, or NOWHERE: int64 `(n,)` of their `labels` `(n,)`.

    >>> import torch
    >>> goal_of(EachTo((1, 2, NOWHERE)), torch.tensor([0, 2, 1])).tolist(), goal_of(2, torch.tensor([0, 1])).tolist()
    ([1, -1, 2], [2, 2])
    """
    if isinstance(goal, int):
        return labels.new_full(labels.shape, goal)
    return labels.new_tensor(goal.to)[labels]


def turned(goal: Goal, labels: Tensor) -> Tensor:
    """Which images a backdoor has to turn, bool `(n,)`: those that are to go somewhere, and to another class than their own."""
    wanted = goal_of(goal, labels)
    return (wanted != labels) & (wanted != NOWHERE)
