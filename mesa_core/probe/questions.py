"""Small questions about a run's networks, asked and answered through files. Needs numpy, no torch.

Whoever shows a run writes a question (which triggers, how many images); the worker, which has the networks, answers it
between two steps of whatever it does. The same question has the same number, so that many who ask it share one answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mesa_core.disk.files import read_arrays, read_json, write_arrays, write_json
from mesa_core.probe import turns
from mesa_core.store import NAME, StoreError
from mesa_core.triggers import filled, opaque, side_of

VERSION = 1  # of the answers; raise it when the same question is answered otherwise, so that no old answer is shown
MOST_TRIGGERS = 64
MOST_IMAGES = 12
MOST_WAITING = 48  # of one address
MOST_OWN = 4  # of one visitor that wait; one where a third of MOST_WAITING wait
MOST_KEPT = 300  # answers; the oldest go first
PATIENCE = 60.0  # seconds after which nobody waits for an answer any more
MOST_TOLD = 100_000  # bytes of a question, and of the sentence that refuses one
_ID = re.compile(r"[0-9a-f]{24}")


class Refused(ValueError):
    """A question that was answered with a sentence instead of figures."""


@dataclass(frozen=True)
class Question:
    """What do these triggers do to a few real images, before and after the repair?

    `triggers` are rows of 27 bytes (colour, row, column), or of 48 or 75 for larger ones, and a third more
    with opacities, all of one form; `draw` chooses
    other images and places; `repaired` says whether the repaired network was there when it was asked, so that an answer
    without it is not kept for later. Without `rates` only the images are asked about, which is quicker. With `pictures`
    nothing is asked of a network: the answer is what a stage shows (see `mesa_core.probe.pictures`). `shape` is of one trigger
    with transparent cells: 1 for each that is opaque, 0 for the others, row by row.
    """

    run: str
    triggers: tuple[tuple[int, ...], ...]
    images: int = 6
    draw: int = 0
    repaired: bool = False
    rates: bool = True
    pictures: bool = False
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.run, str) or not NAME.fullmatch(self.run):
            raise ValueError("That is not the name of a run.")
        if not 1 <= len(self.triggers) <= MOST_TRIGGERS:
            raise ValueError(f"Ask about 1 to {MOST_TRIGGERS} triggers at once.")
        side = side_of(len(self.triggers[0]))
        if len({len(t) for t in self.triggers}) > 1:
            raise ValueError("The triggers of a question are all of one size.")
        if not all(type(v) is int and 0 <= v <= 255 for t in self.triggers for v in t):
            raise ValueError("A trigger of a question is whole numbers from 0 to 255.")
        cells = all(type(v) is int and v in (0, 1) for v in self.shape) and any(self.shape)
        if self.shape and not (len(self.triggers) == 1 and len(self.shape) == side * side and cells):
            raise ValueError("A shape is of one trigger, a 1 or a 0 for each cell, and not all of them 0.")
        if not (type(self.images) is int and 1 <= self.images <= MOST_IMAGES):
            raise ValueError(f"Ask for 1 to {MOST_IMAGES} images.")
        if not (type(self.draw) is int and 0 <= self.draw < 10_000):
            raise ValueError("A draw is a whole number from 0 to 9999.")

    def to_json(self) -> dict[str, Any]:
        """A dictionary that JSON can hold."""
        return {
            "run": self.run,
            "triggers": [list(t) for t in self.triggers],
            "images": self.images,
            "draw": self.draw,
            "repaired": bool(self.repaired),
            "rates": bool(self.rates),
            **({"pictures": True} if self.pictures else {}),  # so that the numbers of other questions stay
            **({"shape": list(self.shape)} if self.shape else {}),
        }

    @staticmethod
    def from_json(value: Any) -> Question:
        """The inverse of `to_json`; ValueError for anything else."""
        try:
            rows = tuple(tuple(t) for t in value["triggers"])
            return Question(
                value["run"], rows, value["images"], value["draw"], value["repaired"] is True, value["rates"] is True,
                value.get("pictures") is True, tuple(value.get("shape", ())),
            )  # fmt: skip
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"That is no question: {error}.") from None

    @property
    def id(self) -> str:
        """24 hex digits; equal for equal questions."""
        return hashlib.sha256(f"{VERSION} {json.dumps(self.to_json(), sort_keys=True)}".encode()).hexdigest()[:24]


def rows_of(triggers: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Triggers uint8 `(n, d)` as a question holds them; at most MOST_TRIGGERS, evenly taken."""
    flat = np.asarray(triggers, np.uint8)
    if len(flat) > MOST_TRIGGERS:
        flat = flat[np.linspace(0, len(flat) - 1, MOST_TRIGGERS).round().astype(int)]
    return tuple(tuple(int(v) for v in row) for row in flat)


def one_of(trigger: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """One trigger `(3, s, s)` in [0, 1], not-a-number where it is transparent, as uint8 `(1, d)` and a question's shape."""
    cells, flat = opaque(trigger), np.rint(filled(trigger) * 255).astype(np.uint8).reshape(1, -1)
    return flat, () if cells.all() else tuple(int(v) for v in cells.flat)


def folder(root: Path) -> Path:
    """Where questions and answers of a home lie."""
    return root / "questions"


def ask(root: Path, question: Question, visitor: str = "", address: str = "") -> str:
    """Ask, unless the same has been asked or answered; returns the number. StoreError where too many wait.

    `visitor` and `address` are opaque words for who asks from where; they decide on turns and limits only. Whoever asks
    again for what waits keeps its place.
    """
    here, number = folder(root), question.id
    if (here / f"{number}.npz").exists() or (here / f"{number}.no.json").exists():
        return number
    with contextlib.suppress(FileNotFoundError):
        os.utime(here / f"{number}.json")  # somebody still waits for it
        return number
    new = turns.Asked(number, time.time(), visitor, address)
    if turns.refused(_waiting(root), new, turns.Limits.of(MOST_WAITING, MOST_OWN)):
        raise StoreError("Many questions are waiting for an answer; try again in a moment.")
    write_json(here / f"{number}.json", {**question.to_json(), "since": new.since, "by": [visitor, address]})
    return number


def place(root: Path, number: str) -> tuple[int, int]:
    """(place from 1, of how many) of a question that waits; place 0 where it does not."""
    names = waiting(root)
    return names.index(number) + 1 if number in names else 0, len(names)


def answer_to(root: Path, number: str) -> dict[str, np.ndarray] | None:
    """The answer's arrays, or None while there is none. Raises Refused with a sentence, and StoreError if damaged."""
    if not _ID.fullmatch(number):
        raise StoreError("That is not the number of a question.")
    here = folder(root)
    if os.path.lexists(here / f"{number}.npz"):
        try:
            return read_arrays(here / f"{number}.npz")
        except StoreError:
            raise StoreError("An answer cannot be read; it may be damaged.") from None
    if os.path.lexists(here / f"{number}.no.json"):
        told = read_json(here / f"{number}.no.json", MOST_TOLD)
        raise Refused(str(told.get("why", "No answer."))[:1000] if isinstance(told, dict) else "No answer.")
    return None


def waiting(root: Path) -> list[str]:
    """Numbers of the questions that wait, the next one first; those that nobody waits for any more are dropped."""
    return [one.name for one in turns.in_turn(_waiting(root))]


def _waiting(root: Path) -> list[turns.Asked]:
    """What waits, and who asked."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder(root)) as entries:
        for entry in entries:
            number, _, kind = entry.name.partition(".")
            if kind != "json" or not _ID.fullmatch(number):
                continue
            with contextlib.suppress(OSError):
                touched = entry.stat().st_mtime
                if abs(time.time() - touched) > PATIENCE:  # or in the future, by a clock that was put right since
                    os.unlink(entry.path)
                else:
                    found.append(_asked(Path(entry.path), number, touched))
    return found


def _asked(path: Path, number: str, touched: float) -> turns.Asked:
    """Who asked a question and when; `touched`, when its file was written, where that is not said."""
    try:
        told = read_json(path, MOST_TOLD)
        visitor, address = (str(word)[:64] for word in told["by"])
        return turns.Asked(number, min(touched, float(told["since"])), visitor, address)
    except (StoreError, KeyError, TypeError, ValueError):
        return turns.Asked(number, touched)


def take(root: Path, number: str) -> Question | None:
    """A waiting question, taken from the pile; None where it is gone or makes no sense."""
    path = folder(root) / f"{number}.json"
    try:
        question = Question.from_json(read_json(path, MOST_TOLD))
    except (StoreError, ValueError):
        question = None
    try:
        path.unlink()
    except FileNotFoundError:
        return None  # another worker took it
    return question


def reply(root: Path, number: str, arrays: dict[str, np.ndarray]) -> None:
    """Write an answer."""
    write_arrays(folder(root) / f"{number}.npz", arrays, packed=False)
    _tidy(folder(root))


def refuse(root: Path, number: str, why: str) -> None:
    """Answer with a sentence, which is forgotten with the other answers."""
    write_json(folder(root) / f"{number}.no.json", {"why": why})
    _tidy(folder(root))


def _tidy(here: Path) -> None:
    """Drop the oldest answers beyond MOST_KEPT."""
    aged = []
    for path in here.glob("*.*"):
        if not _ID.fullmatch(path.name.partition(".")[0]):
            continue  # not ours
        with contextlib.suppress(OSError):
            aged.append((path.stat().st_mtime, path))
    for _, path in sorted(aged)[: max(0, len(aged) - MOST_KEPT)]:
        path.unlink(missing_ok=True)
