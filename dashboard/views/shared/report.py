"""One self-contained HTML page about a finished run: what was asked, what came of it, and how to repeat it.

No script, no font, no address of anything outside; figures are inline SVG. All text of the run is escaped, since a
run may be foreign.
"""

from __future__ import annotations

from html import escape

import numpy as np

from dashboard.serving import runs
from dashboard.views.shared import place_maps
from mesa_core import triggers
from mesa_core.cli.repeat import command_of
from mesa_core.config import ExperimentConfig, make_config
from mesa_core.config.placing import covers
from mesa_core.data.sources import classes_of
from mesa_core.measures import breadth
from mesa_core.measures.conclusion import CANNOT, conclusion, coverage
from mesa_core.measures.intervals import Measured
from mesa_core.measures.mapped import BEST, ORIGINAL
from mesa_core.measures.submodel import Submodel
from mesa_core.pictures import charts, thumbnails
from mesa_core.pictures.orders import usual
from mesa_core.store import Run, StoreError
from mesa_core.store.error_rates import worth
from mesa_core.store.results import Result
from mesa_core.words import counted, duration, named

SHAPED = (
    " Its transparent cells leave the image as it is. Whoever defends knows nothing of that: what is sampled, and the 512 "
    "black-and-white triggers, are full squares."
)
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b2330; background: #fff; max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #d5dae1; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } th, td { text-align: left; padding: 4px 8px; border-bottom: 1px solid #e3e7ec; vertical-align: middle; }
th { font-weight: 600; } td + td, th + th { white-space: nowrap; } .note { color: #4a5565; font-size: 13px; }
pre { background: #f2f4f7; padding: 10px; white-space: pre-wrap; overflow-wrap: anywhere; }
.side { display: flex; flex-wrap: wrap; gap: 20px; } .side > * { flex: 1 1 420px; min-width: 0; }
.modes { display: flex; flex-wrap: wrap; gap: 14px; } .mode { font-size: 13px; width: 150px; }
small { color: #4a5565; } @media print { body { max-width: none; margin: 0; font-size: 11px; } }
.bar { display: inline-block; width: 150px; height: 11px; vertical-align: middle;
  background: linear-gradient(90deg, #440154, #3b528b, #21918c, #5ec962, #fde725); }
"""


def html(run: Run) -> str:
    """The page. StoreError, in one sentence, for a run that is not finished or cannot be read."""
    result, config = runs.result(run), runs.config(run)
    if result is None:
        raise StoreError(f"{run.name} has not finished, so there is no report yet.")
    parts = [
        f"<h1>MESA Lab: {escape(run.name)}</h1>",
        f"<p>{escape(asked(config, result))}</p>",
        f"<p><strong>{escape(found(result))}</strong></p>",
        _searched(result),
        _judged(result),
        _places(run, result),
        "<h2>Before and after</h2>",
        _defences(result),
        "<h2>Sub-models</h2>",
        _submodels(result),
        _breadth(runs.levels(run)),
        "<h2>Modes of the sampled triggers</h2>",
        _modes(result),
        f"<h2>{_panel(config)}</h2>",
        _landscape(run),
        "<h2>How to repeat it</h2>",
        _repeat(config, result),
    ]
    title = escape(f"MESA Lab report: {run.name}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _panel(config: ExperimentConfig) -> str:
    """'All 512 black-and-white triggers', or what stands for all of a larger size."""
    if triggers.drawn(config.size):
        return f"{triggers.of_panel(config.size)} black-and-white {triggers.sized(config.size)} triggers"
    return "All 512 black-and-white triggers"


def asked(c: ExperimentConfig, result: Result) -> str:
    """What the run was asked, in plain words."""
    classes = result.data.classes or classes_of(c.data)
    what = triggers.describe(triggers.from_hex(c.trigger))
    target = f"class {c.target}" + (f" ({classes[c.target]})" if c.target < len(classes) else "")
    levels = ", ".join(f"{b:g}" for b in c.beta)
    if c.suspect:
        first = f"A network of the kind {c.victim} that somebody brought was examined on {c.data}."
    else:
        first = (
            f"On {c.data}, a clean {c.victim} was attacked with one trigger ({what}), so that it answers {target} wherever it "
            "sees it." + (SHAPED if triggers.mask_of(c.trigger) is not None else "")
        )
    opacities = (
        "" if c.cell == triggers.COLOURS else " An opacity was sampled for each pixel, together with its colour."
    )
    told = "was told the target class" if result.target_known else "looked for the target class first"
    return (
        f"{first} The defender, who {told}, sampled the triggers that the network had come to accept with MESA "
        f"(α = {c.alpha:g}, sub-models of the kind {c.kind} for β = {levels}, {c.mesa_steps} steps) and retrained the network to "
        f"forget them.{opacities} Protocol {c.protocol}, seed {c.seed}. All figures come from images that no defence trained on."
    )


def found(result: Result) -> str:
    """The answer in a sentence or two."""
    before, after = result.before, result.after
    was = before.asr.original
    if "mesa" not in after:
        return "Nothing was repaired: there was no backdoor to repair, or none was found."
    now = after["mesa"]
    told = (
        f"The planted trigger succeeded on {counted(was)}; after MESA's repair on {counted(now.asr.original)}. "
        if was
        else ""
    )
    if before.asr.worst and now.asr.worst:
        panel = _panel(make_config(result.config))
        told += f"The worst of {panel[0].lower() + panel[1:]}: {counted(before.asr.worst)} before, {counted(now.asr.worst)} after. "
    if "control" in after and was:
        told += f"Retraining without any trigger leaves the planted one at {counted(after['control'].asr.original)}. "
    return told + f"Clean accuracy: {counted(before.clean_accuracy)} before, {counted(now.clean_accuracy)} after."


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Cells are text; of a share, interval and n go under it."""

    def cell(text: str) -> str:
        value, bracket, rest = escape(text).partition(" % (")
        return f"{value} %<br><small>({rest}</small>" if bracket and rest.count(", n = ") == 1 else escape(text)

    top = "".join(f'<th scope="col">{escape(h)}</th>' for h in head)
    body = "".join("<tr>" + "".join(f"<td>{cell(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _searched(result: Result) -> str:
    """The verdict on every class, the strongest first; '' where the target was known."""
    verdict = result.detection
    if verdict is None:
        return ""
    name = next((c.name for c in verdict.classes if c.number == verdict.target), "")
    said = "No class looks attacked."
    if verdict.target is not None:
        said = f"Class {verdict.target} ({name}) looks attacked."
    elif verdict.found:
        said = "Every class looks attacked, one by one."
    config = make_config(result.config)
    more = [conclusion(verdict, covers(config), worth=worth(config)), coverage(verdict, covers(config))]
    more += [part.words for part in (verdict.places, verdict.sizes) if part is not None]
    why = " ".join([
        *map(escape, more),
        f"A class looks attacked where the triggers found for it have an effective ASR above {verdict.threshold:.0%}.",
        CANNOT,
    ])  # fmt: skip
    order = sorted(verdict.classes, key=lambda c: -c.rate.value)
    rows = [[f"{c.number} ({c.name})", counted(c.effective_asr), counted(c.asr)] for c in order]
    return f"<h2>Every class, searched</h2><p><strong>{escape(said)}</strong> {why}</p>" + _table(
        ["class", "effective ASR of its triggers", "ASR"], rows
    )


def _places(run: Run, result: Result) -> str:
    """Where the original and the best sample work, as maps; '' where the run has none."""
    parts = []
    for trigger in (ORIGINAL, BEST):
        found = place_maps.drawn(run, result, trigger)
        if found is not None and result.places is not None:
            picture, lines = found
            title = place_maps.TRIGGERS[trigger].capitalize()
            parts.append(
                f'<h3>{title}</h3>{picture}<p class="note">{escape(place_maps.caption(result.places, lines))}</p>'
            )
    return f"<h2>Where the triggers work</h2>{''.join(parts)}" if parts else ""


def _judged(result: Result) -> str:
    """What the repair says of itself, round by round; '' where it did not judge itself."""
    if result.judged is None:
        return ""
    rows = [
        [str(i), str(one.steps), "; ".join(counted(m) for m in one.effective_asr)]
        for i, one in enumerate(result.judged.rounds, 1)
    ]
    head = ["round", "steps of repair", "effective ASR of MESA's triggers after it, each level (the defender's images)"]
    return f"<h2>Does the repair hold?</h2><p><strong>{escape(result.judged.words)}</strong></p>" + _table(head, rows)


def _defences(result: Result) -> str:
    rows = []
    for name, e in charts.evaluations(result).items():
        cells = (e.asr.original, e.effective_asr.original, e.asr.sampled, e.asr.worst)
        rows.append([named(name), *map(counted, (*cells, e.clean_accuracy, e.target_accuracy))])
    head = [
        "",
        "ASR of the original",
        "effective ASR",
        "ASR of the samples",
        f"worst of {triggers.of_panel(triggers.size_of(result.config['trigger']))}",
        "clean accuracy",
        "target class",
    ]
    return (
        _table(head, rows)
        + '<p class="note">In brackets 95 % intervals. ASR: of images of other classes, the share that goes to the target class once '
        "stamped. Effective: without images that go there anyway. Worst of 512: half of the images selects the most successful "
        "of 512 black-and-white triggers, the other half measures it. Oracle: knows what a defender cannot. Control: clean images alone.</p>"
    )


def _submodels(result: Result) -> str:
    if not result.submodels:
        return "<p>None were trained.</p>"
    entries: list[tuple[str, charts.Covering, Measured | None]] = [
        (f"β = {one.beta:g}" + ("" if one.kept else " (skipped)"), one, one.mean_asr) for one in result.submodels
    ]
    entries.append(("mixture", result, result.before.asr.sampled))
    entries += [
        (f"exact distribution, β = {one.beta:g}", one.reference, None) for one in result.submodels if one.reference
    ]
    if noise := result.uniform_noise:
        entries.append(("uniform noise", noise, noise.mean_asr))
    levels, rows = list(entries[0][1].precision), []
    for name, one, mean in entries:
        rows.append(
            [name, counted(mean), *(counted(found.get(v)) for found in (one.recall, one.precision) for v in levels)]
        )
    head = ["", "mean ASR of samples", *(f"{w} ≥ {v}" for w in ("recall", "precision") for v in levels)]
    return (
        _table(head, rows)
        + '<p class="note">Recall: of the black-and-white triggers that reach the level, the share to which a sample rounds that '
        "reaches it, too. Precision: of the samples, the share that reaches it. Uniform noise is what any defender has.</p>"
    )


def _breadth(levels: list[Submodel]) -> str:
    """How wide each level's samples lie, and how they nest."""
    if not levels:
        return ""
    rows = [[f"β = {one.beta:g}", *breadth.columns(one).values()] for one in levels]
    words = breadth.WORDS.replace("*", "")
    return _table(["", *breadth.COLUMNS], rows) + f'<p class="note">{escape(words)}</p>'


def _modes(result: Result) -> str:
    shown = []
    for one in result.submodels:
        for mode in one.modes:
            picture = thumbnails.trigger_svg(mode.pixels, 72, f"A mode at level {one.beta:g}")
            shown.append(
                f'<div class="mode">{picture}<br>β = {one.beta:g}, {mode.share:.0%} of the samples<br>'
                f"ASR {escape(counted(mode.asr))}<br>after repair: {escape(counted(mode.asr_after))}</div>"
            )
    if not shown:
        return "<p>The samples form no clusters.</p>"
    return f'<div class="modes">{"".join(shown)}</div><p class="note">Each picture is the medoid of a cluster of similar samples.</p>'


def _landscape(run: Run) -> str:
    found = runs.maps(run)
    if found.before is None:
        return "<p>This run has no map of them.</p>"
    groups, drawn = usual(found.before, found.size), []
    for asr, title in ((found.before, "After the attack"), (found.after, "After MESA's repair")):
        if asr is not None:
            many = ", ".join(f"{int((asr >= level).sum())} reach {level:.0%}" for level in (0.5, 0.8, 0.9))
            picture = thumbnails.map_svg(asr, groups, f"{title}: {many}", size=found.size)
            drawn.append(f"<div><strong>{title}</strong><br>{many}.{picture}</div>")
    order = "families of equal shape together, the most successful family first."
    if triggers.drawn(found.size):
        order = f"the most successful first. {triggers.too_many(found.size)}"
    missing = "" if found.after is not None else '<p class="note">There is no map after the repair in this run.</p>'
    return (
        f'<div class="side">{"".join(drawn)}</div><p class="note">ASR 0 % <span class="bar"></span> 100 %, n = {found.n} images a '
        f"trigger; {order}</p>{missing}"
    )


def _repeat(config: ExperimentConfig, result: Result) -> str:
    facts = {**result.hardware, **{f"version of {k}": v for k, v in result.versions.items()}}
    seconds = sum(v for v in result.timings.values() if np.isfinite(v))
    reused = ", ".join(str(name) for name in result.reused)
    rows = [[str(k), str(v)] for k, v in facts.items()] + [["seed", str(result.seed)]]
    rows += [["time of all stages", duration(seconds)]] + ([["stages found in the store", reused]] if reused else [])
    return (
        f"<pre>{escape(command_of(config))}</pre>"
        '<p class="note">Exactly equal figures need the same data, settings and kind of machine; others come close.</p>'
        + _table(["what computed it", ""], rows)
    )
