"""When to report progress, and how much time is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from mesa_core.events import Progress

News = TypeVar("News")
Told = TypeVar("Told")
Answer = TypeVar("Answer")
INTERVAL = 0.5  # seconds between two reports; each costs one wait for the device


class Pace:
    """Tells when a report is due and makes it; estimates the time to go from the pace of this process."""

    def __init__(self, stage: str, total: int, done: int = 0) -> None:
        self.stage, self.total, self.first = stage, total, done
        self.began = self.last = time.monotonic()
        self.reported = False
        self.passed = done

    def due(self, done: int) -> bool:
        """Whether to report now: at the first step, at the last, and at most every INTERVAL seconds between."""
        now = time.monotonic()
        if not self.reported or done >= self.total or now - self.last >= INTERVAL:
            self.reported, self.last = True, now
            return True
        return False

    def progress(self, done: int, **metrics: float) -> Progress:
        """The report; figures that are not finite are left out, since JSON has none."""
        elapsed = time.monotonic() - self.began
        fresh = done - self.first
        left = elapsed / fresh * (self.total - done) if fresh > 0 else None
        good = {k: round(float(v), 5) for k, v in metrics.items() if float("-inf") < v < float("inf")}
        return Progress(self.stage, done, self.total, round(elapsed, 2), left if left is None else round(left, 1), good)


def through(work: Generator[News, None, Answer], tell: Callable[[News], Told | None]) -> Generator[Told, None, Answer]:
    """Carry on with work, yielding what `tell` makes of its news (None: nothing); returns what it returns."""
    while True:
        try:
            news = next(work)
        except StopIteration as done:
            return done.value
        told = tell(news)
        if told is not None:
            yield told


def follow(pace: Pace, work: Generator[int, None, Any]) -> Generator[Progress, None, Any]:
    """Show the progress of work that yields how much it has just done; returns its figure."""

    def told(more: int) -> Progress | None:
        pace.passed += more
        due = pace.due(min(pace.passed, pace.total - 1))
        return pace.progress(min(pace.passed, pace.total)) if due else None

    return (yield from through(work, told))
