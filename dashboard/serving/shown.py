"""The run that a page shows: its settings, result, events and reference, each read and checked once while it is drawn.

Made anew for each drawing (of a page, or of a fragment), so that it tells of one moment; files that have not changed are
not read again (`reading`, `runs`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TypeVar

from dashboard.serving import reading, references, runs
from dashboard.serving.references import Place
from mesa_core import events as ev
from mesa_core.config import ExperimentConfig
from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.submodel import Submodel
from mesa_core.reference.record import Record
from mesa_core.store import Run, StoreError
from mesa_core.store.results import Result
from mesa_core.triggers import COLOURS

ACTIVE = ("running", "waiting")
Kind = TypeVar("Kind", bound=ev.Event)


class Shown:
    """What a page knows of a run, which may be unfinished, old, damaged or foreign. Nothing of it may be changed."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @functools.cached_property
    def state(self) -> str:
        """As `Run.state` says it."""
        return self.run.state()

    @property
    def active(self) -> bool:
        """Whether it runs or waits for its turn."""
        return self.state in ACTIVE

    @property
    def done(self) -> bool:
        """Whether it has finished."""
        return self.state == "finished"

    @functools.cached_property
    def config(self) -> ExperimentConfig:
        """What it was asked. Raises StoreError, in one sentence."""
        return runs.config(self.run)

    @functools.cached_property
    def size(self) -> int:
        """The side of its triggers; 3 where its settings cannot be read."""
        return reading.size_of(self.run)

    # -- what happened
    @functools.cached_property
    def events(self) -> list[ev.Event]:
        """All events so far."""
        return reading.events(self.run)

    def all(self, kind: type[Kind]) -> Iterator[Kind]:
        """Its events of one kind, the first one first."""
        return (event for event in self.events if isinstance(event, kind))

    def first(self, kind: type[Kind]) -> Kind | None:
        """The first of one kind."""
        return next(self.all(kind), None)

    def last(self, kind: type[Kind]) -> Kind | None:
        """The latest of one kind."""
        return next((event for event in reversed(self.events) if isinstance(event, kind)), None)

    # -- what came of it
    @functools.cached_property
    def _outcome(self) -> tuple[Result | None, str]:
        try:
            return runs.result(self.run), ""
        except StoreError as error:
            return None, str(error)

    @property
    def result(self) -> Result | None:
        """Its result; None while there is none, and where it cannot be read, of which `trouble` tells."""
        return self._outcome[0]

    @property
    def trouble(self) -> str:
        """Why its result cannot be read, in a sentence; '' where it can, or is not there."""
        return self._outcome[1]

    @functools.cached_property
    def evaluations(self) -> dict[str, Evaluation]:
        """Every evaluation so far by name ('clean', 'before', 'after.mesa', ...), from the result where there is one.

        Raises Damaged where an event's makes no sense.
        """
        found = {event.name: Evaluation.from_json(event.value) for event in self.all(ev.Evaluated)}
        if self.result:
            found |= {"clean": self.result.clean} if self.result.clean else {}
            found |= {"before": self.result.before, **{f"after.{k}": e for k, e in self.result.after.items()}}
        return found

    @functools.cached_property
    def submodels(self) -> list[Submodel]:
        """Its sub-models, with every measure once it has finished. Raises Damaged where an event's make no sense."""
        if self.result and self.result.submodels:
            return runs.levels(self.run)
        last = self.last(ev.Submodels)
        return [Submodel.from_json(one) for one in last.value] if last else []

    # -- the exact distribution behind it
    @functools.cached_property
    def for_target(self) -> bool:
        """Whether its samples are for the class that it was attacked with: the defender was told, or has found it.

        Raises StoreError where its settings cannot be read.
        """
        found = self.result.detection if self.result else None
        if found:
            return not self.config.suspect and found.target == self.config.target
        return not (self.config.detect or self.config.suspect)

    @functools.cached_property
    def place(self) -> Place | None:
        """Where the reference of its network lies; None where nobody has made one, it is for another class, or of other triggers:
        opaque ones, where a run samples opacities. StoreError."""
        alike = self.for_target and self.config.cell == COLOURS
        return references.place_of(self.config, self.events) if alike else None

    @functools.cached_property
    def reference(self) -> Record | None:
        """That reference, read. StoreError where it is damaged."""
        return self.place.read() if self.place else None
