"""What an experiment says while it runs: typed events, each a line of JSON.

An experiment is an iterator of these. Three consumers share it: the command line prints it, the store appends it,
the page draws it. Needs no torch.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class StageBegun:
    """A stage starts. `index` of `count` from 0; `label` is for people; `estimate` its expected share of the time."""

    stage: str
    index: int
    count: int
    label: str


@dataclass(frozen=True)
class Progress:
    """Within a stage: `done` of `total`; `seconds` so far and to go (None while unknown); figures to plot."""

    stage: str
    done: int
    total: int
    elapsed: float
    left: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StageDone:
    """A stage has its result; `reused` when it was found in the store under the same key."""

    stage: str
    seconds: float
    key: str = ""
    reused: bool = False


@dataclass(frozen=True)
class Axes:
    """The fixed axes of the scatter: a file of the run with the 512 codes' places and ASR."""

    file: str
    explained: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Snapshot:
    """The sampled triggers at a step of MESA, in a binary file of the run. The same rows are the same dots."""

    step: int
    file: str
    betas: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Mark:
    """A trigger worth marking in the scatter: the original, its inverse, a reversed one.

    `opacity` is that of each cell, row by row, where a trigger has opacities; else it is not written.
    """

    name: str
    trigger: str
    pca: list[float]
    tsne: list[float]
    asr: float | None = None
    opacity: list[float] | None = None


@dataclass(frozen=True)
class Evaluated:
    """An evaluation E (see `mesa_core.measures.bench`) under its name, such as 'before' or 'after.mesa'."""

    name: str
    value: dict[str, Any]


@dataclass(frozen=True)
class Submodels:
    """What was measured of the sub-models, one entry a level, as in the result."""

    value: list[dict[str, Any]]


@dataclass(frozen=True)
class Note:
    """A sentence for people: a decision, a warning, a caveat."""

    text: str


@dataclass(frozen=True)
class Judged:
    """What a repair says of itself once MESA was trained anew on the repaired network; where not `healed` it is a warning.

    `worst` is the highest effective ASR of a sub-model that is left, `rounds` how often it was repaired.
    """

    healed: bool
    worst: float
    rounds: int
    text: str


@dataclass(frozen=True)
class Finished:
    """The run is whole; its result is in result.json."""

    seconds: float


@dataclass(frozen=True)
class Failed:
    """The run ended with an error; `message` is one sentence for people."""

    message: str


@dataclass(frozen=True)
class Stopped:
    """Somebody stopped the run; what it had is kept and a resume goes on from there."""

    stage: str


Event = (
    StageBegun
    | Progress
    | StageDone
    | Axes
    | Snapshot
    | Mark
    | Evaluated
    | Submodels
    | Note
    | Judged
    | Finished
    | Failed
    | Stopped
)
TYPES: dict[str, type] = {t.__name__: t for t in Event.__args__}
HINTS = {t: get_type_hints(t) for t in Event.__args__}


def to_json(event: Event) -> dict[str, Any]:
    """A dictionary that JSON can hold, with the event's type under 'type'."""
    told = {"type": type(event).__name__, **dataclasses.asdict(event)}
    return {name: value for name, value in told.items() if name != "opacity" or value is not None}


def from_json(value: dict[str, Any]) -> Event:
    """The inverse of `to_json`; fields that this version does not know are dropped. Raises ValueError."""
    kind = TYPES.get(str(value.get("type")))
    if kind is None:
        raise ValueError(f"There is no event {value.get('type')!r}.")
    hints = HINTS[kind]
    given = {k: v for k, v in value.items() if k in hints}
    odd = next((k for k, v in given.items() if not _fits(v, hints[k])), None)
    if odd is not None:
        raise ValueError(f"An event {value['type']} has an odd {odd}.")
    try:
        return kind(**given)
    except TypeError as error:
        raise ValueError(f"An event {value['type']} is incomplete: {error}") from None


def _fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value is what a field is declared as; events come from files that anybody may have written."""
    inner = get_args(hint)
    if hint is Any:
        return True
    if isinstance(hint, UnionType):
        return any(_fits(value, one) for one in inner)
    if get_origin(hint) is list:
        return isinstance(value, list) and all(_fits(v, inner[0]) for v in value)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(_fits(v, inner[1]) for v in value.values())
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def dumps(event: Event, **more: Any) -> str:
    """One line of JSON."""
    return json.dumps({**more, **to_json(event)}, separators=(",", ":"), allow_nan=False)
