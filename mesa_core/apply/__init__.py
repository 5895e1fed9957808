"""Apply, the rule by which a trigger is put on an image: where it lies, and how it covers what is beneath.

A rule is a file of its own behind the protocol of `rule`, and one line in `RULES`, which can be read without torch. What an
attacker does is such a rule, with a place where it is fixed, and an opacity; what a defender assumes of it is `assumed`.

>>> import torch
>>> rule, images, white = rule_of("anywhere"), torch.zeros(2, 3, 32, 32), torch.ones(1, 3, 3, 3)
>>> places = rule.places(2, (32, 32), 3, torch.Generator().manual_seed(0))
>>> rule(images, white, places).sum().item()
54.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesa_core.apply.places import BOTTOM_RIGHT
from mesa_core.registry import Registry, load

if TYPE_CHECKING:
    from mesa_core.apply.rule import Apply

RULES: Registry[str] = Registry(
    "rule of Apply", {"anywhere": "mesa_core.apply.anywhere:Anywhere", "fixed": "mesa_core.apply.fixed:Fixed"}
)
SECRET = (
    "anywhere",
    "fixed",
)  # rules whose place a defender does not know; one that somebody has added is known to all


def rule_of(name: str, place: str = BOTTOM_RIGHT, opacity: float = 1.0) -> Apply:
    """The rule of a name, at `place` where it has one, its triggers covering `opacity` of what is beneath.

    Raises KeyError for an unknown name, ValueError for what is no place.
    """
    made = load(RULES[name])
    rule = made(place) if name == "fixed" else made()
    return rule if opacity == 1 else load("mesa_core.apply.blended:Blended")(rule, opacity)
