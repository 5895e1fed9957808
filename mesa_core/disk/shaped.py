"""JSON objects as frozen dataclasses: the shape is declared once, read and checked, and written again byte for byte.

A class that extends `Shaped` names its fields and their types; `from_json` checks all of them and raises `Damaged`, which
says where and why; `to_json` writes the fields in the order in which they are declared, or were read. What a file holds
besides is kept (`rest`), so that a file of a newer version goes through an older one unharmed. Needs no torch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin, get_type_hints

Read = Callable[[Any], Any]
"""Checks a JSON value and returns what it stands for. Raises Damaged."""


class Damaged(ValueError):
    """A JSON value that is not what it should be: the message begins with the place, as 'before.asr.worst: is missing'."""

    def __init__(self, why: str, *place: str) -> None:
        super().__init__(f"{'.'.join(place)}: {why}" if place else why)
        self.why, self.place = why, place

    def under(self, name: str) -> Damaged:
        """The same, one level further out."""
        return Damaged(self.why, name, *self.place)


@dataclass(frozen=True)
class Within:
    """In `Annotated[float, Within(0, 1)]`: the range of a number, both ends included."""

    low: float
    high: float


Count = Annotated[int, Within(0, 1e12)]
Unit = Annotated[float, Within(0, 1)]


@dataclass(frozen=True)
class Key:
    """In `dict[Annotated[str, Key(fits)], ...]`: which names there may be."""

    fits: Callable[[str], bool]


def _is_number(name: str) -> bool:
    try:
        return math.isfinite(float(name))
    except ValueError:
        return False


Level = Annotated[str, Key(_is_number)]
"""A level β as a name, such as '0.5'."""
Word = Annotated[str, Key(lambda name: name.replace("_", "").replace(".", "").isalnum())]
"""Letters, digits, '_' and '.', such as 'point_2'."""


def later(default: Any = None, key: str = "") -> Any:
    """A field that older files lack; written from now on. `key` is its name in JSON, where it has another one."""
    return field(default=default, metadata={"later": True, "key": key})


def rarely(key: str = "") -> Any:
    """A field that is written only where it is not None."""
    return field(default=None, metadata={"key": key})


def empty(later: bool = False) -> Any:
    """A dictionary that is written as null where it is empty; with `later` older files lack it."""
    more: Any = {"default_factory": dict} if later else {}
    return field(**more, metadata={"empty": True, "later": later})


def called(key: str) -> Any:
    """A field whose name in JSON is another one."""
    return field(metadata={"key": key})


@dataclass(frozen=True)
class Shaped:
    """What a JSON object holds. `rest` is what no field is declared for; `order` the keys as they were read."""

    rest: dict[str, Any] = field(default_factory=dict, kw_only=True, repr=False, hash=False)
    order: tuple[str, ...] = field(default=(), kw_only=True, repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """A dictionary that JSON can hold, in the order of the fields, or as it was read."""
        told: dict[str, Any] = {}
        plan = _plan(type(self))
        for key in (*self.order, *(key for key in plan if key not in self.order)):
            part = plan.get(key)
            if part is None:
                if key in self.rest:
                    told[key] = self.rest[key]
                continue
            value = getattr(self, part.name)
            if key in self.order or part.always(value, bool(self.order)):
                told[key] = None if part.empty and not value else _written(value)
        return told | {key: value for key, value in self.rest.items() if key not in told}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """The inverse of `to_json`. Raises Damaged where the value does not have this shape."""
        if not isinstance(value, dict):
            raise Damaged("is no object")
        plan = _plan(cls)
        given: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for key, item in value.items():
            part = plan.get(key)
            if part is None:
                rest[str(key)] = item
                continue
            try:
                given[part.name] = part.read(item)
            except Damaged as error:
                raise error.under(key) from None
        missing = next((key for key, part in plan.items() if part.needed and key not in value), None)
        if missing is not None:
            raise Damaged("is missing", missing)
        made = cls(**given, rest=rest, order=tuple(map(str, value)))
        made.check()
        return made

    @classmethod
    def read(cls, value: Self | Any) -> Self:
        """The same, or what a JSON object stands for. Raises Damaged."""
        return value if isinstance(value, cls) else cls.from_json(value)

    def check(self) -> None:
        """What the fields' types do not say; asked of what was read. Raises Damaged."""

    def telling(self, **changes: Any) -> Self:
        """The same with some fields changed, which are written even where they are None."""
        plan = _plan(type(self))
        keys = {part.name: key for key, part in plan.items()}
        order = self.order or tuple(key for key, part in plan.items() if part.always(getattr(self, part.name), False))
        fresh = tuple(keys[name] for name in changes if keys[name] not in order)
        return replace(self, **changes, order=(*order, *fresh))


@dataclass(frozen=True)
class _Part:
    """How one field of a class is read and written."""

    name: str
    read: Read
    needed: bool
    default: Any
    later: bool
    empty: bool

    def always(self, value: Any, known: bool) -> bool:
        """Whether it is written though nobody has read it; `known` where the object was read."""
        return self.needed or value != self.default or (self.later and not known)


def _plan(cls: Any) -> dict[str, _Part]:
    """Every field of a class by its key in JSON, in the order in which they are declared; found out once for each."""
    found: dict[str, _Part] = _fields(cls)
    return found


@functools.cache
def _fields(cls: Any) -> dict[str, _Part]:
    hints = get_type_hints(cls, include_extras=True)
    found = {}
    for one in fields(cls):
        if one.name in ("rest", "order"):
            continue
        factory = one.default_factory is not MISSING
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        read = _reader(hints[one.name])
        if one.metadata.get("empty"):
            read = _or_empty(read)
        found[one.metadata.get("key") or one.name] = _Part(
            one.name, read, one.default is MISSING and not factory, default,
            bool(one.metadata.get("later")), bool(one.metadata.get("empty")),
        )  # fmt: skip
    return found


def _written(value: Any) -> Any:
    if isinstance(value, Shaped):
        return value.to_json()
    if isinstance(value, dict):
        return {key: _written(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_written(item) for item in value]
    return value


# -- readers, one for each type
def _reader(hint: Any) -> Read:
    """What reads a value of a field's type."""
    if get_origin(hint) is Annotated:
        kind, within = get_args(hint)
        return _number(kind, within.low, within.high)
    if hint is Any:
        return lambda value: value
    if hint in (int, float):
        return _number(hint, -math.inf, math.inf)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (other,) = [one for one in inner if one is not NoneType]
        return _or_none(_reader(other))
    if origin in (list, tuple):
        return _many(origin, _reader(inner[0]))
    if origin is dict:
        keys = get_args(inner[0])  # of an annotated str
        return _by_name(_reader(inner[1]), keys[1].fits if keys else lambda name: True)
    if issubclass(hint, Shaped):
        return hint.from_json
    return _plain(hint)


def _number(kind: type, low: float, high: float) -> Read:
    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise Damaged("is no number")
        if kind is int and value != int(value):
            raise Damaged(f"is {value!r}, not a whole number")
        if not low <= value <= high:
            raise Damaged(f"is {value!r}, not from {low:g} to {high:g}")
        return value

    return read


def _plain(kind: type) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Damaged(f"is no {kind.__name__}")
        return value

    return read


def _or_none(inner: Read) -> Read:
    return lambda value: None if value is None else inner(value)


def _or_empty(inner: Read) -> Read:
    return lambda value: {} if value is None else inner(value)


def _many(kind: Callable[[Any], Any], inner: Read) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise Damaged("is no list")
        found = []
        for place, item in enumerate(value):
            try:
                found.append(inner(item))
            except Damaged as error:
                raise error.under(str(place)) from None
        return kind(found)

    return read


def _by_name(inner: Read, fits: Callable[[str], bool]) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Damaged("is no object")
        found = {}
        for name, item in value.items():
            if not fits(name):
                raise Damaged("has a name that cannot be", str(name))
            try:
                found[name] = inner(item)
            except Damaged as error:
                raise error.under(str(name)) from None
        return found

    return read
