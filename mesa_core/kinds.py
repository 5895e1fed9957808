"""The kinds of sub-model that can be chosen, by name. Needs no torch: a kind's file is imported when one of it is made.

Another package adds its own:

>>> from mesa_core.kinds import KINDS, Kind
>>> KINDS.register("mykind", Kind("my_package.my_file:MyKind"))
>>> "mykind" in KINDS, KINDS["mykind"].density
(True, False)
>>> KINDS.remove("mykind")
"""

from __future__ import annotations

from dataclasses import dataclass

from mesa_core.registry import Registry


@dataclass(frozen=True)
class Kind:
    """A kind of sub-model: the place `package.module:Class` of its `SubModels`, and whether it knows its density."""

    place: str
    density: bool = False


KINDS: Registry[Kind] = Registry(
    "kind of sub-model",
    {
        "mine": Kind("mesa_core.method.submodels.mine:Mine"),
        "convolutional": Kind("mesa_core.method.submodels.convolutional:Convolutional"),
        "neighbours": Kind("mesa_core.method.submodels.neighbours:Neighbours"),
        "particles": Kind("mesa_core.method.submodels.particles:Particles"),
        "flow": Kind("mesa_core.method.submodels.flow:Flow", density=True),
    },
)
