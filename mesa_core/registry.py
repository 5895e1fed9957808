"""Open lists of what can be chosen by name: kinds of sub-model, architectures, data, rules of Apply, defences.

An entry names the place of what it means, `package.module:attribute`, which `load` imports when it is first wanted. So
a list can be read without torch, and another package adds to it with one line.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

PLACE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
Entry = TypeVar("Entry")


class NotThere(ValueError):
    """What was registered, or named on the command line, is not where it is said to be; the message says it in one sentence."""


def load(place: str) -> Any:
    """What `package.module:attribute` names. Raises NotThere in one sentence where there is no such thing."""
    if not PLACE.fullmatch(place):
        raise NotThere(f"{place!r} does not name a thing of Python; write it as package.module:name.")
    module, attribute = place.split(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise NotThere(f"{module} cannot be imported ({error}); is its file where Python looks for it?") from None
    except AttributeError:
        raise NotThere(f"{module} has no {attribute!r}.") from None


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Names in the order in which they were added, each with what it means.

    >>> numbers = Registry("number", {"pi": "math:pi"})
    >>> numbers.register("e", "math:e")
    >>> list(numbers), round(load(numbers["e"]), 2)
    (['pi', 'e'], 2.72)
    """

    def __init__(self, what: str, entries: Mapping[str, Entry] | None = None) -> None:
        self.what = what  # one of them, in words
        self._entries = dict(entries or {})

    def register(self, name: str, entry: Entry) -> None:
        """Add an entry.

        Raises ValueError for a name that is taken, or that is not of small letters, digits, '-' and '_'.
        """
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot name a {self.what}; use small letters, digits, '-' and '_', at most 40.")
        if name in self._entries:
            raise ValueError(f"There is a {self.what} {name!r} already.")
        self._entries[name] = entry

    def bring(self, place: str) -> None:
        """Add what `package.module:attribute` names, under that very name, for this process alone.

        It imports the module, which runs its code: only for what is typed on a command line. Raises ValueError.
        """
        if os.getcwd() not in sys.path and "" not in sys.path:
            sys.path.append(os.getcwd())  # where `python -m` looks, too; at the end, so that it hides no other module
        load(place)
        self._entries[place] = place  # type: ignore[assignment]  # for lists whose entries are places

    def remove(self, name: str) -> None:
        """Take an entry out again, as a test does that has added one."""
        self._entries.pop(name, None)

    def __getitem__(self, name: str) -> Entry:
        """What `name` means. Raises KeyError for an unknown one, whose message names those that there are."""
        if name not in self._entries:
            raise KeyError(f"There is no {self.what} {name!r}; choose one of {', '.join(self._entries)}.")
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries
