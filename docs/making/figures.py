"""The findings' figures and tables, drawn by the program from the result files that it ships. Needs no torch.

Figures are pages of their own in frames; plotly's script lies beside them once.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from making.commands import told
from mesa_core import triggers
from mesa_core.measures.error_rates import ErrorRates
from mesa_core.measures.submodel import ReferenceLevel, Submodel
from mesa_core.paper import everything, material, verdicts
from mesa_core.paper import searched as clean_searches
from mesa_core.paper.everything import Drawn
from mesa_core.paper.material import Finding, Sweep
from mesa_core.pictures import roc, saving, trigger_maps
from mesa_core.pictures.axes import on_axes
from mesa_core.reference import record
from mesa_core.stage.export import export
from mesa_core.store import Run, error_rates, shipped
from mesa_core.words import brief

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

KINDS = ("mine", "neighbours", "particles", "flow")
WHOLE = "signs-whole-{}"  # prepared runs on one attacked network, whose exact distribution is known
LEVEL = 0.8
LEFT = "original after the repair"
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
    wanted = {"volumes": _volumes(), "kinds": _kinds(), "roc": _roc()}
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
        f"| {one.beta:g} | {_signed(one.log_volume.value)} ± {one.log_volume.error:.1f} nats | one in {_rounded(_one_in(one))} |"
        for one in _reference().levels
    ]
    return "\n".join(["| level β | log-volume | of all colour triggers |", "| --- | --- | --- |", *rows])


def searched(protocol: str) -> str:
    """How high the classes of clean networks come, as a table."""
    every = clean_searches.read(shipped.shipped_searches())
    rows = [
        f"| {one.network} | {'as shipped' if one.shipped else f'trained anew, seed {one.trained}'} | {one.seed} | "
        f"{told(brief(one.highest))} | {told(one.name)} | {one.highest.n:,} |"
        for one in sorted(every, key=lambda one: -one.highest.value)
        if one.protocol == protocol
    ]
    head = ["network", "trained", "seed of the search", "ASR of its highest class", "class", "n"]
    return "\n".join([f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *rows])


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


@functools.cache
def _reference() -> record.Record:
    """The exact distribution behind the runs of `WHOLE`."""
    one = _whole(KINDS[0])
    place = shipped.shipped_references() / f"{record.attack_key(one.run)}-{one.config.target}"
    known = record.read(place)
    if known is None:
        raise ValueError(f"The reference {place.name} cannot be read.")
    return known


def _one_in(level: ReferenceLevel) -> float:
    """Of how many colour triggers one reaches the level."""
    return math.exp(-level.log_volume.value)


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _rounded(count: float) -> str:
    """A large number with the two or three digits that count, in words where it is very large."""
    for word, size in (("billion", 1e9), ("million", 1e6)):
        if count >= size:
            return f"{float(f'{count / size:.2g}'):g} {word}"
    return f"{float(f'{count:.3g}'):,.0f}"


def _volumes() -> Drawn:
    """One trigger in how many reaches each level, with the standard error."""
    import plotly.graph_objects as go

    from mesa_core.pictures.charts import plain
    from mesa_core.pictures.thumbnails import PALETTE

    levels, one = _reference().levels, _whole(KINDS[0])
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
        f"Road signs, {one.config.victim}, code {one.config.code}; the uniform law on all 3×3 colour triggers, by nested sampling "
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


def _rates() -> ErrorRates:
    """What scans of networks of known making found and missed."""
    rates = error_rates.shipped()
    if rates is None:
        raise ValueError("The measured error rates of a scan cannot be read.")
    return rates


def _roc() -> Drawn:
    """Of attacked and of clean networks, how many a scan calls attacked as its threshold falls."""
    rates = _rates()
    note = (
        f"{len(rates.attacked)} attacked and {len(rates.clean)} clean small networks on the road signs and CIFAR-10; the whole plan "
        "of places and sizes, and Neural Cleanse with its mask by as many gradients; areas with 95 % intervals by a bootstrap over "
        "networks."
    )
    return Drawn(roc.draw(rates), note, roc.table(rates), "ROC curves of MESA's plan and of Neural Cleanse.")


def errors() -> str:
    """What a scan found of each kind of attack, as a table."""
    return _markdown(roc.table(_rates()))


def scanned() -> str:
    """The same in a sentence."""
    return _rates().words


def _kinds() -> Drawn:
    """The exact law and samples of the four kinds of sub-model on one attacked network, each trigger drawn as itself."""
    runs = {kind: _whole(kind) for kind in KINDS}
    panels: list[Mapping[str, Any] | None] = []
    rows: list[dict[str, Any]] = []
    for kind, one in runs.items():
        level, samples = one.level(LEVEL), material.samples(one)
        if level is None or samples is None:
            raise ValueError(f"The prepared run of {kind} has no samples at β = {LEVEL:g}.")
        if not panels:
            panel, row = _exact(samples, material.valid(one))
            panels.append(panel)
            rows.append(row)
        panels.append(trigger_maps.panel_of(samples, level, "pca", material.valid(one)))
        rows.append(_row(kind, one, one.levels[level]))
    figure: Figure = trigger_maps.scatter([panels], ("exact", *KINDS), [""])
    trigger_maps.bar_below(figure)
    figure.update_layout(height=300)
    one = runs[KINDS[0]]
    note = (
        f"Road signs, {one.config.victim}, code {one.config.code}; {one.config.samples} samples at β = {LEVEL:g} of the exact "
        "law and of each kind, drawn as themselves on the same two axes (PCA) and framed in the colour of their ASR; grey: the "
        "512 black-and-white triggers, larger where they work; one seed."
    )
    alt = (
        "Scatters of sampled triggers, a panel for the exact law and one for each kind of sub-model, on the same axes."
    )
    return Drawn(figure, note, rows, alt)


def _exact(samples: Mapping[str, np.ndarray], valid: np.ndarray | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The exact law at `LEVEL` as a panel on the axes of a run's samples, and as a row."""
    known = _reference()
    index, found = known.index(LEVEL), known.level(LEVEL)
    if index is None or found is None:
        raise ValueError(f"The reference has no level {LEVEL:g}.")
    own, told = known.arrays["level"] == index, found[2]
    panel = {
        "triggers": known.arrays["triggers"][own],
        "places": on_axes(samples["codes_pca"].astype(np.float64), found[0].astype(np.float64)).astype(float),
        "asr": known.arrays["asr"][own].astype(float).reshape(int(own.sum()), -1).mean(1),
        "bounds": samples["pca_bounds"],
        "ground": samples["codes_pca"],
        "valid": np.zeros(triggers.PANEL) if valid is None else valid,
    }
    return panel, _measures("the exact law", told) | {"inside the exact law": "", "modes found": "", LEFT: ""}


def _measures(name: str, level: Submodel | ReferenceLevel) -> dict[str, Any]:
    """What samples are worth by themselves."""
    row: dict[str, Any] = {"sampler": name, "mean ASR": brief(level.mean_asr)}
    row["entropy, nats"] = _signed(level.entropy.value) if level.entropy else "–"
    return row | {f"recall of triggers with ASR ≥ {LEVEL:g}": brief(level.recall.get(f"{LEVEL:g}"))}


def _row(kind: str, one: Finding, level: Submodel) -> dict[str, Any]:
    """What one kind's samples are worth beside the exact law."""
    row, beside, after = _measures(kind, level), level.reference, one.result.after["mesa"].asr
    row["inside the exact law"] = brief(beside.inside) if beside else "–"
    row["modes found"] = f"{beside.modes_found.found} of {beside.modes_found.of}" if beside else "–"
    return row | {LEFT: brief(after.original)}


def kinds() -> str:
    """The numbers behind the figure of the four kinds, as a table."""
    return _markdown(drawn()["kinds"].table)


def _markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same columns as a table."""
    lines = [f"| {' | '.join(told(str(value)) for value in row.values())} |" for row in rows]
    return "\n".join([f"| {' | '.join(rows[0])} |", "| --- " * len(rows[0]) + "|", *lines])
