"""Answers about the sub-models themselves: alpha, beta, detection, and what their triggers look like."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from mesa_core import triggers
from mesa_core.paper import detection, figure3, material
from mesa_core.paper.claims import Claim, share
from mesa_core.paper.judging import UNKNOWN, Answer, Evidence, Measured, apart, higher, lower
from mesa_core.paper.material import RING, Finding
from mesa_core.words import brief


# -- the hyper-parameters
def _where(one: Finding) -> str:
    return f"{_images(one)}, code {one.config.code}, seed {one.config.seed}"


def _images(one: Finding) -> str:
    return material.NAMES.get(one.config.data, one.config.data)


def _elsewhere(known: Evidence) -> str:
    """'; road signs' where the runs that are shown are not on the paper's images."""
    return "" if known.sweep else f"; {_images(known.shown.runs[0])}"


def _spreads(known: Evidence) -> dict[float, float]:
    beta = figure3.level_for(known.family)
    wide = {alpha: figure3.spread(one, one.level(beta)) for alpha, one in known.family.items()}
    return {alpha: value for alpha, value in wide.items() if value is not None}


def _alpha_small(claim: Claim, known: Evidence) -> Answer | None:
    wide = _spreads(known) if known.family else {}
    if 0.0 not in wide or 0.1 not in wide:
        return None
    ratio, one = wide[0.0] / max(wide[0.1], 1e-9), known.family[0.0]
    verdict = "agrees" if ratio <= 0.5 else "partly" if ratio < 1 else "differs"
    words = f"at α = 0 the samples spread {wide[0.0]:.2f} (standard deviation over the 27 values), at α = 0.1 {wide[0.1]:.2f}; {one.config.samples} samples each; {_where(one)}"
    return Answer(
        words, verdict, "" if verdict == "agrees" else f"At α = 0 ours keeps {100 * ratio:.0f} % of the spread."
    )


def _alpha_large(claim: Claim, known: Evidence) -> Answer | None:
    one = known.family.get(10.0)
    if one is None:
        return None
    beta = figure3.level_for(known.family)
    m = one.result["submodels"][one.level(beta)]["mean_asr"]
    wide = _spreads(known)
    weak, wider = m["high"] < beta, wide.get(10.0, 0.0) > wide.get(0.1, np.inf)
    verdict = "agrees" if weak and wider else "partly" if weak or wider else "differs"
    more = f"; spread {wide[10.0]:.2f} against {wide[0.1]:.2f} at α = 0.1" if {10.0, 0.1} <= set(wide) else ""
    words = f"at α = 10 and β = {beta:g} mean ASR {brief(m)}, n = {m['n']:,}{more}; {_where(one)}"
    weaker = "" if wider else "Ours loses strength without spreading further."
    return Answer(words, verdict, weaker if weak else "Ours keeps its strength.")


def _inside(one: Finding) -> list[tuple[float, Measured]]:
    """(β, share of its samples inside the next lower level) for every level of a run that has one below."""
    return [(entry["beta"], entry["nested"]) for entry in one.result["submodels"] if entry.get("nested")]


def _nested(claim: Claim, known: Evidence) -> Answer | None:
    own = _inside(known.example) if known.example else []
    if not own:
        return None
    words = "; ".join(f"β = {b:g}: {brief(m)} inside, n = {m['n']}" for b, m in own) + f" ({_where(known.example)})"
    every = [m["value"] for _, m in own]
    if known.sweep:
        every = [m["value"] for one in known.sweep.runs for _, m in _inside(one)] or every
        words += f"; over all {len(known.sweep.runs)} runs mean {share(float(np.mean(every)))}, lowest {share(min(every))}, {len(every)} pairs"
    less = sum(value < 0.5 for value in every)
    verdict = "agrees" if not less else "partly" if np.mean(every) >= 0.5 else "differs"
    say = f"In {less} of {len(every)} pairs less than half of the inner level lies inside." if less else ""
    return Answer(words, verdict, say)


def _expands(claim: Claim, known: Evidence) -> Answer | None:
    if known.example is None:
        return None
    one = known.example
    wide = [figure3.spread(one, place) for place in range(len(one.config.beta))]
    if None in wide or len(wide) < 2:
        return None
    falls = all(a > b for a, b in itertools.pairwise(wide))
    verdict = "agrees" if falls else "partly" if wide[0] > wide[-1] else "differs"
    words = ", ".join(f"β = {b:g}: {w:.2f}" for b, w in zip(one.config.beta, wide, strict=True))
    say = "" if verdict == "agrees" else "Ours does not widen with every step down."
    return Answer(
        f"spread (standard deviation over the 27 values) {words}; {one.config.samples} samples each; {_where(one)}",
        verdict,
        say,
    )


# -- detection
def _about(searches: Sequence[Finding]) -> str:
    return f"{len(searches)} networks on {_images(searches[0])}"


def _on_images(known: Evidence, answer: Answer) -> Answer:
    """The same where the paper's images were searched; its numbers say nothing about others."""
    if known.searches[0].config.data == "cifar10":
        return answer
    return Answer(answer.measured, UNKNOWN, "On the paper's images there is no search yet.")


def _detect_true(claim: Claim, known: Evidence) -> Answer | None:
    found = detection.tally(known.searches)
    if not found.true:
        return None
    low, paper = min(found.true, key=lambda m: m["value"]), claim.numbers["low"]
    words = f"lowest {brief(low)}, n = {low['n']:,}; {len(found.true)} attacked of {_about(known.searches)}"
    return _on_images(known, Answer(words, higher(low["value"], paper), apart(low["value"], paper)))


def _detect_other(claim: Claim, known: Evidence) -> Answer | None:
    found = detection.tally(known.searches)
    if not found.other:
        return None
    high, paper = max(found.other, key=lambda m: m["value"]), claim.numbers["high"]
    words = f"highest {brief(high)}, n = {high['n']:,}; {found.wrong} wrong of {found.verdicts} verdicts; {_about(known.searches)}"
    if found.wrong:
        return _on_images(known, Answer(words, "differs", f"{found.wrong} of our verdicts are wrong."))
    verdict = lower(high["value"], paper)
    return _on_images(known, Answer(words, verdict, "" if verdict == "agrees" else apart(high["value"], paper)))


# -- what the distribution looks like
def _modes(claim: Claim, known: Evidence) -> Answer | None:
    runs = known.shown.runs if known.shown else []
    counts = [
        (one.config.code, len(one.result["submodels"][-1]["modes"]))
        for one in runs
        if one.result["submodels"] and one.config.code is not None
    ]
    if not counts:
        return None
    many = [code for code, count in counts if count > 1]
    ring = [count for code, count in counts if triggers.orbit_of(code) == RING]
    verdict = "agrees" if ring and max(ring) > 1 else "partly" if many else "differs"
    told = f"; the ring's kind: {', '.join(map(str, ring))}" if ring else "; the ring's kind is not among them"
    words = f"{len(many)} of {len(counts)} runs have several modes at the highest β{told}{_elsewhere(known)}"
    say = "" if verdict == "agrees" else "The ring's kind has not been seen with several modes."
    return Answer(words, verdict, say)


def _unlike(claim: Claim, known: Evidence) -> Answer | None:
    runs = known.shown.runs if known.shown else []
    same = []
    for one in runs:
        original = triggers.round_to_codes(triggers.from_hex(one.config.trigger)[None])[0]
        if found := material.point_triggers(one):
            same += [9 - int(code ^ original).bit_count() for code in triggers.round_to_codes(np.stack(found))]
    if not same:
        return None
    mean = float(np.mean(same))
    verdict = "agrees" if mean <= 5.5 else "partly" if mean <= 7 else "differs"
    words = f"{mean:.1f} of nine cells alike in the mean ({min(same)} to {max(same)}), {len(same)} reversed triggers; chance 4.5{_elsewhere(known)}"
    return Answer(words, verdict, "" if verdict == "agrees" else "Ours finds triggers that resemble the original more.")


OF_OTHERS = {
    "alpha_small": _alpha_small,
    "alpha_large": _alpha_large,
    "nested": _nested,
    "expands": _expands,
    "detect_true": _detect_true,
    "detect_other": _detect_other,
    "modes": _modes,
    "unlike": _unlike,
}
