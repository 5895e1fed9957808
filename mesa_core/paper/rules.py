"""The rules by which claims are judged, as pure functions of figures; `claims` says them in words.

Limits are shares of one, or nats. A verdict is one of VERDICTS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mesa_core.measures.intervals import proportion

VERDICTS = ("agrees", "partly", "differs", "not measured yet")
UNKNOWN = VERDICTS[3]
ABOVE, FAR_ABOVE = 0.01, 0.03  # by how much an ASR that should be low may exceed the paper's
BELOW, FAR_BELOW = 0.02, 0.05  # by how much one that should be high may stay below it
CHEAP, DEAR = 0.005, 0.02  # accuracy lost
HALF, TENTH = 27 * math.log(2), 27 * math.log(1.1)  # nats: twice, or a tenth, as wide again in every direction
FEW = 4  # runs; of fewer, no share can lie above half with its interval


def lower(ours: float, paper: float, near: float = ABOVE, far: float = FAR_ABOVE) -> str:
    """The verdict on a figure that should be at most the paper's."""
    return "agrees" if ours <= paper + near else "partly" if ours <= paper + far else "differs"


def higher(ours: float, paper: float) -> str:
    """The verdict on a figure that should be at least the paper's."""
    return lower(-ours, -paper, BELOW, FAR_BELOW)


def both(first: bool, second: bool) -> str:
    """The verdict on two things of which a claim needs both."""
    return "agrees" if first and second else "partly" if first or second else "differs"


def throughout(verdicts: Sequence[str]) -> str:
    """One verdict over several places: that of all where they are the same, else partly."""
    return verdicts[0] if len(set(verdicts)) == 1 else "partly"


def poorer(first: str, second: str) -> str:
    """The less favourable of two verdicts."""
    return max(first, second, key=VERDICTS.index)


def narrow(entropy: float, dimensions: float, usual: tuple[float, float]) -> str:
    """Whether samples keep to few points, beside the entropy and effective dimensions that are `usual`."""
    return both(usual[0] - entropy >= HALF, dimensions < usual[1])


def overspread(high: float, beta: float, entropy: float, usual: float, by: float = TENTH) -> str:
    """Whether samples, their mean ASR at most `high`, miss beta and are wider than `usual` by so many nats."""
    return both(high < beta, entropy - usual >= by)


def covered(shares: Sequence[Sequence[float]]) -> str:
    """Whether levels nest: `shares` of one pair of levels over all runs each; half of a level, in the median."""
    return _steps([float(np.median(each)) >= 0.5 for each in shares])


def growing(steps: Sequence[Sequence[float]]) -> str:
    """Whether ranges expand: `steps` hold the growth at one step down over all runs each."""
    return _steps([_mostly([value > 0 for value in each]) for each in steps])


def _mostly(grown: Sequence[bool]) -> bool:
    return all(grown) if len(grown) < FEW else proportion(sum(grown), len(grown)).low > 0.5


def _steps(passed: Sequence[bool]) -> str:
    return both(all(passed), any(passed))


def line(high: float, paper: float, lowest_true: float | None, wrong: int) -> str:
    """Whether other classes stay below the paper's figure, or at least clearly apart from the attacked one."""
    if lower(high, paper) == "agrees" and not wrong:
        return "agrees"
    return "partly" if not wrong and lowest_true is not None and high < lowest_true else "differs"


def lottery(span: float) -> str:
    """Whether what is left differs as much as by luck."""
    return "agrees" if span >= 0.4 else "partly" if span >= 0.1 else "differs"


def times(ratio: float) -> str:
    """Whether the point defence leaves many times as much."""
    return "agrees" if ratio >= 4 else "partly" if ratio >= 2 else "differs"
