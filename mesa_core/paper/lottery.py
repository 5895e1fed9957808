"""When is one reversed trigger a lottery? Ten of them, each repaired on its own, while one thing is varied.

Drawn from cells that `benchmarks/lottery.py` measured, each a run: the share of stamped images, the search for a point, or
the triggers that were planted in the network before; all else is as the paper's repair has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesa_core import triggers
from mesa_core.disk.untrusted import Refused, parse_json, read_bytes
from mesa_core.measures.intervals import Measured
from mesa_core.paper.claims import share
from mesa_core.paper.material import NAMES
from mesa_core.pictures.charts import GREY, plain
from mesa_core.pictures.thumbnails import PALETTE
from mesa_core.store.results import Result
from mesa_core.words import brief, counted

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

LARGEST = 4 << 20  # bytes of the file
BESIDE = 0.13  # of a column's width: how far points lie aside at most
APART = 10.0  # percentage points between two groups of points
ARMS = {
    "share": ("Images stamped in the repair", {"0.005": "0.5 %", "0.01": "1 %<br>(paper)", "0.02": "2 %", "0.05": "5 %", "0.3": "30 %", "ours": "our<br>budget"}),
    "search": ("Steps of the search", {"notebook": "45,<br>slow", "short": "45", "ours": "100", "paper": "313<br>(paper)", "long": "1,000"}),
    "network": ("Triggers planted before", {"0": "none<br>(paper)", "1": "1", "3": "3", "7": "7"}),
}  # fmt: skip
# what is repaired with -> its name, symbol, colour
MARKS = {
    "mine": ("MESA, generators", "diamond", PALETTE[0]),
    "particles": ("MESA, particles", "diamond-open", PALETTE[0]),
    "random": ("random triggers (b/w)", "cross-thin-open", PALETTE[4]),
    "ideal": ("original trigger (oracle)", "star-open", PALETTE[2]),
    "control": ("clean images (control)", "x-thin-open", GREY),
}
SHIFTS = dict(zip(MARKS, (0.2, 0.3, 0.4, -0.3, -0.4), strict=True))  # to the side of the points of a column


@dataclass(frozen=True)
class Column:
    """One setting of one arm on one network: what each repair left of the original, and the accuracies."""

    data: str
    code: int
    arm: str
    setting: str
    points: tuple[Measured, ...]
    left: Mapping[str, Measured]  # by MARKS
    before: Measured
    accuracy: Measured  # before any repair
    accuracies: Mapping[str, Measured]  # after those of MARKS

    @property
    def spread(self) -> float:
        """From the luckiest point to the unluckiest."""
        rates = [one.value for one in self.points]
        return max(rates) - min(rates)


def read(path: Path) -> list[Column]:
    """The columns of a file of cells; none where it is missing or damaged."""
    try:
        cells = parse_json(read_bytes(path, LARGEST))["cells"]
        merged: dict[tuple[str, int, str, str], dict[str, Any]] = {}
        for cell in cells:
            own = merged.setdefault((cell["data"], cell["code"], cell["arm"], cell["setting"]), {})
            own[cell["kind"]] = {
                name: {key: Measured.from_json(value) for key, value in one.items() if value is not None}
                for name, one in cell["after"].items()
            }
        return [_column(key, kinds["mine"], kinds.get("particles")) for key, kinds in merged.items() if "mine" in kinds]
    except (OSError, Refused, ValueError, KeyError, TypeError):
        return []


def _column(key: tuple[str, int, str, str], mine: Mapping[str, Any], particles: Mapping[str, Any] | None) -> Column:
    points = tuple(one["asr"] for name, one in mine.items() if name.split("_")[0] == "point")
    stamped = {"mine": mine["mesa"], **{name: mine[name] for name in ("random", "ideal", "control")}}
    if particles is not None:
        stamped["particles"] = particles["mesa"]
    left, accuracies = ({name: one[what] for name, one in stamped.items()} for what in ("asr", "accuracy"))
    return Column(*key, points, left, mine["before"]["asr"], mine["before"]["accuracy"], accuracies)


def of_run(result: Result) -> Column | None:
    """The column of a run that reversed several points; None where it has one point only, or lacks a defence of MARKS."""
    every = {"before": result.before, **result.after}
    rows = {
        name: {"asr": e.asr.original, "accuracy": e.clean_accuracy}
        for name, e in every.items()
        if e.asr.original is not None
    }
    if not {"before", "mesa", "point_2", "random", "ideal", "control"} <= rows.keys():
        return None
    c = result.config
    code = triggers.code_of(triggers.from_hex(c["trigger"]))
    return _column((c["data"], -1 if code is None else code, "share", f"{c['repair_ratio']:g}"), rows, None)


def networks(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """(data, code) of the attacked networks, CIFAR-10 first, else in the order of the columns."""
    return sorted(dict.fromkeys((one.data, one.code) for one in columns), key=lambda one: one[0] != "cifar10")


def draw(columns: Sequence[Column]) -> Figure | None:
    """A panel an attacked network and arm, below each other: ten circles a column, MESA and the controls beside them."""
    from plotly.subplots import make_subplots

    panels = [(row, arm) for row in networks(columns) for arm in ARMS if _known(columns, row, arm)]
    if not panels:
        return None
    several = len(networks(columns)) > 1  # of one alone the caption tells
    titles = [ARMS[arm][0] + (f" ({NAMES.get(data, data)}, {code})" if several else "") for (data, code), arm in panels]
    figure = make_subplots(len(panels), 1, subplot_titles=titles, vertical_spacing=0.3 / len(panels))
    for i, (row, arm) in enumerate(panels, 1):
        settings, known = ARMS[arm][1], _known(columns, row, arm)
        shown = [(k, known[setting]) for k, setting in enumerate(settings) if setting in known]
        for trace in _traces(shown, i == 1):
            figure.add_trace(trace, i, 1)
        figure.update_xaxes(
            tickvals=[k for k, _ in shown], ticktext=[settings[one.setting] for _, one in shown],
            range=[shown[0][0] - 0.6, shown[-1][0] + 0.6], showgrid=False, zeroline=False, row=i, col=1,
        )  # fmt: skip
        figure.update_yaxes(title="ASR of the original (%)", rangemode="tozero", zeroline=False, row=i, col=1)
    return plain(figure, 190 + 320 * len(panels), top=190)  # a legend in five lines on a phone, and the first title


def _known(columns: Sequence[Column], network: tuple[str, int], arm: str) -> dict[str, Column]:
    """The columns of one panel by their setting."""
    return {one.setting: one for one in columns if (one.data, one.code) == network and one.arm == arm}


def _asides(count: int) -> list[float]:
    """How far each of so many points lies to the side of its column's middle, so that none hides another."""
    return [BESIDE * (2 * i + 1 - count) / count for i in range(count)]


def _traces(shown: Sequence[tuple[int, Column]], named: bool) -> Iterator[Any]:
    """The marks of one panel; each kind has one entry in the legend, that of the first panel."""
    import plotly.graph_objects as go

    colour = PALETTE[5]
    yield go.Scatter(
        x=[k + aside for k, one in shown for aside in _asides(len(one.points))],
        y=[100 * m.value for _, one in shown for m in one.points],
        mode="markers", name="one reversed trigger (ten)", legendgroup="point", showlegend=named,
        marker={"symbol": "circle-open", "color": colour, "size": 7, "line": {"width": 1.4}},
        customdata=[[brief(m), m.n] for _, one in shown for m in one.points],
        hovertemplate="one reversed trigger: %{customdata[0]}, n = %{customdata[1]}<extra></extra>",
    )  # fmt: skip
    for key, (name, symbol, colour) in MARKS.items():
        found = [(k, one.left[key]) for k, one in shown if key in one.left]
        yield go.Scatter(
            x=[k + SHIFTS[key] for k, _ in found],
            y=[100 * m.value for _, m in found],
            error_y={
                "type": "data", "symmetric": False, "thickness": 1, "width": 2,
                "array": [100 * (m.high - m.value) for _, m in found], "arrayminus": [100 * (m.value - m.low) for _, m in found],
            },
            mode="markers", name=name, legendgroup=key, showlegend=named,
            marker={"symbol": symbol, "color": colour, "size": 9, "line": {"color": colour, "width": 1.6}},
            customdata=[[brief(m), m.n] for _, m in found],
            hovertemplate=f"{name}: %{{customdata[0]}}, n = %{{customdata[1]}}<extra></extra>",
        )  # fmt: skip


def table(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """A row a column of the figure, with intervals, n and accuracies."""
    told = []
    for one in columns:
        rates = sorted((m.value, m) for m in one.points)
        row: dict[str, Any] = {"images": NAMES.get(one.data, one.data), "code": one.code, "varied": ARMS[one.arm][0]}
        row |= {"setting": ARMS[one.arm][1].get(one.setting, one.setting).replace("<br>", " ")}
        row |= {
            "before": counted(one.before),
            "lowest point": counted(rates[0][1]),
            "highest point": counted(rates[-1][1]),
        }
        row |= {"points, mean": share(sum(m.value for m in one.points) / len(one.points)), "spread": share(one.spread)}
        row |= {name: counted(one.left.get(key)) for key, (name, _, _) in MARKS.items()}
        row |= {"clean accuracy before": brief(one.accuracy)}
        row |= {f"after {MARKS[key][0]}": brief(m) for key, m in one.accuracies.items() if key in ("mine", "control")}
        told.append(row)
    return told


def note(columns: Sequence[Column]) -> str:
    """Its caption: what is held fixed, and how wide chance alone would make ten points."""
    widest = max(columns, key=lambda one: one.spread)
    mean = sum(m.value for m in widest.points) / len(widest.points)
    chance = 3.08 * (mean * (1 - mean) / widest.points[0].n) ** 0.5  # the mean range of ten draws of a normal law
    n = " or ".join(f"{v:,}" for v in sorted({m.n for one in columns for m in one.points}))
    codes = ", ".join(f"{NAMES.get(data, data)} code {code}" for data, code in networks(columns))
    return (
        f"ResNet-9-16, {codes}; our fast attack and search; what is not varied is the paper's repair (1.0 % stamped, rate "
        f"0.001, 10 passes, 100 steps of search); one seed; n = {n} images; bars: 95 % intervals. Had all ten points of a "
        f"column the same ASR, counting it on {widest.points[0].n:,} images would spread them by some {100 * chance:.0f} points; the "
        f"widest column spans {100 * widest.spread:.0f}."
    )


def parted(column: Column) -> str:
    """'of 10 points, 7 leave 8.0 to 10.7 % and 3 leave 48.8 to 49.2 %', where two neighbours lie APART, else their span."""
    rates = sorted(100 * one.value for one in column.points)
    span = lambda some: f"{some[0]:.1f} to {some[-1]:.1f} %" if len(some) > 1 else f"{some[0]:.1f} %"
    gap, at = max((b - a, i) for i, (a, b) in enumerate(pairwise(rates), 1))
    if gap < APART:
        return f"{len(rates)} points leave {span(rates)}"
    first, second = (
        f"{len(some)} {'leave' if len(some) > 1 else 'leaves'} {span(some)}" for some in (rates[:at], rates[at:])
    )
    return f"of {len(rates)} points, {first} and {second}"


def told(columns: Sequence[Column], setting: str, data: str = "cifar10") -> str:
    """'ten points left 13.0 to 28.4 %, MESA 22.3 %' at one share of stamped images; '' where unknown.

    Of several triggers on the same images, of that whose columns came first.
    """
    first = [network for network in networks(columns) if network[0] == data][:1]
    found = [one for one in columns if (one.arm, one.setting) == ("share", setting) and [(one.data, one.code)] == first]
    if not found:
        return ""
    rates = [one.value for one in found[0].points]
    span = f"{100 * min(rates):.1f} to {share(max(rates))}"
    return f"{len(rates)} points left {span}, MESA's samples {share(found[0].left['mine'].value)}"
