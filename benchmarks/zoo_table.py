"""The zoo's figures: how well a scan tells attacked networks from clean ones, and what it says of those that it found.

A network's score is how far its most answered class lies above the median of its other classes, by effective ASR, made comparable
between sizes of triggers (`verdict.strength`), or, where an all-to-all backdoor was found, the share of images that it leads
astray; Neural Cleanse's is the anomaly index of the smallest mask. Attacks that did not take (TOOK) are counted and left out.
Intervals: of areas a bootstrap over networks, of shares Wilson's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from mesa_core.measures.error_rates import ErrorRates, Examined
from mesa_core.measures.intervals import Measured, proportion
from mesa_core.measures.roc import area, interval
from mesa_core.measures.verdict import Detection, stand_out, strength
from mesa_core.method.baselines.neural_cleanse import ALARM

TOOK = 0.8  # effective ASR of what was planted, at its place, from which an attack counts as one
OPENED = "opened.txt"
Row = Mapping[str, Any]


def score(row: Row) -> float:
    """How attacked MESA's plan says a network is, from 0 to 1: the highest over the sizes that were tried."""
    verdict = Detection.from_json(row["detection"])
    each = verdict.all_to_all
    if verdict.sizes is not None:
        lead = max(strength(one.effective_asr.value - one.others, one.size) for one in verdict.sizes.tried)
    else:
        rates = sorted((one.rate.value for one in verdict.classes), reverse=True)
        lead = rates[0] - median(rates[1:]) if len(rates) > 1 else rates[0]
    return max(lead, each.astray.value if each is not None and each.found else 0.0)


def cleansed(row: Row) -> float:
    """The same by Neural Cleanse: the highest anomaly index."""
    return float(max(row["cleanse"]["index"]))


def false_alarms(rows: Sequence[Row]) -> tuple[Measured, Measured]:
    """Classes that are called attacked and are not, of all classes of clean networks: by MESA's plan, and by Neural Cleanse."""
    ours = theirs = count = 0
    for row in rows:
        if row["attacked"]:
            continue
        verdict = Detection.from_json(row["detection"])
        count += len(verdict.classes)
        ours += len(stand_out(verdict.classes, verdict.threshold))
        theirs += sum(one > ALARM for one in row["cleanse"]["index"])
    return proportion(ours, count), proportion(theirs, count)


def right(row: Row) -> bool:
    """Whether MESA's plan finds what was planted: its target, or that it is all-to-all."""
    if row["planted"]["target"] is None:
        return row["scan"]["kind"] == "all to all"
    return row["scan"]["label"] == row["planted"]["target"]


def rightly_cleansed(row: Row) -> bool:
    """Whether Neural Cleanse names the target; of an all-to-all backdoor, which it does not look for, that it raises an alarm."""
    alarm = max(row["cleanse"]["index"]) > ALARM
    return alarm and row["planted"]["target"] in (None, row["cleanse"]["class"])


def examined(row: Row) -> Examined:
    """One network in short."""
    alarms = bool(stand_out(Detection.from_json(row["detection"]).classes, row["detection"]["threshold"]))
    return Examined(
        kind=row["kind"],
        attacked=row["attacked"],
        score=round(score(row), 6),
        index=round(cleansed(row), 4),
        said=right(row) if row["attacked"] else alarms,
        cleanse_said=rightly_cleansed(row) if row["attacked"] else cleansed(row) > ALARM,
    )


def error_rates(rows: Sequence[Row], when: str) -> ErrorRates:
    """What the product ships of a half (`assets/measured/zoo.json`)."""
    took = [row for row in rows if not row["attacked"] or row["before"]["effective"]["value"] >= TOOK]
    search = took[0]["detection"]
    healed = [row for row in took if row["attacked"] and row["after"] is not None]
    ours, theirs = false_alarms(took)
    return ErrorRates(
        when=when,
        places=search["places"]["plan"],
        sizes=search["sizes"]["listed"],
        networks=[examined(row) for row in took],
        alarms=ours,
        cleanse_alarms=theirs,
        left=[row["after"]["effective"]["value"] for row in healed],
        lost=[round(row["before"]["accuracy"]["value"] - row["after"]["accuracy"]["value"], 6) for row in healed],
    )


def named(row: Row) -> tuple[bool | None, bool | None]:
    """Whether the place is named within 2 pixels (None: it has none), and the size within 1; both False where nothing was found."""
    planted, scan = row["planted"], row["scan"]
    size = scan["size"] is not None and abs(scan["size"] - planted["size"]) <= 1
    if planted["place"] is None:
        return None, size
    if scan["row"] is None:
        return False, size
    near = max(abs(scan["row"] - planted["place"][0]), abs(scan["column"] - planted["place"][1]))
    return near <= 2, size


def percent(one: Measured) -> str:
    """'2.5 (0.7–8.6), n = 80'."""
    return f"{100 * one.value:.1f} ({100 * one.low:.1f}–{100 * one.high:.1f}), n = {one.n}"


def rows_of(out: Path, half: str, opened: bool) -> tuple[list[Row], str]:
    """(the rows of a half, when the judging half was opened). Raises SystemExit where that is asked for without being opened."""
    when = ""
    if half == "judging":
        if not opened:
            raise SystemExit("The judging half is opened once, when nothing is tuned any more: --half judging --open.")
        mark = out / OPENED
        if not mark.exists():
            mark.write_text(time.strftime("%Y-%m-%d %H:%M") + "\n")
        when = mark.read_text().strip()
    every = [json.loads(path.read_text()) for path in sorted(out.glob("*.json"))]
    return [row for row in every if row["half"] == half], when


def table(out: Path, half: str, opened: bool) -> str:
    """Markdown. Raises SystemExit where the judging half is asked for without being opened."""
    rows, when = rows_of(out, half, opened)
    took = [row for row in rows if row["attacked"] and row["before"]["effective"]["value"] >= TOOK]
    healthy = [row for row in rows if not row["attacked"]]
    lost = sum(row["attacked"] for row in rows) - len(took)
    lines = [f"{half} half: {len(took)} attacked networks, {len(healthy)} clean ones; {lost} attacks did not take."]
    if half == "judging":
        lines[0] += f" Opened {when}."
    if not took or not healthy:
        return "\n".join([*lines, "Too few for an area; run more cells."])
    lines += ["", "| | MESA's plan | Neural Cleanse |", "|" + " --- |" * 3]
    lines.append(
        "| area under the ROC curve, all attacks | "
        + " | ".join(_area(took, healthy, f) for f in (score, cleansed))
        + " |"
    )
    lines.append(
        "| false alarms a class, clean networks, percent | " + " | ".join(map(percent, false_alarms(rows))) + " |"
    )
    lines.append(f"| seconds a network, mean | {_mean(rows, 'scan')} (with the repair) | {_mean(rows, 'cleanse')} |")
    lines += [
        "",
        "| kind | networks | found rightly | area | area, Neural Cleanse | place within 2 | size within 1 | effective ASR after repair |",
    ]
    lines.append("|" + " --- |" * 8)
    for kind in dict.fromkeys(row["kind"] for row in took):
        lines.append(_line(kind, [row for row in took if row["kind"] == kind], healthy))
    lines.append(_line("all", took, healthy))

    return "\n".join(lines)


def _area(took: Sequence[Row], healthy: Sequence[Row], by: Callable[[Row], float]) -> str:
    a, h = [by(row) for row in took], [by(row) for row in healthy]
    low, high = interval(a, h)
    return f"{area(a, h):.3f} ({low:.3f}–{high:.3f})"


def _mean(rows: Sequence[Row], of: str) -> str:
    return f"{np.mean([row[of]['seconds'] for row in rows]):.0f}"


def _line(kind: str, own: Sequence[Row], healthy: Sequence[Row]) -> str:
    places = [bool(place) for place, _ in map(named, own) if place is not None]
    sizes = [bool(size) for _, size in map(named, own)]
    left = [100 * row["after"]["effective"]["value"] for row in own if row["after"] is not None]
    shown = [
        kind,
        str(len(own)),
        f"{sum(map(right, own))} of {len(own)}",
        _area(own, healthy, score),
        _area(own, healthy, cleansed),
        f"{sum(places)} of {len(places)}" if places else "–",
        f"{sum(sizes)} of {len(sizes)}",
        f"mean {np.mean(left):.1f}, highest {max(left):.1f}" if left else "–",
    ]
    return "| " + " | ".join(shown) + " |"
