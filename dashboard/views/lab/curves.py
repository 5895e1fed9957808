"""A run's progress events as the curves' panels. Needs no torch and no streamlit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from mesa_core import events as ev
from mesa_core.defences import DEFENCES, split

MOST_POINTS = 400
MOST_RISE = 80
LEAST = 0.03  # of a run's typical time, from which on its own pace is trusted
# name of the metric, title, low, high, in per cent
LEVELLED = (
    ("asr", "Success of the samples (ASR)", 0.0, 1.0, True),
    ("information", "Information between noise and trigger (a bound on the entropy, nats)", None, None, False),
    ("hinge", "Distance to the level asked for (hinge loss)", 0.0, None, False),
)
LOSSES = {"attack": "attack", "victim": "clean training"}


def panels(events: Sequence[ev.Event]) -> list[dict[str, Any]]:
    """One panel a figure: of every level's sub-model over MESA's steps, and of the networks' losses."""
    lines: dict[tuple[str, str], tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for e in events:
        if not isinstance(e, ev.Progress):
            continue
        for name, value in e.metrics.items():
            what, _, level = str(name).rpartition("_")
            key = (what, f"β = {level}") if what in ("asr", "information", "hinge") else None
            if name == "loss" and (whose := _whose_loss(e.stage)):
                key = ("loss", whose)
            if key is None:
                continue
            xs, ys = lines[key]
            if xs and float(e.done) <= xs[-1]:  # a resumed stage begins anew
                xs.clear()
                ys.clear()
            xs.append(float(e.done))
            ys.append(float(value))
    found = []
    for what, title, low, high, percent in (*LEVELLED, ("loss", "Loss of the networks", 0.0, None, False)):
        own = [_line(name, *xy) for (kind, name), xy in lines.items() if kind == what]
        if own:
            found.append({"title": title, "x": "step", "low": low, "high": high, "percent": percent, "lines": own})
    return found


def rise(events: Sequence[ev.Event]) -> list[tuple[float, float]]:
    """How an attack's running ASR grew: (share of its steps, ASR from 0 to 1), at most MOST_RISE of them."""
    points: list[tuple[int, float]] = []
    total = 1
    for e in events:
        if isinstance(e, ev.Progress) and e.stage == "attack" and "asr" in e.metrics:
            if points and e.done <= points[-1][0]:  # a resumed stage begins anew
                points.clear()
            points.append((e.done, float(e.metrics["asr"])))
            total = max(1, e.total)  # it may end sooner than it was planned to
    every = -(-len(points) // MOST_RISE)
    return (
        [(round(min(1.0, done / total), 4), round(asr, 4)) for done, asr in points[::-1][::every][::-1]]
        if every
        else []
    )


def _whose_loss(stage: str) -> str | None:
    """What a stage's loss is called; None where it is not drawn, as that of a defence's further seeds."""
    defence = stage.removeprefix("repair.")
    return f"repair: {DEFENCES[defence].short}" if defence != stage and defence in DEFENCES else LOSSES.get(stage)


def _line(name: str, xs: list[float], ys: list[float]) -> dict[str, Any]:
    """A line with at most MOST_POINTS points, the last one always."""
    every = -(-len(xs) // MOST_POINTS)
    return {"name": name, "x": xs[::-1][::every][::-1], "y": ys[::-1][::every][::-1]}


def pace(events: Sequence[ev.Event], config: Mapping[str, Any], typical: Mapping[str, float]) -> float | None:
    """How many times longer than the `typical` seconds of its stages a run takes; None until that can be trusted."""
    begun = [e.stage for e in events if isinstance(e, ev.StageBegun)]
    last = next((e for e in reversed(events) if isinstance(e, ev.Progress)), None)
    if not begun or last is None or last.stage not in typical or begun[-1] != last.stage or not last.total:
        return None
    fresh = {e.stage: e.seconds for e in events if isinstance(e, ev.StageDone) and not e.reused}
    done = sum(typical.get(stage, 0.0) for stage in fresh) + typical[last.stage] * last.done / last.total
    spent = sum(seconds for stage, seconds in fresh.items() if stage in typical) + last.elapsed
    if done < LEAST * whole(config, typical) or done <= 0:
        return None  # that of the first moments misleads
    return spent / done


def whole(config: Mapping[str, Any], typical: Mapping[str, float]) -> float:
    """Typical seconds of all stages that a run with this configuration has."""
    return sum(seconds for stage, seconds in typical.items() if _asked(stage, config))


def to_go(
    events: Sequence[ev.Event], config: Mapping[str, Any], typical: Mapping[str, float]
) -> tuple[float | None, float | None]:
    """Seconds until MESA's repair is measured (None once it is), and until the end (None while unknown).

    `typical` are the seconds of every stage of another run, in order; this run's pace so far scales them.
    """
    own = pace(events, config, typical)
    last = next((e for e in reversed(events) if isinstance(e, ev.Progress)), None)
    if own is None or last is None:
        return None, None
    begun = [e.stage for e in events if isinstance(e, ev.StageBegun)]
    fresh = {e.stage for e in events if isinstance(e, ev.StageDone) and not e.reused}
    rest = typical[last.stage] * (1 - last.done / last.total)
    answer = None if "after.mesa" in fresh else rest
    for stage in typical:
        if stage in begun or not _asked(stage, config):
            continue
        rest += typical[stage]
        if stage == "after.mesa":
            answer = rest
    return None if answer is None else answer * own, rest * own


def turn(
    running: tuple[Sequence[ev.Event], Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    typical: Mapping[str, float],
) -> float | None:
    """Seconds until a run that waits has its turn; None while that cannot be told.

    `running` are the events and the configuration of the run that works, `before` the configurations of those that wait
    in front. They are taken to go at its pace, so all must be of the same data, network and protocol.
    """
    events, config = running
    own, (_, left) = pace(events, config, typical), to_go(events, config, typical)
    alike = all(one.get(k) == config.get(k) for one in before for k in ("data", "victim", "protocol"))
    if own is None or left is None or not alike:
        return None
    return left + own * sum(whole(one, typical) for one in before)


def _asked(stage: str, config: Mapping[str, Any]) -> bool:
    """Whether a run with this configuration has the stage."""
    part = stage.partition(".")[2] or stage
    if part.startswith("beta."):
        return bool(config.get("repair_each_beta"))
    kind, seed = split(part)
    if kind not in DEFENCES or kind == "mesa":
        return True
    enough = seed <= config.get(DEFENCES[kind].seeds, 1) if DEFENCES[kind].seeds else True
    return enough and kind in config.get("baselines", ())
