"""The runs behind the Paper page, read once for all visitors: shipped sweep, own runs, prepared runs and searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.serving import queue, runs
from dashboard.serving.reading import stamp_of
from mesa_core import triggers
from mesa_core.paper import everything, searched, verdicts
from mesa_core.paper.claims import Claim
from mesa_core.paper.judging import Answer
from mesa_core.paper.material import Beside, Finding, Sweep
from mesa_core.store import StoreError
from mesa_core.store.shipped import shipped_detections, shipped_searches

Stamp = tuple[tuple[str, Any], ...]


def findings() -> list[Finding]:
    """Every finished run that can be read, the shipped sweep first."""
    found: dict[str, Finding] = {}
    for run in (*queue.swept(), *runs.listed(), *queue.runs_in(shipped_detections())):
        try:
            result = runs.result(run)
            if result is not None and (config := runs.config(run)).size == triggers.SIZE:  # the paper's triggers
                found.setdefault(str(run.path), Finding(run, config, result))
        except StoreError:
            continue
    return list(found.values())


def stamp(found: Sequence[Finding]) -> Stamp:
    """What tells that these runs have changed."""
    return tuple((str(one.run.path), stamp_of(one.run.path / "result.json")) for one in found)


def draw(key: str, found: Sequence[Finding], sweep: Sweep | None, measure: str) -> everything.Drawn | None:
    """One of `everything.FIGURES`, drawn once for all visitors."""
    which = sweep.runs[0].run.name if sweep else ""
    return _drawn(key, measure, which, stamp(found), found, sweep)


@st.cache_resource(max_entries=24, show_spinner=False)
def _drawn(
    key: str, measure: str, which: str, made: Stamp, _found: Sequence[Finding], _sweep: Sweep | None
) -> everything.Drawn | None:
    return everything.draw(key, _found, _sweep, measure)


Told = list[tuple[Claim, Answer]]


def answers(found: Sequence[Finding], sweep: Sweep | None, others: Beside) -> tuple[Told, Told]:
    """(claims of the paper, what it does not show), each with our answer; judged once for all visitors.

    `others` are what is cited beside: sweeps by another protocol or on another network, and rings.
    """
    made = (*stamp(found), *stamp(others.runs))
    return _answers(sweep.runs[0].run.name if sweep else "", made, found, sweep, others)


@st.cache_resource(max_entries=8, show_spinner=False)
def _answers(
    which: str, made: Stamp, _found: Sequence[Finding], _sweep: Sweep | None, _others: Beside
) -> tuple[Told, Told]:
    known = verdicts.evidence(_found, _sweep, _others, searched.read(shipped_searches()))
    return verdicts.answers(known), verdicts.controls(known)
