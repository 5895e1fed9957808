"""The findings' figures and tables, drawn by the program from the result files that it ships. Needs no torch.

Figures are pages of their own in frames; plotly's script lies beside them once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from making.commands import told
from mesa_core.measures.submodel import ReferenceLevel, Submodel
from mesa_core.paper import everything, material, verdicts
from mesa_core.paper import searched as clean_searches
from mesa_core.paper.everything import Drawn
from mesa_core.paper.material import Finding, Sweep
from mesa_core.pictures import saving, trigger_maps
from mesa_core.reference import record
from mesa_core.stage.export import export
from mesa_core.store import Run, shipped
from mesa_core.words import brief, counted, share

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

KINDS = ("mine", "neighbours", "particles", "flow")
WHOLE = "signs-whole-{}"  # prepared runs on one attacked network, whose exact distribution is known
LEVEL = 0.8
STAGE = "signs-ring"  # the prepared run that the site plays
PART = {"fast": "", "paper": "paper-"}


@functools.cache
def found(protocol: str) -> tuple[Sequence[Finding], Sweep | None]:
    """The shipped runs of a protocol, and their largest sweep."""
    fast = [shipped.shipped_sweep(), shipped.shipped_runs(), shipped.shipped_detections()]
    runs = material.read(fast if protocol == "fast" else [shipped.shipped_paper_sweep()])
    return runs, next(iter(material.sweeps(runs)), None)


@functools.cache
def drawn() -> Mapping[str, Drawn]:
    """Every figure of the site by name. Raises ValueError where the shipped files do not suffice."""
    wanted = {"volumes": _volumes(), "kinds": _kinds()}
    asked = (("lottery", "fast"), ("figure4", "fast"), ("figure4", "paper"), ("detection", "fast"))
    for name, protocol in asked:
        one = everything.draw(name, *found(protocol))
        if one is None:
            raise ValueError(f"{name} cannot be drawn from what is shipped; it needs {everything.FIGURES[name].needs}.")
        wanted[PART[protocol] + name] = one
    return wanted


def files() -> dict[str, str | bytes]:
    """All made files of the site by name: figures, their tables, plotly's script, the stage."""
    from plotly.offline import get_plotlyjs

    made: dict[str, str | bytes] = {"figures/plotly.min.js": get_plotlyjs()}
    for name, one in drawn().items():
        page = saving.for_paper(one.figure, "").to_html(include_plotlyjs="directory", full_html=True)
        made[f"figures/{name}.html"] = page.replace("<html>", f'<html lang="en"><title>{escape(name)}</title>', 1)
        made[f"figures/{name}.csv"] = saving.csv_of(one.table)
    made["stage.html"] = export(Run(shipped.shipped_runs() / STAGE)).html
    return made


# -- what pages ask for
def framed(name: str) -> str:
    """A figure in a frame, with its caption and the way to its numbers."""
    one = drawn()[name]
    high = round(one.figure.layout.height or 450) + 20
    frame = f'<iframe class="figure" src="figures/{name}.html" title="{escape(one.alt)}" height="{high}" loading="lazy"></iframe>'
    links = f'<a href="figures/{name}.html">The figure alone</a>, <a href="figures/{name}.csv">its numbers (CSV)</a>.'
    return f"<figure>\n{frame}\n<figcaption>{escape(one.note)} {links}</figcaption>\n</figure>"


def volumes() -> str:
    """How many triggers are valid, as a table."""
    rows = [
        f"| {one.beta:g} | {one.log_volume.value:.1f} ± {one.log_volume.error:.1f} nats | one in {_rounded(_one_in(one))} |"
        for one in _reference()
    ]
    return "\n".join(["| level β | log-volume | of all colour triggers |", "| --- | --- | --- |", *rows])


def searched(protocol: str) -> str:
    """How high the classes of clean networks come."""
    return told(clean_searches.words(clean_searches.read(shipped.shipped_searches()), protocol))


def claims() -> str:
    """Every claim of the paper with what was measured and the verdict."""
    runs, sweep = found("fast")
    every = [*runs, *found("paper")[0]]
    known = verdicts.evidence(runs, sweep, material.beside(sweep, every))
    rows = everything.claim_rows(verdicts.answers(known))
    columns = ("place", "the paper", "we measured", "verdict in the paper's terms", "with another budget or network")
    lines = ["| " + " | ".join(told(str(row[column])) for column in columns) + " |" for row in rows]
    return "\n".join([f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|", *lines])


# -- figures of the site's own
def _whole(kind: str) -> Finding:
    one = material.finding(Run(shipped.shipped_runs() / WHOLE.format(kind)))
    if one is None:
        raise ValueError(f"The prepared run {WHOLE.format(kind)} cannot be read.")
    return one


def _reference() -> list[ReferenceLevel]:
    """The exact distribution behind the runs of `WHOLE`, level by level."""
    one = _whole(KINDS[0])
    place = shipped.shipped_references() / f"{record.attack_key(one.run)}-{one.config.target}"
    known = record.read(place)
    if known is None:
        raise ValueError(f"The reference {place.name} cannot be read.")
    return known.levels


def _one_in(level: ReferenceLevel) -> float:
    """Of how many colour triggers one reaches the level."""
    return math.exp(-level.log_volume.value)


def _rounded(count: float) -> str:
    """A large number with two digits that count, in words where it is very large."""
    for word, size in (("billion", 1e9), ("million", 1e6)):
        if count >= size:
            return f"{float(f'{count / size:.2g}'):g} {word}"
    return f"{float(f'{count:.2g}'):,.0f}"


def _volumes() -> Drawn:
    """One trigger in how many reaches each level, with the standard error."""
    import plotly.graph_objects as go

    from mesa_core.pictures.charts import plain
    from mesa_core.pictures.thumbnails import PALETTE

    levels, one = _reference(), _whole(KINDS[0])
    heights = [_one_in(level) for level in levels]
    ends = [(math.exp(level.log_volume.error), level) for level in levels]
    figure = go.Figure(
        go.Scatter(
            x=[f"β = {level.beta:g}" for level in levels], y=heights, mode="markers+text", textposition="middle right",
            text=[f"  one in {_rounded(height)}" for height in heights], cliponaxis=False,
            error_y={
                "type": "data", "symmetric": False, "array": [y * (e - 1) for y, (e, _) in zip(heights, ends, strict=True)],
                "arrayminus": [y * (1 - 1 / e) for y, (e, _) in zip(heights, ends, strict=True)],
            },
            marker={"color": PALETTE[0], "size": 11},
        )
    )  # fmt: skip
    figure.update_yaxes(
        type="log", title="one valid trigger in so many", range=[2, 11], dtick=1, exponentformat="power"
    )
    figure.update_xaxes(range=[-0.4, len(levels) - 0.3])
    note = (
        f"{material.what(one.config)}; the uniform law on all 3×3 colour triggers, by nested sampling "
        f"(`mesa-lab reference`), bars: one standard error."
    )
    table = [
        {"β": level.beta, "log-volume, nats": level.log_volume.value, "standard error": level.log_volume.error}
        for level in levels
    ]
    alt = (
        "Of how many triggers one is valid, for each level β, on a logarithmic scale; the table beside has the numbers."
    )
    return Drawn(plain(figure, 340, legend=False), note.replace("`", ""), table, alt)


def _kinds() -> Drawn:
    """Samples of the four kinds of sub-model on one attacked network, each trigger drawn as itself."""
    runs = {kind: _whole(kind) for kind in KINDS}
    panels: list[Mapping[str, Any] | None] = []
    rows: list[dict[str, Any]] = []
    for kind, one in runs.items():
        level, samples = one.level(LEVEL), material.samples(one)
        if level is None or samples is None:
            raise ValueError(f"The prepared run of {kind} has no samples at β = {LEVEL:g}.")
        panels.append(trigger_maps.panel_of(samples, level, "pca", material.valid(one)))
        rows.append(_row(kind, one, one.levels[level]))
    figure: Figure = trigger_maps.scatter([panels], KINDS, [f"β = {LEVEL:g}"])
    trigger_maps.bar_below(figure)
    one = runs[KINDS[0]]
    note = material.note(
        list(runs.values()),
        f"{one.config.samples} samples of each kind at β = {LEVEL:g}, drawn as themselves on the same axes and framed in the "
        f"colour of their ASR; grey: the 512 black-and-white triggers, larger where they work",
    )
    alt = "Scatters of sampled triggers, a panel for each kind of sub-model, on the same axes."
    return Drawn(figure, note, rows, alt)


def _row(kind: str, one: Finding, level: Submodel) -> dict[str, Any]:
    """What one kind's samples are worth beside the exact distribution."""
    after = one.result.after["mesa"].asr
    row: dict[str, Any] = {"kind": kind, "mean ASR of its samples": brief(level.mean_asr)}
    row["recall of triggers with ASR ≥ 0.8"] = counted(level.recall.get("0.8"))
    if level.reference is not None:
        modes = level.reference.modes_found
        row |= {
            "inside the exact distribution": brief(level.reference.inside),
            "modes found": f"{modes.found} of {modes.of}",
        }
    return row | {"ASR of the original after the repair": share(after.original) if after else "–"}


def kinds() -> str:
    """The numbers behind the figure of the four kinds, as a table."""
    rows = drawn()["kinds"].table
    lines = [f"| {' | '.join(told(str(value)) for value in row.values())} |" for row in rows]
    return "\n".join([f"| {' | '.join(rows[0])} |", "| --- " * len(rows[0]) + "|", *lines])
