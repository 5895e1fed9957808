"""What components send, read in one place: a browser may send anything, and nothing of it may raise in a callback.

A message is read as `sent.message(key, name)`, then each value by one of the readers; all of them raise `Odd` for what
makes no sense, which a callback leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import streamlit as st

from mesa_core import triggers

MOST = 2**53 - 1  # whole numbers up to this are exact in a browser
MOST_TEXT = 400  # characters


class Odd(ValueError):
    """What came makes no sense."""


def message(key: str, name: str) -> Any:
    """The value that the component of this key sent under `name`; Odd where there is none."""
    sent: Any = st.session_state.get(key)  # a browser may have put anything there
    try:
        value = sent[name]
    except (TypeError, KeyError, IndexError, AttributeError):
        raise Odd("nothing was sent") from None
    if value is None:
        raise Odd("nothing was sent")
    return value


def part(value: Any, name: str | int) -> Any:
    """One entry of a dictionary or a list that was sent; Odd where there is none."""
    try:
        return value[name]
    except (TypeError, KeyError, IndexError, AttributeError):
        raise Odd(f"there is no {name}") from None


def whole(value: Any, low: int = 0, high: int = MOST) -> int:
    """A whole number from `low` to `high`, also one that was sent as text or as 3.0; Odd for all else."""
    if isinstance(value, str) and len(value) <= 20:
        try:
            value = int(value)
        except ValueError:
            raise Odd("that is no number") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Odd("that is no number")
    if isinstance(value, float):
        if not math.isfinite(value) or value != math.floor(value):
            raise Odd("that is no whole number")
        value = int(value)
    if not low <= value <= high:
        raise Odd("that number is out of range")
    return value


def text(value: Any) -> str:
    """A short text; Odd for all else."""
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        raise Odd("that is no short text")
    return value


def many(value: Any, most: int, high: int) -> list[int]:
    """At most `most` different whole numbers from 0 to `high`, sorted; Odd for all else."""
    if not isinstance(value, (list, tuple)) or len(value) > most:
        raise Odd("that is no list of numbers")
    return sorted({whole(one, 0, high) for one in value})


def colours(value: Any, sides: Collection[int] = (triggers.SIZE,), clear: bool = False) -> list[str]:
    """The colours of a painted trigger as '#rrggbb', nine unless other `sides` are possible; Odd for all else.

    With `clear` some of its cells may be transparent, '-'.
    """
    if not isinstance(value, (list, tuple)) or len(value) not in [side**2 for side in sides]:
        raise Odd("a trigger has nine colours")
    words = " ".join(text(one) for one in value)
    try:
        if triggers.size_of(words) ** 2 != len(value):
            raise Odd("a trigger has nine colours")
        if not clear and triggers.mask_of(words) is not None:
            raise Odd("nothing here is transparent")
        return triggers.to_hex(triggers.from_hex(words)).split(" ")
    except (ValueError, TypeError):
        raise Odd("those are no colours") from None


def painted(key: str, sides: Collection[int] = (triggers.SIZE,), clear: bool = False) -> tuple[list[str], int]:
    """An edit of the painter of this key: its colours, as `colours` reads them, and its number; Odd for all else."""
    edit = message(key, "edit")
    return colours(part(edit, "value"), sides, clear), whole(part(edit, "seq"))
