"""Answers from the sweep over the 51 triggers: what the attack reaches, and what each defence leaves of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mesa_core.paper.claims import Claim, share
from mesa_core.paper.judging import (
    CHEAP,
    DEAR,
    Answer,
    Evidence,
    Pick,
    after,
    apart,
    average,
    by_beta,
    extreme,
    higher,
    lower,
    points,
    values,
)
from mesa_core.paper.material import ORBITS, Finding
from mesa_core.words import brief


# -- the attack
def _attack(claim: Claim, known: Evidence) -> Answer:
    found = values(known.sweep, lambda one: [one.result["before"]["asr"]["original"]])
    middle, words = average(found)
    return Answer(words, higher(middle, claim.numbers["mean"]), apart(middle, claim.numbers["mean"]))


def _attack_lowest(claim: Claim, known: Evidence) -> Answer:
    found = values(known.sweep, lambda one: [one.result["before"]["asr"]["original"]])
    low, words = extreme(found, min)
    _, more = extreme(found, max)
    paper = claim.numbers["low"]
    return Answer(f"{words}; {more}", higher(low["value"], paper), apart(low["value"], paper))


def _loss(
    first: Callable[[Finding], Any], second: Callable[[Finding], Any]
) -> Callable[[Claim, Evidence], Answer | None]:
    """Clean accuracy lost between two evaluations of a run, in points."""

    def answer(claim: Claim, known: Evidence) -> Answer | None:
        pairs = [(a, b) for one in known.sweep.runs if (a := first(one)) and (b := second(one))]
        if not pairs:
            return None
        lost = np.array([a["clean_accuracy"]["value"] - b["clean_accuracy"]["value"] for a, b in pairs])
        n, mean = pairs[0][0]["clean_accuracy"]["n"], float(lost.mean())
        half = 1.96 * float(lost.std(ddof=1)) / len(lost) ** 0.5 if len(lost) > 1 else 0.0
        span = f" (95 % interval {_points_of(mean - half)} to {_points_of(mean + half)})" if half else ""
        words = f"{_points_of(mean)} points lost in the mean{span}, at most {_points_of(float(lost.max()))}; {len(pairs)} networks, n = {n:,} images each"
        verdict = lower(mean, 0.0, CHEAP, DEAR)
        return Answer(
            words,
            verdict,
            "" if verdict == "agrees" else f"Ours loses {100 * mean:.2f} points, the paper reports none.",
        )

    return answer


def _points_of(value: float, form: str = ".2f") -> str:
    return format(100 * value, form).replace("-", "−")


# -- the defence
def _extreme_of(pick: Pick, paper: str) -> Callable[[Claim, Evidence], Answer | None]:
    def answer(claim: Claim, known: Evidence) -> Answer | None:
        found = values(known.sweep, pick)
        if not found:
            return None
        high, words = extreme(found, max)
        number = claim.numbers[paper]
        if "low" in claim.numbers:
            words = f"{extreme(found, min)[1]}; {words}"
        return Answer(
            f"{words}; {len(found)} of {ORBITS} triggers", lower(high["value"], number), apart(high["value"], number)
        )

    return answer


def _mean_of(pick: Pick, paper: str | None) -> Callable[[Claim, Evidence], Answer | None]:
    def answer(claim: Claim, known: Evidence) -> Answer | None:
        found = values(known.sweep, pick)
        if not found:
            return None
        middle, words = average(found)
        said = f"{words}; {extreme(found, max)[1]}"
        if paper is None:
            return Answer(said, "")
        number = claim.numbers[paper]
        return Answer(said, lower(middle, number), apart(middle, number))

    return answer


def _point(claim: Claim, known: Evidence) -> Answer | None:
    found = values(known.sweep, points)
    if not found:
        return None
    low, high = extreme(found, min), extreme(found, max)
    apart = high[0]["value"] - low[0]["value"]
    verdict = "agrees" if apart >= 0.4 else "partly" if apart >= 0.1 else "differs"
    seeds = sorted({len(values) for _, values in found})
    words = (
        f"{low[1]}; {high[1]}; {average(found)[1]}, {seeds[0]}{f' to {seeds[-1]}' if len(seeds) > 1 else ''} seeds each"
    )
    say = (
        ""
        if verdict == "agrees"
        else f"With our protocol it is a smaller lottery: {100 * apart:.1f} points between lowest and highest, {100 * (claim.numbers['high'] - claim.numbers['low']):.0f} in the paper."
    )
    return Answer(words, verdict, say)


def _worst_case(claim: Claim, known: Evidence) -> Answer | None:
    point, mesa = values(known.sweep, points), values(known.sweep, by_beta("0.9"))
    if not point or not mesa:
        return None
    a, b = extreme(point, max)[0]["value"], extreme(mesa, max)[0]["value"]
    ratio = a / max(b, 1e-9)
    verdict = "agrees" if ratio >= 4 else "partly" if ratio >= 2 else "differs"
    return Answer(
        f"{share(a)} against {share(b)}: {ratio:.1f} times",
        verdict,
        "" if verdict == "agrees" else f"Ours is {ratio:.1f} times, not eight.",
    )


def _worst(claim: Claim, known: Evidence) -> Answer | None:
    found = []
    for row in known.sweep.rows:
        for one in row.runs:
            clean, after = one.result["clean"], (one.result["after"] or {}).get("mesa")
            if clean and after and clean["asr"]["worst"] and after["asr"]["worst"]:
                found.append((row.code, after["asr"]["worst"], clean["asr"]["worst"]))
    if not found:
        return None
    above = [a["value"] - c["value"] for _, a, c in found]
    code, after, _ = max(found, key=lambda entry: entry[1]["value"])
    return Answer(
        f"{_points_of(float(np.mean(above)), '+.1f')} points in the mean, {_points_of(max(above), '+.1f')} at most; highest {brief(after)}, n = {after['n']:,} (code {code}); {len(found)} runs",
        "",
    )


def _before(one: Finding) -> Any:
    return one.result["before"]


OF_SWEEP = {
    "attack": _attack,
    "attack_lowest": _attack_lowest,
    "attack_clean": _loss(lambda one: one.result["clean"], _before),
    "after_all": _extreme_of(by_beta(), "high"),
    "after_mean": _mean_of(by_beta("0.9"), "mean"),
    "after_highest": _extreme_of(by_beta("0.9"), "high"),
    "ideal": _mean_of(after("ideal"), "mean"),
    "point": _point,
    "worst_case": _worst_case,
    "repair_clean": _loss(_before, lambda one: (one.result["after"] or {}).get("mesa")),
    "control": _mean_of(after("control"), None),
    "random": _mean_of(after("random"), None),
    "uniform": _mean_of(after("uniform"), None),
    "mixture": _mean_of(after("mesa"), None),
    "effective": _mean_of(after("mesa", "effective_asr"), None),
    "effective_high": _mean_of(by_beta("0.9", "effective_asr"), None),
    "worst": _worst,
}
