"""What the verbs return: figures with n and interval in their `repr`, triggers as pictures in a notebook."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mesa_core.measures.intervals import Measured
from mesa_core.method import mesa
from mesa_core.pictures.thumbnails import trigger_svg
from mesa_core.victims.victim import Victim
from mesa_core.words import brief

DRAWN = 16  # triggers of a level, or a class, in a notebook's picture


@dataclass(frozen=True)
class Evaluation:
    """What a network is worth, on images that are not of the target class (accuracy: on all).

    `asr` is the ASR of the trigger, or of the sampled triggers where those were given; None where neither was.
    """

    accuracy: Measured
    target_accuracy: Measured
    natural_rate: Measured
    asr: Measured | None = None
    effective_asr: Measured | None = None

    def __repr__(self) -> str:
        told = f"accuracy {_share(self.accuracy)}"
        return told if self.asr is None else f"{told}, ASR {_share(self.asr)}"


@dataclass(frozen=True)
class Samples:
    """The sub-models of one network: `triggers` `(levels, n, k, s, s)` in [0, 1], k = 3 or 4, and how often each level succeeds.

    `asr` is measured on the defender's images; `kept` are the levels that Algorithm 1 does not skip, `gamma` their weights
    in the mixture.
    """

    levels: tuple[float, ...]
    triggers: Tensor
    asr: tuple[Measured, ...]
    kept: tuple[bool, ...]
    gamma: tuple[float, ...]
    target: int

    def mixture(self, n: int = 2048, seed: int = 0) -> Tensor:
        """`n` triggers `(n, 3, s, s)` of the mixture."""
        return mesa.mix(self.triggers.cpu(), self.gamma, n, seed, anew=True)

    def __repr__(self) -> str:
        each = zip(self.levels, self.asr, self.kept, strict=True)
        rows = [f"  β = {b:g}: ASR {_share(m)}{'' if k else ', skipped'}" for b, m, k in each]
        return "\n".join([f"Samples for class {self.target}, {self.triggers.shape[1]} a level", *rows])

    def _repr_html_(self) -> str:
        each = zip(self.levels, self.asr, self.triggers.cpu().numpy(), strict=True)
        return "".join(_drawn(f"β = {level:g}", measured, triggers) for level, measured, triggers in each)


@dataclass(frozen=True)
class Found:
    """A search over all classes: `target` is the class that looks attacked, None where none does.

    `asr` and `triggers` `(classes, n, 3, s, s)` are by class: how often the triggers found for it succeed. `words` say what
    was looked for, and what that says of the network.
    """

    target: int | None
    asr: tuple[Measured, ...]
    threshold: float
    triggers: Tensor
    words: str = ""

    def __repr__(self) -> str:
        said = "no class looks attacked" if self.target is None else f"class {self.target} looks attacked"
        return f"Found: {said}; highest " + ", ".join(f"class {c} {_share(self.asr[c])}" for c in self._highest())

    def _repr_html_(self) -> str:
        triggers = self.triggers.cpu().numpy()
        return "".join(_drawn(f"class {c}", self.asr[c], triggers[c]) for c in self._highest())

    def _highest(self) -> list[int]:
        """The three classes that look most attacked."""
        return sorted(range(len(self.asr)), key=lambda c: -self.asr[c].value)[:3]


@dataclass(frozen=True)
class Repaired:
    """A repair: the new network, and what both are worth, the ASR being that of the triggers that were stamped.

    Measured on images that the repair was not given.
    """

    victim: Victim
    before: Evaluation
    after: Evaluation

    def __repr__(self) -> str:
        return f"Repaired\n  before: {self.before!r}\n  after:  {self.after!r}"


def _share(measured: Measured) -> str:
    """'97.1 % (96.0–98.0), n = 1,096'."""
    return f"{brief(measured)}, n = {measured.n:,}"


def _drawn(what: str, measured: Measured, triggers: np.ndarray) -> str:
    """Some triggers `(n, 3, s, s)` as pictures under what they are, as HTML."""
    pictures = " ".join(trigger_svg(one, 32) for one in triggers[:DRAWN])
    return f"<p>{what}: ASR {_share(measured)}<br>{pictures}</p>"
