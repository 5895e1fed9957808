"""Apply, the rule by which a trigger is put on an image: where it lies, and how it covers what is beneath.

A rule is a file of its own behind the protocol of `rule`, and one line in `RULES`, which can be read without torch.

>>> import torch
>>> rule, images, white = rule_of("anywhere"), torch.zeros(2, 3, 32, 32), torch.ones(1, 3, 3, 3)
>>> places = rule.places(2, (32, 32), 3, torch.Generator().manual_seed(0))
>>> rule(images, white, places).sum().item()
54.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesa_core.registry import Registry, load

if TYPE_CHECKING:
    from mesa_core.apply.rule import Apply

RULES: Registry[str] = Registry("rule of Apply", {"anywhere": "mesa_core.apply.anywhere:Anywhere"})


def rule_of(name: str) -> Apply:
    """The rule of a name. Raises KeyError for an unknown one."""
    return load(RULES[name])()
