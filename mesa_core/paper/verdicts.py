"""What we measured for each claim of the paper, and the verdict: computed from the runs at hand, by declared rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mesa_core.paper import material
from mesa_core.paper.claims import CLAIMS, CONTROLS, Claim
from mesa_core.paper.defended import OF_SWEEP
from mesa_core.paper.judging import Answer, Evidence
from mesa_core.paper.material import ORBITS, Finding, Sweep
from mesa_core.paper.sampled import OF_OTHERS


def evidence(found: Sequence[Finding], sweep: Sweep | None = None) -> Evidence:
    """Group runs; `sweep` is the one to judge by, else the fullest."""
    first = sweep or next(iter(material.sweeps(found)), None)
    own = first if first is not None and first.config.data == "cifar10" else None
    return Evidence(own, first, material.alpha_family(found), material.example(found), material.searches(found))


def answers(known: Evidence) -> list[tuple[Claim, Answer]]:
    """Every claim with our answer, in the paper's order."""
    return [(claim, _answer(claim, known)) for claim in CLAIMS]


def controls(known: Evidence) -> list[tuple[Claim, Answer]]:
    """What the paper does not show, measured; without verdicts."""
    return [(claim, _answer(claim, known)) for claim in CONTROLS]


def _answer(claim: Claim, known: Evidence) -> Answer:
    if claim.key in OF_SWEEP:
        found = OF_SWEEP[claim.key](claim, known) if known.sweep else None
        return replace(found, so_far=len(known.sweep.rows) < ORBITS) if found else Answer("–")
    return OF_OTHERS[claim.key](claim, known) or Answer("–")
