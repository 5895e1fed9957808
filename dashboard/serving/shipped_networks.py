"""The prepared states of the lessons: a finished run that the product ships, and two small networks of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from dashboard.serving import queue
from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.measures.intervals import proportion
from mesa_core.stage.pictures import SIDE, Pictures, read
from mesa_core.store import Run, StoreError
from mesa_core.store.results import Result
from mesa_core.store.shipped import assets_dir, shipped_weights
from mesa_core.victims.numpy_resnet9 import NumpyNet, stamped

NETWORKS = {
    "clean": "before the attack",
    "attacked": "with the backdoor",
    "repaired": "after MESA's repair",
}


class NotPrepared(ValueError):
    """Something that a lesson needs is missing or damaged; the message says what."""


@dataclass(frozen=True)
class Story:
    """What the lessons tell of one finished run."""

    run: Run
    result: Result
    original: np.ndarray  # the attacker's trigger, (3, 3, 3)
    before: np.ndarray  # ASR of the 512 in the backdoored network, (512,)
    after: np.ndarray | None  # and after MESA's repair
    images: int  # behind each of those figures
    samples: np.ndarray  # MESA's measured samples, uint8 (n, 27)
    samples_asr: np.ndarray  # (n,)
    point: np.ndarray | None  # the trigger that the point defence reversed

    @property
    def target(self) -> str:
        """The target class's name."""
        return self.result.data.classes[self.result.config["target"]]

    def sample_codes(self) -> np.ndarray:
        """The codes to which MESA's samples round, each once."""
        return np.unique(triggers.round_to_codes(self.samples.reshape(-1, 3, 3, 3) / 255))


def stories() -> list[str]:
    """Names of the shipped runs that are finished and compared defences, the ring first.

    Others are shipped to show another α or another kind of sub-model, and have nothing that a lesson could compare.
    """
    found = [run.name for run in queue.shipped() if run.state() == "finished" and _compared(run)]
    return sorted(found, key=lambda n: (n != queue.FIRST, n))


def _compared(run: Run) -> bool:
    """Whether a run was asked for the point defence and the control, which the lessons tell of, after the usual repair."""
    try:
        config = run.config()
        return {"point", "control"} <= set(config["baselines"]) and "budget" not in config
    except (StoreError, KeyError, TypeError):
        return False


def story(name: str) -> Story:
    """One shipped run, read and checked. Raises NotPrepared."""
    run = next((run for run in queue.shipped() if run.name == name), None)
    if run is None or not (run.path / "result.json").is_file():
        raise NotPrepared("The prepared run of this lesson is missing.")
    return _story(str(run.path), (run.path / "result.json").stat().st_mtime)


@st.cache_resource(show_spinner=False, max_entries=16)
def _story(path: str, changed: float) -> Story:
    """The same, read once for all visitors; `changed` is when its result was written."""
    run = Run(Path(path))
    try:
        result, axes, samples = run.outcome(), run.read_arrays("axes.npz"), run.read_arrays("samples.npz")
        if result is None or axes["codes_asr"].shape != (512,) or samples["triggers"].shape[1:] != (27,):
            raise StoreError("shape")
        after = None
        if (run.path / "snapshots" / "landscape-after.npz").is_file():
            after = run.read_arrays("landscape-after.npz")["codes_asr"].astype(float)
        marks = {e.name: e.trigger for _, e in run.events() if isinstance(e, ev.Mark)}
        return Story(
            run,
            result,
            triggers.from_hex(result.config["trigger"]),
            axes["codes_asr"].astype(float),
            after,
            int(axes.get("codes_images", result.config["landscape_images"])),
            samples["triggers"],
            samples["asr"].astype(float),
            triggers.from_hex(marks["point"]) if "point" in marks else None,
        )
    except (StoreError, KeyError, TypeError, ValueError, IndexError):
        raise NotPrepared("The prepared run of this lesson cannot be read; it may be damaged.") from None


@st.cache_resource(show_spinner=False)
def pictures() -> Pictures:
    """The lessons' pictures. Raises NotPrepared."""
    try:
        return read()
    except StoreError:
        raise NotPrepared("The pictures of this lesson are missing or damaged.") from None


@st.cache_resource(show_spinner=False)
def network(name: str) -> NumpyNet:
    """One of NETWORKS. Raises NotPrepared."""
    shown = pictures()
    path = (
        shipped_weights("signs", "resnet9-16") if name == "clean" else assets_dir() / "lessons" / f"{name}.safetensors"
    )
    try:
        if path is None:
            raise ValueError(name)
        return NumpyNet.read(path, shown.mean, shown.std)
    except ValueError:
        raise NotPrepared("The small network of this lesson is missing or damaged.") from None


def random_places(count: int, seed: int = 0) -> np.ndarray:
    """Where a trigger may sit in each of as many pictures, `(count, 2)`: row and column."""
    return np.random.default_rng(seed).integers(0, SIDE - triggers.SIZE + 1, (count, 2))


def reached(name: str, inks: np.ndarray | None, every: int = 1) -> tuple[int, int]:
    """How many pictures of other classes a network gives to the target, and of how many.

    Stamped at fixed random places with `inks`, one trigger or several in turn; unstamped with None.
    """
    shown = pictures()
    images = shown.images[shown.labels != shown.target][::every]
    if inks is not None:
        images = stamped(images, inks, random_places(len(images)))
    return int((network(name).probabilities(images).argmax(1) == shown.target).sum()), len(images)


@st.cache_resource(show_spinner=False, max_entries=500)
def tried(name: str, trigger: str | None, every: int = 1) -> dict[str, Any]:
    """Asks a network about pictures of other classes, stamped with a trigger (hex) at fixed random places.

    With `every` of 3 about every third picture, which answers sooner.

    Returns the share that goes to the target, as `{"value", "n", "low", "high", "hits"}`; unstamped with None.
    """
    hits, n = reached(name, None if trigger is None else triggers.from_hex(trigger), every)
    return {**proportion(hits, n).to_json(), "hits": hits}
