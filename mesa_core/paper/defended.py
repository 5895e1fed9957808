"""Answers from the sweep over the 51 triggers: what the attack reaches, and what each defence leaves of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.intervals import Measured
from mesa_core.paper.claims import Claim, share
from mesa_core.paper.judging import (
    Answer,
    Evidence,
    Pick,
    after,
    apart,
    average,
    budget,
    by_beta,
    extreme,
    points,
    rate,
    values,
)
from mesa_core.paper.material import ORBITS, Finding
from mesa_core.paper.rules import BELOW, CHEAP, DEAR, higher, lottery, lower, poorer, times
from mesa_core.words import brief

LEAST = 1e-9  # of what a defence leaves, to divide by


# -- the attack
def _before_of(group: str) -> Pick:
    return lambda one: [rate(one.result.before, group, "original")]


def _attack(claim: Claim, known: Evidence) -> Answer:
    found, number = values(known.judged, _before_of("asr")), claim.numbers["mean"]
    middle, words = average(found)
    effective, more = average(values(known.judged, _before_of("effective_asr")))
    return Answer(
        words, higher(middle, number), apart(middle, number), f"effective ASR: {more}", higher(effective, number)
    )


def _attack_lowest(claim: Claim, known: Evidence) -> Answer:
    found, number = values(known.judged, _before_of("asr")), claim.numbers["low"]
    low, words = extreme(found, min)
    _, more = extreme(found, max)
    least, strictly = extreme(values(known.judged, _before_of("effective_asr")), min)
    below = sum(m.value < number - BELOW for _, figures in found for m in figures)
    say = apart(low.value, number)
    if below:
        say += f" {below} of {sum(len(figures) for _, figures in found)} runs are more than {100 * BELOW:.0f} points below it."
    verdict = higher(low.value, number)
    return Answer(f"{words}; {more}", verdict, say, f"effective ASR: {strictly}", higher(least.value, number))


def _loss(
    first: Callable[[Finding], Evaluation | None], second: Callable[[Finding], Evaluation | None]
) -> Callable[[Claim, Evidence], Answer | None]:
    """Clean accuracy lost between two evaluations of a run, in points; strictly the target class's own, too."""

    def answer(claim: Claim, known: Evidence) -> Answer | None:
        pairs = [(a, b) for one in known.judged.runs if (a := first(one)) and (b := second(one))]
        if not pairs:
            return None
        mean, words = _lost(pairs, "clean_accuracy")
        own, more = _lost(pairs, "target_accuracy")
        verdict = lower(mean, 0.0, CHEAP, DEAR)
        begin = f"{budget(known.judged.config)} ours" if claim.budget else "Ours"
        say = f"{begin} loses {100 * mean:.2f} points, the paper reports none."
        strict = poorer(verdict, lower(own, 0.0, CHEAP, DEAR))
        return Answer(words, verdict, "" if verdict == "agrees" else say, f"the target class: {more}", strict)

    return answer


def figure(e: Evaluation, name: str) -> Measured:
    """'clean_accuracy' or 'target_accuracy' of an evaluation."""
    found: Measured = getattr(e, name)
    return found


def _lost(pairs: Sequence[tuple[Evaluation, Evaluation]], name: str) -> tuple[float, str]:
    """The mean loss over networks, as a share, and in words with its interval."""
    lost = np.array([figure(a, name).value - figure(b, name).value for a, b in pairs])
    n, mean = figure(pairs[0][0], name).n, float(lost.mean())
    half = 1.96 * float(lost.std(ddof=1)) / len(lost) ** 0.5 if len(lost) > 1 else 0.0
    span = f" (95 % interval {_points_of(mean - half)} to {_points_of(mean + half)})" if half else ""
    most = _points_of(float(lost.max()))
    return (
        mean,
        f"{_points_of(mean)} points lost in the mean{span}, at most {most}; {len(pairs)} networks, n = {n:,} images each",
    )


def _points_of(value: float, form: str = ".2f") -> str:
    return format(100 * value, form).replace("-", "−")


# -- the defence
Of = Callable[[Claim, Evidence], "Answer | None"]


def _extreme_of(pick: Callable[[str], Pick], paper: str) -> Of:
    """The highest of what `pick` takes of the 'original', judged; strictly of the 'worst' of 512."""

    def answer(claim: Claim, known: Evidence) -> Answer | None:
        found, worst = values(known.judged, pick("original")), values(known.judged, pick("worst"))
        if not found:
            return None
        high, words = extreme(found, max)
        number = claim.numbers[paper]
        if "low" in claim.numbers:
            words = f"{extreme(found, min)[1]}; {words}"
        words = f"{words}; {len(found)} of {ORBITS} triggers"
        answered = Answer(words, lower(high.value, number), apart(high.value, number))
        if not worst:
            return answered
        most, more = extreme(worst, max)
        return replace(answered, strictly=f"the worst of 512: {more}", strict=lower(most.value, number))

    return answer


def _mean_of(pick: Callable[[str], Pick], paper: str | None) -> Of:
    """The mean of the same; a control has no `paper` and no verdict."""

    def answer(claim: Claim, known: Evidence) -> Answer | None:
        found = values(known.judged, pick("original"))
        if not found:
            return None
        middle, words = average(found)
        said = f"{words}; {extreme(found, max)[1]}"
        if paper is None:
            return Answer(said, "")
        number = claim.numbers[paper]
        answered = Answer(said, lower(middle, number), apart(middle, number))
        worst = values(known.judged, pick("worst"))
        if not worst:
            return answered
        most, more = average(worst)
        return replace(answered, strictly=f"the worst of 512: {more}", strict=lower(most, number))

    return answer


def _point(claim: Claim, known: Evidence) -> Answer | None:
    found = values(known.judged, points)
    if not found:
        return None
    low, high = extreme(found, min), extreme(found, max)
    span = high[0].value - low[0].value
    verdict = lottery(span)
    seeds = sorted({len(values) for _, values in found})
    words = (
        f"{low[1]}; {high[1]}; {average(found)[1]}, {seeds[0]}{f' to {seeds[-1]}' if len(seeds) > 1 else ''} seeds each"
    )
    theirs = claim.numbers["high"] - claim.numbers["low"]
    say = f"{budget(known.judged.config)} it is a smaller lottery: {100 * span:.1f} points between lowest and highest, {100 * theirs:.0f} in the paper."
    several = [(max(rates) - min(rates), code) for code, m in found if len(rates := [one.value for one in m]) > 1]
    answered = Answer(words, verdict, "" if verdict == "agrees" else say)
    if not several:
        return answered
    widest, code = max(several)
    middle = float(np.median([width for width, _ in several]))
    strictly = f"between the seeds of one trigger {100 * middle:.1f} points in the median, {100 * widest:.1f} at most (code {code})"
    return replace(answered, strictly=strictly, strict=lottery(widest))


def _worst_case(claim: Claim, known: Evidence) -> Answer | None:
    point, mesa = values(known.judged, points), values(known.judged, by_beta("0.9"))
    if not point or not mesa:
        return None
    a, b = extreme(point, max)[0].value, extreme(mesa, max)[0].value
    ratio = a / max(b, LEAST)
    verdict = times(ratio)
    own = {code: max(m.value for m in figures) for code, figures in mesa}
    each = [(max(m.value for m in figures) / max(own[code], LEAST), code) for code, figures in point if code in own]
    answered = Answer(
        f"{share(a)} against {share(b)}: {ratio:.1f} times",
        verdict,
        "" if verdict == "agrees" else f"{budget(known.judged.config)} ours is {ratio:.1f} times, not eight.",
    )
    if not each:
        return answered
    most, code = max(each)
    return replace(answered, strictly=f"of one trigger {most:.1f} times at most (code {code})", strict=times(most))


def _worst(claim: Claim, known: Evidence) -> Answer | None:
    found = []
    for row in known.judged.rows:
        for one in row.runs:
            clean, after = one.result.clean, one.result.after.get("mesa")
            if clean and after and clean.asr.worst and after.asr.worst:
                found.append((row.code, after.asr.worst, clean.asr.worst))
    if not found:
        return None
    above = [a.value - c.value for _, a, c in found]
    code, most, _ = max(found, key=lambda entry: entry[1].value)
    return Answer(
        f"{_points_of(float(np.mean(above)), '+.1f')} points in the mean, {_points_of(max(above), '+.1f')} at most; highest {brief(most)}, n = {most.n:,} (code {code}); {len(found)} runs",
        "",
    )


def _before(one: Finding) -> Evaluation:
    return one.result.before


OF_SWEEP = {
    "attack": _attack,
    "attack_lowest": _attack_lowest,
    "attack_clean": _loss(lambda one: one.result.clean, _before),
    "after_all": _extreme_of(lambda part: by_beta(part=part), "high"),
    "after_mean": _mean_of(lambda part: by_beta("0.9", part=part), "mean"),
    "after_highest": _extreme_of(lambda part: by_beta("0.9", part=part), "high"),
    "ideal": _mean_of(lambda part: after("ideal", part=part), "mean"),
    "point": _point,
    "worst_case": _worst_case,
    "repair_clean": _loss(_before, lambda one: one.result.after.get("mesa")),
    "control": _mean_of(lambda part: after("control", part=part), None),
    "random": _mean_of(lambda part: after("random", part=part), None),
    "uniform": _mean_of(lambda part: after("uniform", part=part), None),
    "mixture": _mean_of(lambda part: after("mesa", part=part), None),
    "effective": _mean_of(lambda part: after("mesa", "effective_asr", part), None),
    "effective_high": _mean_of(lambda part: by_beta("0.9", "effective_asr", part), None),
    "worst": _worst,
}
