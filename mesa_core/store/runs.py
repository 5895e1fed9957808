"""Run directories: what a run was asked, what it said, what came of it. Needs numpy, no torch.

A run directory holds config.json (first, with its settings resolved), events.jsonl (numbered, flushed; a torn last
line is dropped), snapshots in .npz files, and result.json (last: its presence means finished). Messages to a
running run are a small file that it reads between steps, so they work on every system. Everything is written to
a temporary name and then renamed.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from platformdirs import user_data_dir

from mesa_core import events
from mesa_core.disk import files, leases
from mesa_core.disk.errors import StoreError, closed, naming
from mesa_core.disk.files import read_json, write_arrays, write_atomically, write_json
from mesa_core.disk.leftovers import new_folder
from mesa_core.disk.plain import plain
from mesa_core.disk.shaped import Damaged
from mesa_core.disk.untrusted import MIB, Refused, open_file, parse_json, read_bytes

if TYPE_CHECKING:
    from mesa_core.store.results import Result

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
FILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}\.npz")
MOST_CONFIG = MIB  # bytes of config.json, and of the other small files
MOST_RESULT = 8 * MIB  # bytes of result.json
MOST_EVENTS = 32 * MIB  # bytes of events.jsonl; a file that is larger is damaged
MOST_LINES = 200_000  # of events.jsonl; what comes after them is not read
END = 256 * 1024  # bytes of the end of events.jsonl, in which its last line is looked for
TAKING = 60.0  # seconds from the queue to the first event, at most, on a busy machine
TAIL = 200  # bytes by which a reader knows that a file has only grown
PARTS = ("config", "data", "clean", "before", "after", "after_by_beta", "detection")  # of a result, each a dictionary
STATES = ("waiting", "running", "finished", "failed", "stopped", "interrupted")


def home() -> Path:
    """Where runs and caches live: MESA_LAB_HOME, else the user's data folder."""
    return Path(os.path.expanduser(os.environ.get("MESA_LAB_HOME") or user_data_dir("mesa-lab")))


class Taken(StoreError):
    """There is a run of this name already."""


@dataclass(frozen=True)
class Run:
    """One run directory."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    # -- what was asked and what came of it
    def config(self) -> dict[str, Any]:
        """The configuration, as `ExperimentConfig.to_dict` gave it."""
        value = read_json(self.path / "config.json", MOST_CONFIG)
        if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
            raise StoreError(f"config.json of {self.name} does not hold a configuration.")
        return value["config"]

    def resolved(self) -> dict[str, Any] | None:
        """Device, precision, memory and threads as first resolved; None before the run's first start."""
        value = read_json(self.path / "config.json", MOST_CONFIG)
        found = value.get("resolved") if isinstance(value, dict) else None
        if found is None:
            return None
        kinds = {"device": str, "precision": str, "memory": str, "threads": int}
        if not isinstance(found, dict) or any(not isinstance(found.get(k), kind) for k, kind in kinds.items()):
            raise StoreError(f"The resolved settings in config.json of {self.name} are damaged.")
        return found

    def write_config(self, config: Mapping[str, Any], resolved: Mapping[str, Any] | None = None) -> None:
        write_json(self.path / "config.json", {"config": dict(config), "resolved": resolved and dict(resolved)})

    def result(self) -> dict[str, Any] | None:
        """result.json, or None while the run is not finished. StoreError where it is not the form of a result."""
        path = self.path / "result.json"
        if not os.path.lexists(path):
            return None
        value = read_json(path, MOST_RESULT)
        if not isinstance(value, dict) or any(not isinstance(value.get(k) or {}, dict) for k in PARTS):
            raise StoreError(f"result.json of {self.name} does not hold a result.")
        return value

    def outcome(self) -> Result | None:
        """The same as a `Result`, its shape checked. StoreError in one sentence where it is damaged."""
        from mesa_core.store.results import Result

        value = self.result()
        try:
            return None if value is None else Result.from_json(value)
        except Damaged as error:
            raise StoreError(f"result.json of {self.name} does not hold a result: {plain(str(error))}.") from None

    def write_result(self, result: Mapping[str, Any]) -> None:
        write_json(self.path / "result.json", result)

    # -- events
    def append(self, event: events.Event) -> None:
        """Add one event under the next number. Whoever adds many holds a `lease`, which keeps the file open."""
        writer = Writer(self.path / "events.jsonl")
        writer.append(event)
        writer.close()

    def events(self) -> list[tuple[int, events.Event]]:
        """(number, event) of every event; lines that cannot be read are left out."""
        try:
            data = read_bytes(self.path / "events.jsonl", MOST_EVENTS)
        except (OSError, Refused):  # not there (yet), or no file
            return []
        return list(_events(data))

    def _last_event(self) -> str:
        """The type of the last event, '' where there is none."""
        last = ""
        with contextlib.suppress(OSError, Refused), open_file(self.path / "events.jsonl", MOST_EVENTS) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - END))
            for _, value in _numbered(file.read(END)):
                last = str(value.get("type"))
        return last

    # -- snapshots
    def write_arrays(self, file: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Arrays under a file name such as 'snapshot-00010.npz'. StoreError where the run has been deleted."""
        if not self.path.is_dir():  # writing would bring a part of it back
            raise StoreError(f"{self.name} has been deleted.")
        write_arrays(self._file(file), arrays)

    def read_arrays(self, file: str) -> dict[str, np.ndarray]:
        """The inverse of `write_arrays`. Never unpickles. StoreError where missing or damaged."""
        path = self._file(file)
        try:
            return files.read_arrays(path)
        except StoreError as error:
            raise StoreError(str(error).replace(path.parent.name, self.name, 1)) from None

    def _file(self, file: str) -> Path:
        if not FILE.fullmatch(file):
            raise StoreError(f"{file!r} is not the name of a snapshot.")
        return self.path / "snapshots" / file

    # -- messages to the process that runs it
    def request(self, command: str) -> None:
        """Ask a running run to 'stop', 'pause', 'step' or 'run'; it reads this between two steps."""
        if command not in ("stop", "pause", "step", "run"):
            raise StoreError(f"A run cannot {command!r}.")
        write_json(self.path / "control.json", {"command": command, "id": secrets.token_hex(4)})

    def control(self) -> tuple[str, str]:
        """The last request and its id; ('run', '') where there is none."""
        try:
            value = read_json(self.path / "control.json", MOST_CONFIG)
            return str(value["command"]), str(value["id"])
        except (StoreError, KeyError, TypeError):
            return "run", ""

    # -- who runs it
    @contextlib.contextmanager
    def lease(self, still: Callable[[], bool] | None = None) -> Iterator[Writer]:
        """Hold the run while it is worked on (see `leases.hold`): yields the writer of its events.

        Raises Busy if another process holds it, and from the writer once another has taken it over.
        """
        with (
            leases.hold(self.path / "lease.json", self.name, still) as lease,
            contextlib.closing(Writer(self.path / "events.jsonl", lease.check)) as writer,
        ):
            yield writer

    def is_running(self) -> bool:
        """Whether a live process holds the lease."""
        return leases.held(self.path / "lease.json")

    def state(self) -> str:
        """One of STATES."""
        if os.path.exists(self.path / "result.json"):  # False, too, where the folder is closed
            return "finished"
        if self.is_running():
            return "running"
        if os.path.exists(self.path / "waiting") or self._just_taken():
            return "waiting"
        return {"Failed": "failed", "Stopped": "stopped"}.get(self._last_event(), "interrupted")

    def _just_taken(self) -> bool:
        """Whether it was taken from the queue so lately that whoever took it may not hold it yet."""
        try:
            taken = os.stat(self.path / "taken").st_mtime
            fresh = abs(time.time() - taken) < TAKING
        except OSError:
            return False
        with contextlib.suppress(OSError):  # there may be none yet
            fresh = fresh and os.stat(self.path / "events.jsonl").st_mtime < taken
        return fresh

    def damage(self) -> str:
        """Why the run cannot be read, in one sentence; '' where its settings, events and result can be."""
        try:
            self.config(), self.resolved(), self.result()
            if os.path.lexists(self.path / "events.jsonl"):
                files.check_file(self.path / "events.jsonl", MOST_EVENTS)
        except StoreError as error:
            return str(error)
        return ""


def _numbered(data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number, value) of every line that can be read, of the first MOST_LINES."""
    for line in itertools.islice(io.BytesIO(data), MOST_LINES):
        if len(line) > END:  # no event is that long, and `_last_event` would not see it either
            continue
        try:
            value = parse_json(line)
            yield int(value["n"]), value
        except (ValueError, KeyError, TypeError):
            continue  # a torn line


def _events(data: bytes) -> Iterator[tuple[int, events.Event]]:
    """(number, event) of every line that holds one."""
    for number, value in _numbered(data):
        with contextlib.suppress(ValueError):
            yield number, events.from_json(value)


class Reader:
    """Follows a run's events: each line of a file that grows is read once. May be shared by threads."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, threading.Lock()
        self.place, self.tail = 0, b""  # the first byte that is not read yet, and what stands before it
        self.found: list[events.Event] = []

    def events(self) -> list[events.Event]:
        """All events so far, in a list that does not change any more; [] where there is no file."""
        with self.lock:
            try:
                with open_file(self.path, MOST_EVENTS) as file:
                    file.seek(self.place - len(self.tail))
                    if file.read(len(self.tail)) != self.tail:  # written anew, or a torn line was dropped
                        file.seek(0)
                        self.place, self.tail, self.found = 0, b"", []
                    data = file.read(MOST_EVENTS)
            except (OSError, Refused):
                self.place, self.tail, self.found = 0, b"", []
                return []
            whole = data[: data.rfind(b"\n") + 1]  # a line that is being written is left for the next time
            if whole:
                self.found = [
                    *self.found,
                    *(event for _, event in _events(whole)),
                ]  # a new list: somebody may be reading the old one
                self.place, self.tail = self.place + len(whole), whole[-TAIL:]
            return self.found


class Writer:
    """Appends numbered lines; on opening it drops a torn last line and finds the next number."""

    def __init__(self, path: Path, check: Callable[[], None] = lambda: None) -> None:
        self.path, self.check = path, check  # which raises where we must not write
        if path.is_dir():
            raise StoreError(f"{path.name} of {path.parent.name} is a folder, not a file; remove it.")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.next = 0
        if path.exists():
            data = files.read_bytes(path, MOST_EVENTS)
            whole = data[: data.rfind(b"\n") + 1]
            if whole != data:
                write_atomically(path, whole)
            for line in reversed(whole.splitlines()):
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    self.next = int(parse_json(line)["n"]) + 1
                    break
        with naming(path):
            self.file = open(path, "a", encoding="utf-8")  # the last thing, so that a failure above leaves nothing open

    def append(self, event: events.Event) -> None:
        self.check()
        with naming(self.path):
            self.file.write(events.dumps(event, n=self.next, t=round(time.time(), 3)) + "\n")
            self.file.flush()
        self.next += 1

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what could not be written has been told
            self.file.close()


@dataclass(frozen=True)
class Store:
    """The runs under a home folder."""

    root: Path

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def stages(self) -> Path:
        return self.root / "stages"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    def create(self, config: Mapping[str, Any], name: str | None = None) -> Run:
        """A new run directory with its config.json. StoreError for a bad or taken name."""
        name = new_name(config) if name is None else name
        if not NAME.fullmatch(name):
            raise StoreError(f"{name!r} cannot name a run; use small letters, digits, '-' and '_', at most 80.")
        run = Run(self.runs / name)
        with naming(self.runs):
            self.runs.mkdir(parents=True, exist_ok=True)
            # Made whole under another name, so that nobody ever sees a run without its configuration.
            place = new_folder(self.runs)
        try:
            Run(place).write_config(config)
            if run.path.exists():
                raise FileExistsError
            os.rename(place, run.path)
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            if run.path.exists():
                raise Taken(f"There is a run {name!r} already.") from None
            raise closed(error, self.runs) from error
        return run

    def open(self, name: str) -> Run:
        """An existing run. StoreError for a name that could not be one, and where there is none."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise StoreError("That is not the name of a run.")
        run = Run(self.runs / name)
        if not is_run(run.path):
            raise StoreError(f"There is no run {name!r} here.")
        return run

    def list(self) -> list[Run]:
        """All runs, the newest first."""
        found = []
        with contextlib.suppress(OSError), os.scandir(self.runs) as entries:  # not there yet, or closed
            found = [Path(e.path) for e in entries if NAME.fullmatch(e.name) and is_run(Path(e.path))]
        return [Run(path) for path in sorted(found, key=_began, reverse=True)]


def is_run(path: Path) -> bool:
    """Whether a folder is that of a run: its config.json is there, whatever it may be."""
    return os.path.lexists(path / "config.json")


def _began(path: Path) -> float:
    try:
        return os.lstat(path / "config.json").st_mtime
    except OSError:  # deleted in the meantime
        return 0.0


def new_name(config: Mapping[str, Any]) -> str:
    """A readable name that no other run has: data, trigger, target, time, six random digits."""
    from mesa_core import triggers

    with contextlib.suppress(KeyError, ValueError):
        if config.get("suspect"):
            victim = re.sub(r"[^a-z0-9]+", "-", str(config["victim"]).lower())[-30:].strip("-")
            return f"detect-{config['data']}-{victim}-{time.strftime('%y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        what = f"{config['data']}-{triggers.slug(str(config['trigger']))}-to-{config['target']}"
        return f"{what}-{time.strftime('%y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    return f"run-{time.strftime('%y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
