"""Answers about the sub-models themselves: alpha, beta, detection, and what their triggers look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mesa_core import triggers
from mesa_core.config import ExperimentConfig
from mesa_core.measures.intervals import proportion
from mesa_core.measures.submodel import Submodel
from mesa_core.paper import detection, figure3, material
from mesa_core.paper.claims import Claim, share
from mesa_core.paper.judging import Answer, Evidence, apart
from mesa_core.paper.material import RING, Finding
from mesa_core.paper.rules import (
    HALF,
    TENTH,
    UNKNOWN,
    covered,
    growing,
    higher,
    line,
    lower,
    narrow,
    overspread,
    throughout,
)
from mesa_core.words import brief


# -- the hyper-parameters
def _where(one: Finding) -> str:
    return f"{_images(one)}, code {one.config.code}, seed {one.config.seed}"


def _images(one: Finding) -> str:
    return material.NAMES.get(one.config.data, one.config.data)


def _elsewhere(known: Evidence) -> str:
    """'; road signs' where the runs that are shown are not on the paper's images."""
    return "" if known.sweep or known.shown is None else f"; {_images(known.shown.runs[0])}"


Widths = dict[float, dict[float, tuple[float, float]]]


def _widths(known: Evidence) -> Widths:
    """(entropy, effective dimensions) of the family's samples, by β and α; where one is missing, nothing."""
    found: Widths = {}
    for alpha, one in known.family.items():
        for entry in one.levels:
            if entry.entropy and entry.dimensions:
                told = float(entry.entropy.value), float(entry.dimensions.value)
                found.setdefault(float(entry.beta), {})[alpha] = told
    return found


def _told(alpha: float, wide: tuple[float, float]) -> str:
    return f"at α = {alpha:g} entropy {_minus(wide[0])} nats, {wide[1]:.1f} effective dimensions"


def _minus(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _at_each(told: Mapping[float, str]) -> str:
    """The verdicts at every β, in words."""
    return "; ".join(f"β = {beta:g}: {words}" for beta, words in sorted(told.items()))


def _alpha_small(claim: Claim, known: Evidence) -> Answer | None:
    widths = {beta: at for beta, at in _widths(known).items() if {0.0, 0.1} <= set(at)} if known.family else {}
    beta = figure3.level_for(known.family) if widths else None
    if beta not in widths:
        return None
    verdicts = {b: narrow(*at[0.0], at[0.1]) for b, at in widths.items()}
    one, (few, usual) = known.family[0.0], (widths[beta][0.0], widths[beta][0.1])
    words = f"at β = {beta:g}: {_told(0.0, few)}; {_told(0.1, usual)}; {one.config.samples} samples each; {_where(one)}"
    gap = usual[0] - few[0]
    say = f"At α = 0 ours has {_minus(gap)} nats less entropy and {'fewer' if few[1] < usual[1] else 'no fewer'} dimensions."
    strictly = _at_each(
        {
            b: f"{_minus(at[0.1][0] - at[0.0][0])} nats less, {at[0.0][1]:.1f} against {at[0.1][1]:.1f} dimensions"
            for b, at in widths.items()
        }
    )
    return Answer(
        words, verdicts[beta], "" if verdicts[beta] == "agrees" else say, strictly, throughout(list(verdicts.values()))
    )


def _alpha_large(claim: Claim, known: Evidence) -> Answer | None:
    one = known.family.get(10.0)
    widths = {beta: at for beta, at in _widths(known).items() if {10.0, 0.1} <= set(at)} if one else {}
    beta = figure3.level_for(known.family) if widths else None
    if one is None or beta not in widths:
        return None
    asr = {float(entry.beta): entry.mean_asr for entry in one.result.submodels}
    wider = {b: at[10.0][0] - at[0.1][0] for b, at in widths.items()}
    m, (large, usual) = asr[beta], (widths[beta][10.0], widths[beta][0.1])
    verdict = overspread(m.high, beta, large[0], usual[0])
    strict = throughout([overspread(asr[b].high, b, at[10.0][0], at[0.1][0], HALF) for b, at in widths.items()])
    words = f"at α = 10 and β = {beta:g} mean ASR {brief(m)}, n = {m.n:,}; {_told(10.0, large)}; {_told(0.1, usual)}; {one.config.samples} samples each; {_where(one)}"
    say = [] if m.high < beta else ["Ours keeps its strength."]
    say += [] if wider[beta] >= TENTH else ["Ours does not spread further."]
    strictly = _at_each({b: f"mean ASR {share(asr[b].value)}, {_minus(gap)} nats more" for b, gap in wider.items()})
    return Answer(words, verdict, " ".join(say), strictly, strict)


def _runs(known: Evidence) -> list[Finding]:
    """The runs that a claim on β is judged by: all of the sweep, else the one that is drawn."""
    found = known.sweep.runs if known.sweep else [known.example] if known.example else []
    most = max((len(one.config.beta) for one in found), default=0)
    return [one for one in found if len(one.levels) == len(one.config.beta) == most > 1]


def _values(entries: Sequence[Submodel], key: str) -> list[float]:
    """One measure of those sub-models that have it."""
    return [found.value for entry in entries if (found := getattr(entry, key))]


def _pairs(runs: Sequence[Finding], key: str) -> list[list[float]]:
    """The share of a level inside the next lower one, a list over the runs for each pair; [] where none is known."""
    found = [_values(one.levels[1:], key) for one in runs]
    return [list(each) for each in zip(*found, strict=False)] if all(found) else []


def _of_pairs(shares: Sequence[Sequence[float]], config: ExperimentConfig) -> str:
    """Each pair of levels in words."""
    lines = []
    for i, each in enumerate(shares):
        more = (
            f" in the median, at least half in {sum(v >= 0.5 for v in each)} of {len(each)} runs"
            if len(each) > 1
            else ""
        )
        lines.append(f"{config.beta[i + 1]:g} in {config.beta[i]:g}: {share(float(np.median(each)))}{more}")
    return "; ".join(lines)


def _nested(claim: Claim, known: Evidence) -> Answer | None:
    runs = _runs(known)
    drawn, every, svd = (_pairs(runs, key) for key in ("nested_axes", "nested", "nested_svd"))
    if not drawn or not every:
        return None
    n, config = runs[0].config.samples, runs[0].config
    where = f"{len(runs)} runs on {_images(runs[0])}" if len(runs) > 1 else _where(runs[0])
    words = f"in two axes, β = {_of_pairs(drawn, config)}; in Appendix B's axes {_of_pairs(svd, config)}; n = {n} samples each; {where}"
    verdict = covered(drawn)
    less = sum(value < 0.5 for each in drawn for value in each)
    say = f"In {less} of {sum(map(len, drawn))} pairs less than half of the inner level lies inside, even in two axes."
    return Answer(
        words,
        verdict,
        "" if verdict == "agrees" else say,
        f"in all 27 dimensions, β = {_of_pairs(every, config)}",
        covered(every),
    )


def _growth(runs: Sequence[Finding], key: str) -> list[list[float]]:
    """By how much a measure grows at each step down, from the highest level on, over the runs."""
    found = [_values(one.levels, key) for one in runs]
    found = [each for each, one in zip(found, runs, strict=True) if len(each) == len(one.levels)]
    return [[each[i] - each[i + 1] for each in found] for i in reversed(range(len(found[0]) - 1))] if found else []


def _of_steps(steps: Sequence[Sequence[float]], config: ExperimentConfig, unit: str) -> str:
    """Each step down in words."""
    lines = []
    for i, each in enumerate(steps):
        upper, low = config.beta[-1 - i], config.beta[-2 - i]
        grown = proportion(sum(value > 0 for value in each), len(each)).rounded()
        often = f"in {brief(grown)} of {len(each)} runs, in the median by " if len(each) > 1 else "by "
        lines.append(f"from {upper:g} to {low:g} {often}{_minus(float(np.median(each)))} {unit}")
    return "; ".join(lines)


def _expands(claim: Claim, known: Evidence) -> Answer | None:
    runs = _runs(known)
    steps, others = _growth(runs, "entropy"), _growth(runs, "dimensions")
    if not steps or not others:
        return None
    config = runs[0].config
    where = f"{len(runs)} runs on {_images(runs[0])}" if len(runs) > 1 else _where(runs[0])
    verdict = growing(steps)
    say = "" if verdict == "agrees" else "Ours does not widen with every step down."
    words = f"entropy grows {_of_steps(steps, config, 'nats')}; {config.samples} samples each; {where}"
    strictly = f"effective dimensions grow {_of_steps(others, config, 'dimensions')}"
    return Answer(words, verdict, say, strictly, growing(others))


# -- detection
def _about(searches: Sequence[Finding]) -> str:
    return f"{len(searches)} networks on {_images(searches[0])}"


def _on_images(known: Evidence, answer: Answer) -> Answer:
    """The same where the paper's images were searched; its numbers say nothing about others."""
    if known.searches[0].config.data == "cifar10":
        return answer
    return Answer(answer.measured, UNKNOWN, "On the paper's images there is no search yet.", answer.strictly)


def _detect_true(claim: Claim, known: Evidence) -> Answer | None:
    found = detection.tally(known.searches)
    if not found.true:
        return None
    low, paper = min(found.true, key=lambda m: m.value), claim.numbers["low"]
    words = f"lowest {brief(low)}, n = {low.n:,}; {len(found.true)} attacked of {_about(known.searches)}"
    return _on_images(known, Answer(words, higher(low.value, paper), apart(low.value, paper)))


def _detect_other(claim: Claim, known: Evidence) -> Answer | None:
    found = detection.tally(known.searches)
    attacked = detection.tally([one for one in known.searches if not detection.is_clean(one)])
    if not attacked.other:
        return None
    high, paper = max(attacked.other, key=lambda m: m.value), claim.numbers["high"]
    most = max(found.other, key=lambda m: m.value)
    lowest = min((m.value for m in attacked.true), default=None)
    verdict = line(high.value, paper, lowest, found.wrong)
    apart_by = f"; the lowest attacked class {share(lowest)}" if lowest is not None else ""
    words = f"highest {brief(high)}, n = {high.n:,}{apart_by}; {found.wrong} wrong of {found.verdicts} verdicts; {_about(known.searches)}"
    say = f"{found.wrong} of our verdicts are wrong." if found.wrong else apart(high.value, paper)
    strict = "differs" if found.wrong else lower(most.value, paper)
    strictly = f"clean networks as well: highest {brief(most)}"
    return _on_images(known, Answer(words, verdict, "" if verdict == "agrees" else say, strictly, strict))


# -- what the distribution looks like
def _modes(claim: Claim, known: Evidence) -> Answer | None:
    runs = known.shown.runs if known.shown else []
    counts = [
        (one.config.code, [len(entry.modes) for entry in one.result.submodels])
        for one in runs
        if one.result.submodels and one.config.code is not None
    ]
    if not counts:
        return None
    many = [code for code, modes in counts if modes[-1] > 1]
    ring = [modes for code, modes in counts if triggers.orbit_of(code) == RING]
    verdict = "agrees" if any(modes[-1] > 1 for modes in ring) else "partly" if many else "differs"
    told = (
        f"; the ring's kind, from the lowest β to the highest: {' or '.join(', '.join(map(str, modes)) for modes in ring)}"
        if ring
        else "; the ring's kind is not among them"
    )
    words = f"{len(many)} of {len(counts)} runs have several modes at the highest β{told}{_elsewhere(known)}"
    say = "" if verdict == "agrees" else "Here the ring's kind is not seen with several modes at the highest β."
    return Answer(words, verdict, say, beside=tuple(map(_ring, known.rings)))


def _ring(one: Finding) -> str:
    """How many modes one run of the ring with many samples has, in words."""
    c, counts = one.config, ", ".join(str(len(entry.modes)) for entry in one.result.submodels)
    return f"The ring's kind with {c.samples:,} samples, {material.what(c)}: modes, from the lowest β to the highest: {counts}."


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
    near = sum(count >= 8 for count in same)
    words = f"{mean:.1f} of nine cells alike in the mean ({min(same)} to {max(same)}; eight or nine in {near}), {len(same)} reversed triggers; chance 4.5{_elsewhere(known)}"
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
