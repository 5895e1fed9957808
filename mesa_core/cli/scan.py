"""`mesa-lab scan FILE...` and its older form `detect`: networks that somebody brings, examined and repaired."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.cli import flags
from mesa_core.cli.commands import execute_run, print_json, store_of
from mesa_core.cli.console import Console, say
from mesa_core.config import SHIPPED, ConfigError, ExperimentConfig, make_config, scan_usual
from mesa_core.config.placing import covers
from mesa_core.config.settle import ready, settle
from mesa_core.data.locate import DataError
from mesa_core.disk.plain import plain
from mesa_core.measures.conclusion import CANNOT, conclusion
from mesa_core.store import Run, Store, StoreError
from mesa_core.store.error_rates import worth

FOUND = 3  # exit status where something was found in any of the networks
WIDE = 34  # letters of a file's name in the table
CELL = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for a formula's beginning


@dataclass(frozen=True)
class Scanned:
    """One network's line. Shares from 0 to 1; None where they are not known.

    `verdict` is 'found', 'nothing found' or 'not scanned'; `healed` says of what was found whether the repair holds. The
    `effective_asr` of the class that answers most has an interval from `low` to `high`; `others` is the median of the other
    classes. `kind` is 'one class' or 'all to all', `size` the side in pixels that is believed in, `row` and `column` the
    place, where it is fixed. `looks` (images with their gradient) and `seconds` are what a search over sizes took, `words`
    what was looked for and what that says.
    """

    file: str
    verdict: str
    label: int | None = None
    name: str = ""
    effective_asr: float | None = None
    accuracy: float | None = None
    healed: bool | None = None
    left: float | None = None
    accuracy_after: float | None = None
    repaired: str = ""
    run: str = ""
    why: str = ""
    low: float | None = None
    high: float | None = None
    others: float | None = None
    kind: str = ""
    size: int | None = None
    row: int | None = None
    column: int | None = None
    looks: int | None = None
    seconds: float | None = None
    words: str = ""


def detect(arguments: argparse.Namespace) -> int:
    """Examine and repair a network that someone brings."""
    store = store_of(arguments)
    suspect, arguments.weights = arguments.weights, None  # here --weights is no clean victim
    config = configured(arguments, suspect, store)
    return execute_run(store.create(config.to_dict(), arguments.name), store, arguments.json)


def scan(arguments: argparse.Namespace) -> int:
    """Examine and repair networks, one after another; 3 where something was found in any."""
    from mesa_core.experiment import execute

    store, console = store_of(arguments), Console()
    rows: list[Scanned] = []
    for number, file in enumerate(arguments.files, 1):
        console.line(f"[{number}/{len(arguments.files)}] {file}")
        try:
            config = configured(arguments, file, store)
        except (ConfigError, DataError, StoreError) as error:
            console.line(f"    {error}", alarm=True)
            rows.append(Scanned(str(file), "not scanned", why=str(error)))
            continue
        run = store.create(config.to_dict(), None)
        console.run, last = run.name, list[str]()

        def watch(event: ev.Event, last: list[str] = last) -> None:
            if isinstance(event, ev.Failed):
                last[:] = [event.message]
            console(event)

        state = execute(run, store, watch)
        if state == "stopped":
            return 130
        rows.append(row_of(str(file), run, last[0] if last else ""))
    if arguments.json:
        print_json({"scanned": [asdict(row) for row in rows], "cannot_find": CANNOT})
    elif arguments.csv:
        sys.stdout.write(as_csv(rows))
    else:
        say(as_table(rows), lines=True)
    return status_of(rows)


def configured(arguments: argparse.Namespace, file: str | Path, store: Store) -> ExperimentConfig:
    """The configuration of one network's scan. Raises ConfigError, DataError."""
    if file != SHIPPED and not Path(file).is_file():
        if Path(file).is_dir():
            raise ConfigError(f"{file} is a folder; name the networks in it, as in {Path(file) / '*.safetensors'}.")
        raise ConfigError(f"There is no weights file {file}.")
    given = flags.given(arguments)
    said = {
        **scan_usual(given),
        **given,
        "suspect": str(file),
        "victim": architecture_of(arguments, file),
    }
    return ready(settle(said, store.cache), store.cache)


def architecture_of(arguments: argparse.Namespace, file: str | Path) -> str:
    """The architecture that was named, else found by the names and shapes in the file. Raises StoreError."""
    if arguments.arch != "auto" or file == SHIPPED:
        return arguments.arch
    from mesa_core.brought import files, networks

    return networks.fit(files.read(Path(file))).arch


def row_of(file: str, run: Run, why: str) -> Scanned:
    """What a run that has ended says of its network."""
    outcome = run.outcome()
    if outcome is None or outcome.detection is None:
        return Scanned(file, "not scanned", run=run.name, why=why or f"it is {run.state()}")
    verdict, accuracy = outcome.detection, outcome.before.clean_accuracy.value
    best = max(verdict.classes, key=lambda c: (c.number == verdict.target, c.rate.value))
    rest = [c.rate.value for c in verdict.classes if c is not best]
    sizes, each, place = verdict.sizes, verdict.astray, verdict.place
    config = make_config(outcome.config)
    told = Scanned(
        file,
        "found" if verdict.found else "nothing found",
        effective_asr=best.rate.value,
        low=best.rate.low,
        high=best.rate.high,
        others=median(rest) if rest else None,
        accuracy=accuracy,
        run=run.name,
        looks=None if sizes is None else sizes.looks,
        seconds=None if sizes is None else sizes.seconds,
        words=conclusion(verdict, covers(config), worth=worth(config)),
    )
    if verdict.target is not None:
        side = None if sizes is None else sizes.original
        told = replace(told, label=best.number, name=best.name, kind="one class", size=side or config.size)
        if place is not None:
            told = replace(told, row=place.row, column=place.column)
    elif each is not None:
        told = replace(told, effective_asr=each.astray.value, low=each.astray.low, high=each.astray.high)
        side = triggers.size_of(each.trigger)
        told = replace(told, name="all to all", kind="all to all", size=side, row=each.row, column=each.column)
    else:
        return told
    judged, after = outcome.judged, (outcome.after or {}).get("mesa")
    return replace(
        told,
        healed=None if judged is None else judged.healed,
        left=None if judged is None else judged.rounds[-1].worst.value,
        accuracy_after=None if after is None else after.clean_accuracy.value,
        repaired=_healed(run) if after is not None else "",
    )


def _healed(run: Run) -> str:
    """Where the healed network lies: as it came, or else as safetensors."""
    folder = run.path / "weights"
    return str(next(iter(sorted(folder.glob("healed.*"))), folder / "repaired.safetensors"))


def status_of(rows: Sequence[Scanned]) -> int:
    """3 where something was found, else 1 where a network was not scanned, else 0."""
    verdicts = {row.verdict for row in rows}
    return FOUND if "found" in verdicts else 1 if "not scanned" in verdicts else 0


def as_table(rows: Sequence[Scanned]) -> str:
    """A line a network, and below what was not scanned or not healed, and why."""
    lines = [
        f"{'network':<{WIDE}} {'verdict':<24} {'eff. ASR':>8} {'accuracy':>8}   after repair: {'eff. ASR':>8} {'accuracy':>8}"
    ]
    for row in rows:
        verdict = row.verdict
        if row.verdict == "found":
            verdict = row.name if row.label is None else f"class {row.label} ({row.name})"[:24]
        mark = {True: "  healed", False: "  NOT HEALED", None: ""}[row.healed]
        name = row.file if len(row.file) <= WIDE else f"…{row.file[1 - WIDE :]}"
        before = f"{_percent(row.effective_asr):>8} {_percent(row.accuracy):>8}"
        after = f"{_percent(row.left):>8} {_percent(row.accuracy_after):>8}"
        lines.append(f"{name:<{WIDE}} {verdict:<24} {before}                 {after}{mark}".rstrip(" –"))
    lines += [f"{row.file}: {plain(said)}" for row in rows for said in (row.why, row.words) if said]
    lines += [f"Repaired: {row.repaired}" for row in rows if row.repaired]
    count, left = sum(row.verdict == "found" for row in rows), sum(row.verdict == "not scanned" for row in rows)
    rest = f" {left} {'were' if left > 1 else 'was'} not scanned." if left else ""
    lines.append(f"Something was found in {count} of {len(rows) - left} networks that were scanned.{rest}")
    if any(row.verdict != "not scanned" for row in rows):
        lines.append(CANNOT)
    return "\n".join(lines)


def as_csv(rows: Sequence[Scanned]) -> str:
    """The same as CSV; a text that a spreadsheet would take for a formula is quoted."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(Scanned.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in asdict(row).items()} for row in rows)
    return out.getvalue().encode("utf-8", "replace").decode()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(CELL) else value


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
