"""The defences that a run can carry out and compare, each declared once: its words, its mark, its pools of triggers.

All of them retrain the same network on the same images (eq. 5) and differ in what they stamp alone. Needs no torch: a
defence's file is imported when it is carried out. Another package adds its own with one line, `DEFENCES.register`.

>>> DEFENCES.register("white", Defence("white squares", "a white square", "white", "my_package.mine:white", Mark("square", 1)))
>>> DEFENCES["white"].words, DEFENCES["white"].oracle
('white squares', False)
>>> DEFENCES.remove("white")
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from mesa_core.registry import Registry


@dataclass(frozen=True)
class Mark:
    """How a defence is drawn: plotly's symbol, which colour of `thumbnails.PALETTE` (None: grey), a size in pixels."""

    symbol: str
    colour: int | None
    size: int = 9


@dataclass(frozen=True)
class Defence:
    """One defence.

    `pools` is the place `package.module:function` of what finds the triggers that it stamps: called with the run's `Context`,
    a generator of events that returns a list of `mesa_core.experiment.pools.Pool`, one for each repair.
    """

    words: str  # in a table: "point defence"
    stamps: str  # what it retrains with: "one reversed trigger"
    short: str  # on a curve: "point"
    pools: str
    mark: Mark
    oracle: bool = False  # it uses what a defender cannot know
    searches: bool = False  # it has a stage of its own before its repair
    seeds: str = ""  # the parameter that says how many times it is carried out, each with a seed of its own


DEFENCES: Registry[Defence] = Registry(
    "defence",
    {
        "mesa": Defence("MESA", "MESA's triggers", "MESA", "mesa_core.experiment.pools:mesa", Mark("diamond", 0, 12)),
        "point": Defence(
            "point defence",
            "one reversed trigger",
            "point",
            "mesa_core.experiment.pools:point_triggers",
            Mark("circle-open", 5),
            searches=True,
            seeds="point_seeds",
        ),
        "random": Defence(
            "random triggers (b/w)",
            "random black-and-white triggers",
            "random",
            "mesa_core.experiment.pools:black_and_white",
            Mark("square-open", 4),
        ),
        "uniform": Defence(
            "random triggers (colour)",
            "randomly coloured triggers",
            "random colours",
            "mesa_core.experiment.pools:colours",
            Mark("triangle-up-open", 4),
        ),
        "neural_cleanse": Defence(
            "Neural Cleanse",
            "Neural Cleanse's mask",
            "Neural Cleanse",
            "mesa_core.experiment.pools:mask",
            Mark("hexagram-open", 3, 10),
            searches=True,
        ),
        "ideal": Defence(
            "original trigger (oracle)",
            "the original trigger (oracle)",
            "original (oracle)",
            "mesa_core.experiment.pools:original",
            Mark("star-open", 2, 11),
            oracle=True,
        ),
        "control": Defence(
            "clean images (control)",
            "clean images alone (control)",
            "control",
            "mesa_core.experiment.pools:nothing",
            Mark("x-thin-open", None),
        ),
    },
)


class Baselines(Collection[str]):
    """The names of all defences but MESA's, which is always carried out."""

    def __contains__(self, name: object) -> bool:
        return name != "mesa" and name in DEFENCES

    def __iter__(self) -> Iterator[str]:
        return (name for name in DEFENCES if name != "mesa")

    def __len__(self) -> int:
        return len(DEFENCES) - 1


def split(name: str) -> tuple[str, int]:
    """Which defence an evaluation's or a repair's name means, and of which seed: 'point_2' is ('point', 2).

    A name that is no defence's comes back as it is, with seed 1.
    """
    if name in DEFENCES:
        return name, 1
    kind, _, number = name.rpartition("_")
    if kind in DEFENCES and DEFENCES[kind].seeds and number.isdigit():
        return kind, int(number)
    return name, 1


def named(name: str) -> str:
    """A repair in words: 'mesa' is 'MESA', 'point_2' a further seed of the point defence, 'beta.0.5' one level alone."""
    kind, seed = split(name)
    if kind in DEFENCES:
        return DEFENCES[kind].words + (f", seed {seed}" if kind != name else "")
    return f"MESA, β = {name.removeprefix('beta.')} alone" if name.startswith("beta.") else name
