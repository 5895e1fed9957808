"""Stages of an experiment: each result is kept under a complete key and found again; requests are obeyed in between.

A key is the digest of everything that influenced a result: the stage's parameters, seed and code version, the
resolved settings, the data's fingerprint and the keys of earlier stages. A result is written to a temporary folder
and renamed, with the digest of every file, which is checked on reading; a damaged one is made again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from mesa_core import events as ev
from mesa_core.disk.archives import MOST_ARRAYS, read_safetensors
from mesa_core.disk.files import read_json, write_atomically, write_json
from mesa_core.disk.untrusted import MIB, digest, read_bytes
from mesa_core.keys import key_of
from mesa_core.store import Run, Store

REPLAYED = (ev.Axes, ev.Snapshot, ev.Mark, ev.Evaluated, ev.Submodels, ev.Note)  # told again when a result is reused
MOST_TENSORS = 512 * MIB  # bytes of what a stage keeps
PATIENCE = 60.0  # seconds a pause may hold the process; after that the run stops and can be resumed


class StopRequested(Exception):
    """Somebody asked the run to stop, or paused it for long."""


@dataclass(frozen=True)
class Output:
    """What a stage made."""

    key: str
    value: dict[str, Any]
    tensors: dict[str, Tensor]


@dataclass
class Scribe:
    """What a stage's body may write besides its value: arrays in the run directory."""

    run: Run
    files: list[str] = field(default_factory=list)

    def save(self, file: str, arrays: Mapping[str, np.ndarray]) -> None:
        self.run.write_arrays(file, arrays)
        self.files.append(file)


Body = Callable[[Scribe], Iterator[ev.Event]]
"""Yields events, returns (value, tensors)."""


class Stages:
    """Runs the stages of one run, one after another."""

    def __init__(self, run: Run, store: Store, count: int, between: Callable[[], Any] | None = None) -> None:
        self.run, self.store, self.count, self.index = run, store, count, 0
        self.between = between or (lambda: None)  # small work for others, done between two steps
        self.timings: dict[str, float] = {}
        self.reused: list[str] = []
        self.answered = ""  # a request made before this start counts; whoever resumes a run asks it to run first
        self.paused = False
        self.stepping = False

    def stage(
        self, name: str, label: str, recipe: Mapping[str, Any], body: Body, keep: bool = True
    ) -> Iterator[ev.Event]:
        """Yield a stage's events and return its `Output`; found again under the same recipe if `keep`."""
        key, began = key_of({"stage": name, **recipe}), time.monotonic()
        yield ev.StageBegun(name, self.index, self.count, label)
        self.index += 1
        found = self._read(name, key) if keep else None
        if found is not None:
            output, replayed, seconds = found
            yield from replayed
            self.timings[name] = seconds
            self.reused.append(name)
            yield ev.StageDone(name, round(time.monotonic() - began, 3), key, True)
            return output
        scribe, told = Scribe(self.run), []
        work = body(scribe)
        while True:
            self.obey()
            try:
                event = next(work)
            except StopIteration as done:
                value, tensors = done.value
                break
            if isinstance(event, REPLAYED):
                told.append(event)
            if self.stepping:  # a step ends with something to see: the next picture, where the stage draws any
                draws = any(isinstance(e, ev.Snapshot) for e in told)
                self.stepping = draws and not isinstance(event, ev.Snapshot)
            yield replace(event, stage=name) if isinstance(event, ev.Progress) else event
        seconds = round(time.monotonic() - began, 3)
        output = Output(key, value, {k: v.detach().cpu().contiguous() for k, v in tensors.items()})
        if keep:
            self._write(name, output, recipe, scribe.files, told, seconds)
        self.timings[name] = seconds
        yield ev.StageDone(name, seconds, key)
        return output

    # -- requests
    def obey(self) -> None:
        """Act on the last request: raises StopRequested, or waits while the run is paused."""
        began = time.monotonic()
        while True:
            self.between()
            if not self.run.path.is_dir():  # deleted under us: there is nothing left to write to
                raise StopRequested
            command, number = self.run.control()
            if number != self.answered:
                self.answered = number
                if command == "stop":
                    raise StopRequested
                self.paused = command in ("pause", "step")
                self.stepping = command == "step"  # one stretch of work is let through, then the run waits again
            if not self.paused or self.stepping:
                return
            if time.monotonic() - began > PATIENCE:
                raise StopRequested
            time.sleep(0.1)

    # -- the cache
    def _folder(self, name: str, key: str) -> Path:
        return self.store.stages / f"{name.replace('.', '-')}-{key}"

    def _write(
        self,
        name: str,
        output: Output,
        recipe: Mapping[str, Any],
        files: list[str],
        told: list[ev.Event],
        seconds: float,
    ) -> None:
        self.store.stages.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.store.stages, prefix=".tmp-"))
        try:
            (folder / "tensors.safetensors").write_bytes(save_tensors(output.tensors))
            for file in files:
                shutil.copyfile(self.run.path / "snapshots" / file, folder / file)
            digests = {p.name: _digest(p) for p in folder.iterdir()}
            record = {
                "recipe": dict(recipe),
                "value": output.value,
                "events": [ev.to_json(e) for e in told],
                "files": files,
                "digests": digests,
                "seconds": seconds,
            }
            write_json(folder / "stage.json", {"digest": key_of(record), "record": record})
            os.replace(folder, self._folder(name, output.key))
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)  # another process was first, or the disk is full
            if not self._folder(name, output.key).exists():
                raise
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _read(self, name: str, key: str) -> tuple[Output, list[ev.Event], float] | None:
        folder = self._folder(name, key)
        if not folder.is_dir():
            return None
        try:
            whole = read_json(folder / "stage.json")
            record = whole["record"]
            told = {_plain(file): digest for file, digest in record["digests"].items()}
            if key_of(record) != whole["digest"] or any(_digest(folder / f) != d for f, d in told.items()):
                raise ValueError("digest")
            tensors = load_tensors(read_safetensors(folder / "tensors.safetensors", MOST_TENSORS))
            arrays = {file: read_bytes(folder / file, MOST_ARRAYS) for file in map(_plain, record["files"])}
            told = [ev.from_json(e) for e in record["events"]]
            found = Output(key, record["value"], tensors), told, float(record["seconds"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError):
            shutil.rmtree(folder, ignore_errors=True)
            return None
        if not self.run.path.is_dir():  # writing would bring a part of it back
            raise StopRequested
        for file, data in arrays.items():  # a full disk, or a run deleted under us, is no fault of the stage
            write_atomically(self.run.path / "snapshots" / file, data)
        return found


def _digest(path: Path) -> str:
    return digest(path, MOST_TENSORS)


def _plain(file: str) -> str:
    """A file's name that leads nowhere else. Raises ValueError."""
    if Path(file).name != file:
        raise ValueError(file)
    return file
