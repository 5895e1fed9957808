"""Finished runs made slim, to be shipped: everything that a page, a figure or a table reads, and no more.

A compact run is a run directory like any other, without weights, with few snapshots, thin curves, and no path of the
machine that made it. A folder of them has a manifest.json, a list with one entry a run: its name, code, settings,
seeds, `before`, `after` and `after_by_beta` as in result.json, and a digest of its files. A run that stands there
counts as done (`done`), whatever became of its victim. Needs no torch.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mesa_core import events as ev
from mesa_core.config import ConfigError, make_config
from mesa_core.config.identity import PATHS, identity_of
from mesa_core.disk.errors import StoreError, naming
from mesa_core.disk.files import read_json, write_arrays, write_atomically
from mesa_core.disk.owned import Exchange, check_out, digest_of
from mesa_core.disk.plain import plain
from mesa_core.store.runs import NAME, Run

MANIFEST = "manifest.json"
LARGEST = 190_000  # bytes of one compact run; snapshots are left out until it fits
MOST_SNAPSHOTS = 8
WHOLE = ("axes.npz", "samples.npz", "landscape-after.npz", "detect.npz", "places.npz")  # kept as they are
POINTS = {"mesa": 50}  # of a stage's curve
OTHER_POINTS = 12
ENTRY = ("name", "code", "config", "seeds", "before", "after", "digest")


# -- one run
def compact(run: Run, out: Path) -> Path:
    """Write the slim form of a finished run into the folder `out`, whole or not at all; returns its folder.

    One of the same name that the manifest there lists is replaced. Raises StoreError where the run has not finished or
    cannot be read, and where something else has its name.
    """
    with Exchange(out) as exchange:
        small = _slim(run, exchange.staging / run.name)
        _require_own(out, run.name, manifest(out), small)
        exchange.replace(run.name)
    return out / run.name


def _slim(run: Run, place: Path) -> Path:
    """The slim form of a finished run in a new folder."""
    result = _result(run)
    place.mkdir()
    small = Run(place)
    small.write_config(scrubbed(run.config()), run.resolved())
    _write(place / "result.json", {**result, "config": scrubbed(result["config"])})
    for file in WHOLE:
        if (run.path / "snapshots" / file).is_file():
            small.write_arrays(file, run.read_arrays(file))
    events = _events(run)
    for count in range(MOST_SNAPSHOTS, 0, -1):
        _thin(run, small, events, count)
        if size_of(place) <= LARGEST:
            break
    for path in (place, *place.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # temporary files are their maker's alone
    return place


def _result(run: Run) -> dict[str, Any]:
    result = run.result()
    if result is None:
        raise StoreError(f"{run.name} is {run.state()}; only finished runs can be collected.")
    if not isinstance(result.get("config"), dict):
        raise StoreError(f"result.json of {run.name} does not hold a result.")
    return result


def _require_own(out: Path, name: str, entries: Iterable[Mapping[str, Any]], new: Path | None) -> None:
    """StoreError unless `out/name` is free, or what the manifest says of it, or the same as `new`, which a killed one put."""
    place = out / name
    if not os.path.lexists(place):
        return
    with naming(place):
        there = digest_of(place)
        if there is None or there not in (*(e["digest"] for e in entries if e["name"] == name), new and digest(new)):
            raise StoreError(
                f"{plain(str(place))} holds files that were not collected there; move that folder away first."
            )


def scrubbed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without places on this machine: of a weights file only its name remains."""
    files = {k: Path(v).name if k in PATHS and isinstance(v, str) else v for k, v in config.items()}
    own = files.get("data") == "folder"  # whose settings make no sense without the folder's name
    return files | ({"data_dir": ""} if "data_dir" in files and not own else {})


def _events(run: Run) -> list[tuple[int, ev.Event]]:
    """Every event with its number, but for what tells of stops, failures and this machine."""
    own = [str(run.path.parent.parent), *(str(run.config().get(name, "")) for name in PATHS)]
    own = [path for path in own if "/" in path or "\\" in path]
    found: list[tuple[int, ev.Event]] = []
    for n, event in run.events():
        private = isinstance(event, ev.Note) and any(path in event.text for path in own)
        if not isinstance(event, (ev.Failed, ev.Stopped)) and not private:
            found.append((n, event))
    return found


def _thin(run: Run, small: Run, events: Sequence[tuple[int, ev.Event]], count: int) -> None:
    """Write `count` of the snapshots, and the events that remain with them."""
    shots = {event.file: n for n, event in events if isinstance(event, ev.Snapshot)}
    files = [file for file in shots if (run.path / "snapshots" / file).is_file()]
    # More of the beginning, when dots move most: equal steps of the square root, the first and the last among them.
    chosen = {files[round((i / max(1, count - 1)) ** 2 * (len(files) - 1))] for i in range(count)} if files else set()
    for old in (small.path / "snapshots").glob("snapshot-*.npz"):
        old.unlink()
    for file in chosen:
        arrays = run.read_arrays(file)
        # Half precision moves a dot by less than a thousandth of the picture.
        halved = {k: v.astype(np.float16) if k in ("pca", "tsne") else v for k, v in arrays.items()}
        write_arrays(small.path / "snapshots" / file, halved)
    kept = {shots[file] for file in chosen} | _progress(events)
    lines = []
    for n, event in events:
        if n in kept or not isinstance(event, (ev.Snapshot, ev.Progress)):
            lines.append(json.dumps({"n": n, **_short(event)}, separators=(",", ":"), allow_nan=False))
    write_atomically(small.path / "events.jsonl", ("\n".join(lines) + "\n").encode())


def _progress(events: Sequence[tuple[int, ev.Event]]) -> set[int]:
    """The numbers of the progress events that keep each stage's curve its shape: evenly chosen, both ends among them."""
    stages: dict[str, list[int]] = {}
    for n, event in events:
        if isinstance(event, ev.Progress) and event.metrics:
            stages.setdefault(event.stage, []).append(n)
    kept: set[int] = set()
    for stage, numbers in stages.items():
        most = POINTS.get(stage, OTHER_POINTS)
        kept |= {numbers[round(i)] for i in np.linspace(0, len(numbers) - 1, min(most, len(numbers)))}
    return kept


def _short(event: ev.Event) -> dict[str, Any]:
    """An event for a file, its metrics with four digits, and without the time to go."""
    value = ev.to_json(event)
    if isinstance(event, ev.Progress):
        value.pop("left")
        value["metrics"] = {name: float(f"{number:.4g}") for name, number in event.metrics.items()}
    return value


def size_of(folder: Path) -> int:
    """Bytes of all its files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of a compact run. StoreError where it is not made of files."""
    found = digest_of(folder)
    if found is None:
        raise StoreError(f"{folder.name} is not a folder of plain files, or larger than a collected run.")
    return found


# -- a folder of them
def manifest(folder: Path) -> list[dict[str, Any]]:
    """The entries of a folder's manifest, by code; [] where there is none. StoreError where it is damaged."""
    path = folder / MANIFEST
    if not path.exists():
        return []
    found = read_json(path)
    if not isinstance(found, list) or not all(map(_is_entry, found)):
        raise StoreError(f"{MANIFEST} of {folder.name} is not a list of collected runs.")
    return found


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or any(name not in entry for name in ENTRY):
        return False
    parts = all(isinstance(entry[name] or {}, dict) for name in ("config", "before", "after"))
    return parts and isinstance(entry["name"], str) and bool(NAME.fullmatch(entry["name"]))


def collect(found: Iterable[Run], folder: Path, home: Path | None = None) -> list[str]:
    """Put finished runs into `folder` and its manifest, all of them or none; returns their names.

    A run that asks what another one there asks takes its place. Raises StoreError where a run has not finished, where
    one of its name is there that asks something else, where anything is in the way that was not collected there, and
    where `folder` is a file or in the store (`home`, and where the runs lie).
    """
    runs = list(dict.fromkeys(found))
    check_out(folder, *{run.path.parent.parent for run in runs}, *([home] if home else []))
    first = entries = manifest(folder)
    for run in runs:  # all that can be known before work starts
        _result(run)
        _displaced(run, entries)
    with Exchange(folder, {entry["name"] for entry in first}.__contains__) as exchange:
        gone: set[str] = set()
        for run in runs:
            old = _displaced(run, entries)
            small = _slim(run, exchange.staging / run.name)
            _require_own(folder, run.name, first, small)
            for name in old - {run.name}:
                _require_own(folder, name, first, None)
            gone |= old
            entries = [*(one for one in entries if one["name"] not in old), entry_of(small)]
        if manifest(folder) != first:
            raise StoreError(f"Another process has just collected into {plain(str(folder))}; try again.")
        kept = {entry["name"] for entry in entries}
        for name in sorted((gone | {run.name for run in runs}) - kept):
            exchange.replace(name, new=False)
        for run in runs:
            if run.name in kept:
                exchange.replace(run.name)
        write_manifest(folder, entries)
    return [run.name for run in runs]


def _displaced(run: Run, entries: Iterable[Mapping[str, Any]]) -> set[str]:
    """Names of the entries whose place a run takes. StoreError where its name stands for another question."""
    asked = key(run.config())
    alike = {entry["name"] for entry in entries if key(entry["config"]) == asked}
    if any(entry["name"] == run.name for entry in entries) and run.name not in alike:
        raise StoreError(f"There is another run {run.name!r} there, which asks something else.")
    return alike


def entry_of(folder: Path) -> dict[str, Any]:
    """The manifest's entry of a compact run."""
    run = Run(folder)
    result, config = _result(run), run.config()
    parts = {name: result.get(name) for name in ("before", "after", "after_by_beta")}
    return {
        "name": run.name, "code": make_config(config).code, "config": config, "seeds": [config["seed"]], **parts,
        "digest": digest(folder),
    }  # fmt: skip


def write_manifest(folder: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Sorted by code and seed, one entry a line, so that a later one changes one line; atomically."""

    def place(entry: Mapping[str, Any]) -> tuple[Any, ...]:
        code = entry["code"]
        return (code is None, code or 0, entry["seeds"], entry["name"])

    lines = [json.dumps(entry, separators=(",", ":"), allow_nan=False) for entry in sorted(entries, key=place)]
    write_atomically(folder / MANIFEST, ("[\n" + ",\n".join(lines) + "\n]\n").encode(), 0o644)


def _write(path: Path, value: Any) -> None:
    write_atomically(path, (json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n").encode())


# -- what is done
def key(config: Mapping[str, Any]) -> str:
    """What a run asked, as text: equal for two runs that should have the same figures."""
    return json.dumps(identity_of(make_config(config)), sort_keys=True)


def done(folder: Path) -> set[str]:
    """The keys (see `key`) of all runs that stand in a folder's manifest and whose files are there."""
    found = set()
    for entry in manifest(folder):
        with contextlib.suppress(ConfigError):
            if (folder / entry["name"] / "result.json").is_file():
                found.add(key(entry["config"]))
    return found
