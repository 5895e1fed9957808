"""What we measured for each claim of the paper, and the verdict: computed from the runs at hand, by declared rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mesa_core.paper import material, searched
from mesa_core.paper.claims import CLAIMS, CONTROLS, Claim
from mesa_core.paper.defended import OF_SWEEP
from mesa_core.paper.judging import Answer, Evidence, budget
from mesa_core.paper.material import ORBITS, Beside, Finding, Sweep
from mesa_core.paper.sampled import OF_OTHERS
from mesa_core.paper.searched import Search

NOTHING = Answer("–")  # of what was not measured
NONE = Beside()


def evidence(
    found: Sequence[Finding],
    sweep: Sweep | None = None,
    others: Beside = NONE,
    clean: Sequence[Search] = (),
) -> Evidence:
    """Group runs; `sweep` is the one to judge by, else the fullest; `others` (see `material.beside`) and `clean` are cited."""
    first = sweep or next(iter(material.sweeps(found)), None)
    own = first if _papers(first) else None
    return Evidence(
        own,
        first,
        material.alpha_family(found),
        material.example(found),
        material.searches(found),
        clean,
        [other for other in others.sweeps if _papers(other)],
        others.rings,
    )


def _papers(sweep: Sweep | None) -> bool:
    """Whether a sweep is on the paper's images, so that it can answer for the paper's numbers."""
    return sweep is not None and sweep.config.data == "cifar10"


def answers(known: Evidence) -> list[tuple[Claim, Answer]]:
    """Every claim with our answer, in the paper's order."""
    return [(claim, _answer(claim, known)) for claim in CLAIMS]


def controls(known: Evidence) -> list[tuple[Claim, Answer]]:
    """What the paper does not show, without verdicts; where there is a sweep, what its runs did not measure is left out."""
    told = [(claim, _answer(claim, known)) for claim in CONTROLS]
    return [(claim, answer) for claim, answer in told if answer != NOTHING or not known.sweep]


def _answer(claim: Claim, known: Evidence) -> Answer:
    if claim.key not in OF_SWEEP:
        told = OF_OTHERS[claim.key](claim, known) or NOTHING
        words = searched.words(known.clean) if claim.key == "detect_other" else ""
        return replace(told, beside=(words,)) if words else told
    found = OF_SWEEP[claim.key](claim, known) if known.sweep else None
    if found is None:
        return NOTHING
    found = replace(found, so_far=len(known.judged.rows) < ORBITS)
    if not claim.budget:
        return found
    cited = (_cited(claim, known.judged, other) for other in known.others)
    return replace(found, beside=tuple(words for words in cited if words))


def _cited(claim: Claim, judged: Sweep, other: Sweep) -> str:
    """What another sweep's runs say to the same claim, in words; '' where they do not say anything."""
    found = OF_SWEEP[claim.key](claim, Evidence(other, other, {}, None, ()))
    if found is None:
        return ""
    network = "" if other.config.victim == judged.config.victim else f", {other.config.victim}"
    return f"{budget(other.config)}{network}, {other.told()}: {found.measured}; {found.verdict}."
