"""Which label a class has: by a list of one's own, by numbers as numbers, else by name; and how that is said. Needs no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mesa_core.data.locate import DataError
from mesa_core.data.seen import fit
from mesa_core.disk.untrusted import MIB, Refused, read_bytes

MOST_CLASSES = 1000
SHOWN = 3  # classes that a sentence names
DIGITS = re.compile(r"([0-9]+)")
NUMBER = re.compile(r"0*[0-9]{1,6}")


@dataclass(frozen=True)
class Numbering:
    """The classes by label, the label of each name that was found, and in words how they were numbered."""

    classes: tuple[str, ...]
    label: dict[str, int]
    words: str


def natural(name: str) -> tuple[tuple[object, ...], str]:
    """What sorts names as people do, numbers as numbers; names without digits as text.

    >>> sorted(["10", "9", "a10", "a9"], key=natural)
    ['9', '10', 'a9', 'a10']
    """
    parts = DIGITS.split(name)
    # A number is compared by how many digits it has and then by them, so that none is too long.
    found = [(len(p.lstrip("0")), p.lstrip("0")) if i % 2 else p for i, p in enumerate(parts)]
    return tuple(found), name


def number_of(name: str) -> int | None:
    """The number that a name is, up to six digits; None where it is none."""
    return int(name) if NUMBER.fullmatch(name) else None


def read_list(path: str | Path) -> tuple[str, ...]:
    """The classes of a list, a name a line, in the order of their labels. Raises DataError."""
    place = Path(os.path.expanduser(path))
    try:
        text = read_bytes(place, MIB).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"The class list {fit(place.name)} is no text; write a name a line.") from None
    except Refused as error:
        raise DataError(f"The class list {fit(place.name)} {error}.") from None
    except OSError as error:
        raise DataError(f"The class list {fit(str(place))} cannot be read ({error.strerror}).") from None
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not 2 <= len(names) <= MOST_CLASSES:
        raise DataError(f"The class list {fit(place.name)} has {len(names)} names; 2 to {MOST_CLASSES} are needed.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"The class list {fit(place.name)} names {fit(twice[0])} twice.")
    if not all(name.isprintable() for name in names):
        raise DataError(f"The class list {fit(place.name)} is no text; write a name a line.")
    return names


def number(names: Sequence[str], listed: tuple[str, ...] = ()) -> Numbering:
    """How classes of these names are numbered. Raises DataError where a list was given that lacks one of them."""
    if listed:
        return _by_list(names, listed)
    found = sorted(set(names), key=natural)
    numbers = {name: number_of(name) for name in found}
    values = sorted(n for n in numbers.values() if n is not None)
    whole = len(values) == len(found) and len(set(values)) == len(found)
    gaps = [n for n in range(values[-1] + 1) if n not in set(values)] if whole and values[0] == 0 else []
    if whole and values[0] == 0 and len(gaps) <= len(found) and values[-1] < MOST_CLASSES:
        wide = max(map(len, found)) if all(len(name) == len(found[0]) for name in found) else 0
        spelt = {n: name for name, n in numbers.items()}
        classes = tuple(spelt.get(n, str(n).zfill(wide)) for n in range(values[-1] + 1))
        lacks = f"; none is called {_few([str(n) for n in gaps])}, which has no images" if gaps else ""
        words = f"The folders' numbers are the labels, 0 to {values[-1]}{lacks}."
        return Numbering(classes, {name: n for name, n in numbers.items() if n is not None}, words)
    if whole:
        words = (
            f"The folders are numbers and sorted as such: {found[0]} is label 0, {found[-1]} label {len(found) - 1}."
        )
    else:
        shown = [f"{i} {fit(name)}" for i, name in enumerate(found)]
        words = f"The labels follow the names' order: {_few(shown)}."
    if found != sorted(found):  # torchvision's ImageFolder sorts so, whatever the names are
        words += f" (Sorted as text it would be {_few(sorted(found))}.)"
    return Numbering(tuple(found), {name: i for i, name in enumerate(found)}, words + " --classes names another order.")


def _by_list(names: Sequence[str], listed: tuple[str, ...]) -> Numbering:
    """By a list; folders that are numbers count its lines, from 0, or from 1 where there is no 0 and the last is named."""
    places = {name: i for i, name in enumerate(listed)}
    folded = {name.casefold(): i for i, name in enumerate(listed)}
    label: dict[str, int] = {}
    numbers = [number_of(name) for name in names]
    known = [name in places or name.casefold() in folded for name in names]
    words = f"The labels follow the class list, 0 {fit(listed[0])} to {len(listed) - 1} {fit(listed[-1])}"
    if not any(known) and all(n is not None for n in numbers):
        values = [n for n in numbers if n is not None]
        first = 1 if min(values) >= 1 and max(values) == len(listed) else 0
        label = {name: n - first for name, n in zip(names, values, strict=True)}
        words += f"; the folders' numbers count its lines from {first}"
        bad = [name for name in names if label[name] >= len(listed)]
    else:
        for name in names:
            place = places.get(name, folded.get(name.casefold()))
            if place is not None:
                label[name] = place
        bad = [name for name in names if name not in label]
    if bad:
        raise DataError(f"The class list does not name {_few([fit(name) for name in bad])}; add or remove that folder.")
    if len(set(label.values())) < len(label):
        raise DataError("Two folders have the name of one class; rename one of them.")
    return Numbering(listed, label, f"{words}.")


def of_label(text: str, numbering: Numbering) -> int | None:
    """The label that a word of a table stands for: a class's name, or its number; None where it is neither."""
    word = text.strip()
    if word in numbering.label:
        return numbering.label[word]
    if word in numbering.classes:
        return numbering.classes.index(word)
    value = number_of(word)
    if value is None:
        return None
    same = [label for name, label in numbering.label.items() if number_of(name) == value]
    if same:
        return same[0]
    named = any(number_of(name) is not None for name in numbering.label)
    return value if not named and value < len(numbering.classes) else None


def _few(words: Sequence[str]) -> str:
    return ", ".join(words[:SHOWN]) + (f" and {len(words) - SHOWN} more" if len(words) > SHOWN else "")
