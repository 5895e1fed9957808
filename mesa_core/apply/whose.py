"""Whose rule of Apply: the attacker's, who knows where and how his trigger lies, and the defender's, who assumes something.

Attack and original follow the first; sub-models, baselines, repair and the figures of what was sampled the second. The shape
of a trigger with transparent cells is the attacker's alone: whoever seeks triggers seeks full squares, and so are the
black-and-white ones that are measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mesa_core import triggers
from mesa_core.apply import SECRET, plan, rule_of
from mesa_core.apply.blended import Blended
from mesa_core.apply.per_pixel import PerPixel
from mesa_core.apply.places import Box
from mesa_core.apply.rule import Apply
from mesa_core.apply.shaped import shaped
from mesa_core.apply.within import Within
from mesa_core.opacity import SAMPLED, Opacity


class Asked(Protocol):
    """The parameters that say it; a configuration has them. `size` is the trigger's side in pixels."""

    @property
    def trigger(self) -> str: ...
    @property
    def apply(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def opacity(self) -> float: ...
    @property
    def search_places(self) -> str: ...
    @property
    def search_opacity(self) -> Opacity: ...
    @property
    def size(self) -> int: ...


def attackers(asked: Asked) -> Apply:
    """The rule by which the trigger is planted: its transparent cells, if any, leave the image as it is."""
    return shaped(squares(asked), triggers.mask_of(asked.trigger))


def squares(asked: Asked) -> Apply:
    """The attacker's rule for any other trigger of that size: at his places, as opaque as his, and a full square."""
    return rule_of(asked.apply, asked.place, asked.opacity)


def defenders(asked: Asked, image_size: tuple[int, ...], found: Box | None = None) -> Apply:
    """The rule by which triggers of the configured size are sought and stamped in the repair.

    `image_size` is (height, width); `found` are the places at which a search by a plan found something. Before there is
    such, a plan of several parts means all places. A rule that somebody has added is no secret. Who is told the attacker's
    place and samples opacities is told no more than the place. Raises ValueError for a place at which no trigger fits.
    """
    search = asked.search_places
    if search == plan.ATTACKED and asked.search_opacity == SAMPLED:
        return covering(rule_of(asked.apply, asked.place), SAMPLED)
    if search == plan.ATTACKED:
        return squares(asked)
    if found is not None:
        return within([found], asked.search_opacity)
    if search != plan.ANYWHERE and not plan.several(search):
        return within([plan.parts(search, image_size, asked.size)[0].box], asked.search_opacity)
    if asked.apply not in SECRET:
        return squares(asked)
    return covering(rule_of(plan.ANYWHERE), asked.search_opacity)


def sought(asked: Asked, image_size: tuple[int, ...], boxes: Sequence[Box | None]) -> Apply:
    """The rule by which triggers are sought in `boxes`, an equal group in each; where none is known, the defender's."""
    known = [box for box in boxes if box is not None]
    return within(known, asked.search_opacity) if known else defenders(asked, image_size)


def within(boxes: Sequence[Box], opacity: Opacity) -> Apply:
    """A rule for so many equal groups of triggers, each in its box, covering `opacity` of what is beneath."""
    return covering(Within(boxes), opacity)


def covering(rule: Apply, opacity: Opacity) -> Apply:
    """The same rule for triggers that cover `opacity` of what is beneath, or what each of their cells says.

    Raises ValueError for an opacity beyond 0 to 1, and for cells with opacities under a rule that does not overwrite.
    """
    if isinstance(opacity, str):
        return PerPixel(rule)
    return rule if opacity == 1 else Blended(rule, opacity)
