"""What a parameter is: its bounds, unit, choices and help, and how a value of it is checked. Needs no torch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# Parameters that were added later: at these values keys, names and files leave them out, so that a new parameter repeats
# nothing that is stored. Such a value is what an older file means, so it is the default, and stays it.
SILENT: Mapping[str, Any] = {
    "apply": "anywhere",
    "place": "bottom-right",
    "opacity": 1.0,
    "search_places": "anywhere",
    "search_opacity": 1.0,
    "search_sizes": "",
    "search_opacities": "",
    "place_images": 0,
    "image_size": 0,
    "classes": "",
    "units": "auto",
    "suspect_digest": "",
    "budget": "own",
    "repair_kind": "same",
    "repair_rounds": 0,
    "repair_steps": 0,
}
SHIPPED = "shipped"  # as a suspect: the clean victim that the product brings, so that no path has to be named


class Auto(Collection[str]):
    """A word, such as auto, before the names of an open list."""

    def __init__(self, names: Collection[str], word: str = "auto") -> None:
        self.names, self.word = names, word

    def __contains__(self, name: object) -> bool:
        return name == self.word or name in self.names

    def __iter__(self) -> Iterator[str]:
        yield self.word
        yield from self.names

    def __len__(self) -> int:
        return 1 + len(self.names)


class ConfigError(ValueError):
    """A configuration that cannot be run; the message says what to change."""


@dataclass(frozen=True)
class Param:
    """What is known of one parameter besides its name and default."""

    group: str
    help: str
    low: float | None = None
    high: float | None = None
    choices: Collection[str] | None = None  # an open list may grow
    words: tuple[str, ...] = ()  # that may stand instead of a number
    unit: str = ""
    type: str = "float"  # float, int, str, bool, floats, strs
    basic: bool = False  # shown in the page's first panel

    def options(self) -> list[str]:
        """The choices, in their order. Raises ValueError where any value may be given."""
        if self.choices is None:
            raise ValueError("This parameter has no choices.")
        return list(self.choices)

    def least(self) -> int:
        """The least whole number allowed. Raises ValueError where none is declared."""
        if self.low is None:
            raise ValueError("This parameter has no lower bound.")
        return int(self.low)

    def most(self) -> int:
        """The largest whole number allowed. Raises ValueError where none is declared."""
        if self.high is None:
            raise ValueError("This parameter has no upper bound.")
        return int(self.high)

    def check(self, name: str, value: Any) -> Any:
        """Return `value` in its exact type, or raise ConfigError in one sentence."""
        if self.type in ("floats", "strs"):
            if isinstance(value, str) or not isinstance(value, Iterable):
                raise ConfigError(f"{name} must be a list of values, not {value!r}.")
            one = dataclasses.replace(self, type=self.type[:-1])
            return tuple(one.check(name, v) for v in value)
        if self.type == "bool":
            if not isinstance(value, bool):
                raise ConfigError(f"{name} must be true or false, not {value!r}.")
            return value
        if self.type == "str":
            if not isinstance(value, str):
                raise ConfigError(f"{name} must be text, not {value!r}.")
            if "\0" in value:
                raise ConfigError(f"{name} holds a zero byte, which no file's name can.")
            if self.choices and value not in self.choices:
                raise ConfigError(f"{name} is {value!r}; choose one of {', '.join(self.choices)}.")
            return value
        if isinstance(value, str) and value in self.words:
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigError(f"{name} must be {' or '.join(('a number', *self.words))}, not {value!r}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{name} must be a number, not {value!r}.")
        if isinstance(value, int) and abs(value) > 2**63:  # no bound is that large, and a float could not hold it
            raise ConfigError(f"{name} is too large.")
        if self.type == "int":
            if value != int(value):
                raise ConfigError(f"{name} must be a whole number, not {value!r}.")
            value = int(value)
        else:
            value = float(value)
        if self.low is not None and value < self.low:
            raise ConfigError(f"{name} is {value:g}; the least allowed is {self.low:g}{self._unit()}.")
        if self.high is not None and value > self.high:
            raise ConfigError(f"{name} is {value:g}; the most allowed is {self.high:g}{self._unit()}.")
        return value

    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


def parameter(
    default: Any, group: str, help: str, low: float | None = None, high: float | None = None, **more: Any
) -> Any:
    """One parameter as a dataclass field; its type is read off the default unless it is given."""
    if "type" not in more:
        types = {bool: "bool", int: "int", float: "float", str: "str"}
        more["type"] = types.get(type(default)) or ("strs" if isinstance(default[0], str) else "floats")
    return field(default=default, metadata={"param": Param(group, help, low, high, **more)})
