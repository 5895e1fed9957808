"""What is asked for the stage of the worker: pictures of a run's own data, and what a painted trigger does to its networks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from dashboard import stored
from dashboard.serving import queue, reading, visitors
from dashboard.serving.shown import ACTIVE
from mesa_core import triggers
from mesa_core.probe import questions
from mesa_core.stage import held_out
from mesa_core.stage.pictures import NETS, SHOWN, Pictures
from mesa_core.store import Run, StoreError

WAIT = 0.25  # seconds that a redraw waits for an answer; the browser asks again
SAID = {"attacked": "before", "repaired": "after"}  # names of the networks in an answer


@dataclass(frozen=True)
class Found:
    """Pictures of a run that its networks can be asked about; else why not, and whether they may still come."""

    pictures: Pictures | None = None
    nets: Mapping[str, bytes] | None = None  # where a browser can answer
    why: str = ""
    awaited: bool = False


def pictures(run: Run) -> Found:
    """What there is to ask of a run on other images than the shipped signs, or whose trigger is put on otherwise."""
    stamps = [reading.stamp_of(run.path / "weights" / f"{name}.safetensors") for name in NETS]
    if run.state() in ACTIVE:
        return Found(why="The networks of this run answer once it has finished.")
    if not all(stamps):
        shipped = queue.is_shipped(run)
        return Found(
            why="This prepared run comes without its networks; run it for real for some that answer."
            if shipped
            else "The networks of this run are not kept here, or it ended before it was repaired."
        )
    kept = _kept(str(run.path), str(stamps))
    if "found" not in kept:
        asked = questions.Question(**held_out.question(run))
        try:
            told, _ = _told(asked)
            if told is None:
                return Found(why="The networks of this run are being read…", awaited=True)
            known = held_out.pictures_of(told, run.config())
            kept["found"] = Found(known, held_out.in_browser(run, known))
        except reading.UNREADABLE as error:
            words = str(error) if isinstance(error, (StoreError, questions.Refused)) else "its files are damaged."
            return Found(why=f"The networks of this run cannot be asked: {stored.plain(words, 300)}")
    found: Found = kept["found"]
    return found


@st.cache_resource(max_entries=8, show_spinner=False)
def _kept(path: str, stamps: str) -> dict[str, Any]:
    """Filled once the worker has answered; for all visitors."""
    return {}


def answer(run: Run, colours: Sequence[str]) -> dict[str, Any]:
    """What is known of a painted trigger: `paint`, and `waits`, or `problem`, or the answer.

    The answer: `asr` of both networks as [value, low, high, n], and of each picture `shown`, in the stage's order, what they
    read: `plain` without a trigger, `before`, `after`, each {best, sure}.
    """
    told: dict[str, Any] = {"paint": list(colours)}
    flat, shape = questions.one_of(triggers.from_hex(" ".join(colours)))
    asked = questions.Question(run.name, questions.rows_of(flat), SHOWN, 0, True, True, shape=shape)
    try:
        found, place = _told(asked)
        if found is None:
            return told | {"waits": True, "place": place}
        return told | {
            "asr": {net: _interval(found[f"{name}_asr"]) for net, name in SAID.items()},
            "shown": [
                {
                    "plain": _reading(found, "before_plain", i),
                    "before": _reading(found, "before_stamped", i),
                    "after": _reading(found, "after_stamped", i),
                }
                for i in range(len(found["label"]))
            ],
        }
    except (questions.Refused, StoreError) as error:
        return told | {"problem": stored.plain(str(error), 300)}
    except (KeyError, ValueError, TypeError, IndexError):
        return told | {"problem": "The answer cannot be read."}


def _told(asked: questions.Question) -> tuple[dict[str, np.ndarray] | None, int]:
    """An answer of the worker, or None and the place in the queue of questions. Raises Refused, StoreError."""
    home = queue.store()
    queue.ensure_worker(home)
    number = questions.ask(home.root, asked, visitors.visitor(), visitors.where())
    until = time.monotonic() + WAIT
    while (found := questions.answer_to(home.root, number)) is None and time.monotonic() < until:
        time.sleep(0.02)
    return found, questions.place(home.root, number)[0] if found is None else 0


def _interval(row: np.ndarray) -> list[float]:
    value, n, low, high = (float(v) for v in row)
    return [value, low, high, int(n)]


def _reading(found: Mapping[str, np.ndarray], name: str, at: int) -> dict[str, float]:
    return {"best": int(found[f"{name}_class"][at]), "sure": float(found[f"{name}_p"][at])}
