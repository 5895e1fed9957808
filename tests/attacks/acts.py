"""What is done again and again while it is disturbed: a run, a sweep, a collect, a download, each tiny and through the
product's own writers; and what must be the same afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dashboard.serving import brought
from mesa_core import events as ev
from mesa_core.config import make_config
from mesa_core.data import download
from mesa_core.disk.leftovers import sweep_home
from mesa_core.experiment.stages import Stages
from mesa_core.store import Run, Store, compact
from mesa_core.store.shipped import shipped_runs
from mesa_core.sweeps import grid as sweep

POINTS = ("fsync", "replace", "rename", "mkdir", "unlink", "rmdir")  # of os: where a file or folder changes
LEFT = (".new-", ".tmp-", ".old-")
ARCHIVE = np.random.default_rng(0).bytes(1_500_000)
VISITOR = "a" * 16
THESIS = "years of work"


def execute(run: Run, store: Store, watch=None, still=None, **_) -> str:
    """A run of three stages, each kept, that follow from its seed; as `mesa_core.experiment.execute` to a sweep."""
    with run.lease(still) as writer:
        stages, seed, value = Stages(run, store, 3), int(run.config()["seed"]), 0.0
        for number, name in enumerate(("attack", "mesa", "after.mesa")):

            def body(scribe, number=number, value=value):
                draw = np.random.default_rng([seed, number, int(value * 1e6)])
                array = draw.random((20, 27)).astype(np.float32)
                yield ev.Note(f"step of {number}")
                scribe.save(f"snapshot-{number:05d}.npz", {"pca": array})
                return {"mean": float(array.mean())}, {"all": torch.from_numpy(array)}

            work, output = stages.stage(name, name, {"seed": seed, "number": number, "before": value}, body), None
            while output is None:
                try:
                    writer.append(next(work))
                except StopIteration as done:
                    output = done.value
            value = output.value["mean"]
        run.write_result({"seed": seed, "value": value})
        writer.append(ev.Finished(0.0))
    return "finished"


def one_run(place: Path) -> None:
    store = Store(place / "home")
    sweep_home(store.root)
    if not (store.runs / "one").exists():
        store.create(make_config(data="signs", seed=3).to_dict(), "one")
    if store.open("one").state() != "finished":
        execute(store.open("one"), store)


def two_workers(place: Path) -> None:
    store = Store(place / "home")
    sweep_home(store.root)
    pieces = sweep.expand({"data": "signs"}, {"seed": [0, 1, 2]}, "s", store.cache)
    sweep.begin(store, "s", pieces)
    for now in sweep.work(store, pieces, execute, lambda *_: None, wait=0.02):
        assert not now.failed


def collecting(place: Path) -> None:
    store, out = Store(place / "home"), place / "out"
    sweep_home(store.root)
    compact.collect([store.open("ring"), store.open("again")], out, store.root)


def prepare_collecting(place: Path) -> None:
    store = Store(place / "home")
    for name, seed in (("ring", 0), ("again", 0), ("older", 0)):  # all ask the same, so that places are taken
        few = shutil.ignore_patterns("weights", "snapshot-0*[1-9]0.npz")
        shutil.copytree(shipped_runs() / "signs-ring", store.runs / name, ignore=few)
        run = store.open(name)
        run.write_config({**run.config(), "seed": seed, "alpha": 1.0 if name == "again" else 0.1}, run.resolved())
    compact.collect([store.open("older")], place / "out")
    (place / "out" / "thesis.txt").write_text(THESIS)


class _Archive(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range")
        begin = int(asked.split("=")[1].rstrip("-")) if asked else 0
        if begin >= len(ARCHIVE):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(ARCHIVE) - 1}/{len(ARCHIVE)}")
        self.send_header("Content-Length", str(len(ARCHIVE) - begin))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(ARCHIVE[begin:])

    def log_message(self, *_):
        pass


def prepare_fetching(place: Path) -> None:
    """A server in a thread of this process, which every process that it forks can ask."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Archive)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    (place / "address").write_text(f"http://127.0.0.1:{server.server_port}/x")


def fetching(place: Path) -> None:
    md5 = hashlib.md5(ARCHIVE, usedforsecurity=False).hexdigest()
    sweep_home(place / "home")
    for _have, _total in download.download_cifar10(place / "home" / "cache", (place / "address").read_text(), md5, 5):
        with contextlib.suppress(OSError):
            os.fsync(1)  # a point at each block


def uploading(place: Path) -> None:
    """What the page does with a network that has arrived, and that one of a day before is forgotten."""
    os.environ["MESA_LAB_HOME"] = str(place / "home")  # of a process of its own
    sweep_home(place / "home")
    brought.forget_old()
    brought.keep(VISITOR, "network.safetensors", ARCHIVE)
    brought.keep(VISITOR, "another.pt", ARCHIVE[:1000])


def prepare_uploading(place: Path) -> None:
    folder = place / "home" / "brought" / VISITOR / ("c" * 16)
    folder.mkdir(parents=True)
    (folder / "network.pt").write_bytes(ARCHIVE[:500])
    (folder / "card.json").write_text(json.dumps({"name": "old.pt", "since": 1.0, "scans": []}))


@dataclass(frozen=True)
class Act:
    """Something that may be disturbed: what must be there before, what is done, and by how many at once."""

    name: str
    do: Callable[[Path], None]
    prepare: Callable[[Path], None] = lambda place: None
    workers: int = 1


ACTS = (
    Act("a run", one_run),
    Act("a sweep", two_workers, workers=2),
    Act("a collect", collecting, prepare_collecting),
    Act("a download", fetching, prepare_fetching),
    Act("an upload", uploading, prepare_uploading),
)


def forked(what: Callable[[], None]) -> int:
    """Begin something in a process of its own, whose standard output and error are dropped; returns its number."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        void = os.open(os.devnull, os.O_WRONLY)
        if not os.environ.get("ATTACK_LOUD"):
            os.dup2(void, 1), os.dup2(void, 2)
        what()
        code = 0
    except BaseException:
        if os.environ.get("ATTACK_LOUD"):
            raise
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    """How it ended: its exit status, or the negative number of the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@contextlib.contextmanager
def at_point(act: Callable[[int], None]) -> Iterator[None]:
    """Has `act` called with a running number before every call of POINTS."""
    count, real = [0], {name: getattr(os, name) for name in POINTS}

    def wrapped(name: str):
        def call(*given, **more):
            count[0] += 1
            try:
                act(count[0])
            except OSError as error:  # the system names the file where it is given one
                raise OSError(error.errno, error.strerror, *([] if name == "fsync" else given[:1])) from None
            return real[name](*given, **more) if (name, given) != ("fsync", (1,)) else None

        return call

    for name in POINTS:
        setattr(os, name, wrapped(name))
    try:
        yield
    finally:
        for name in POINTS:
            setattr(os, name, real[name])


def die_at(point: int) -> Callable[[int], None]:
    """SIGKILL to oneself at a point."""
    return lambda now: os.kill(os.getpid(), signal.SIGKILL) if now == point else None


def points_of(act: Act, place: Path) -> int:
    """How many points an undisturbed one passes, done in `place`."""
    told = place / "points"

    def whole() -> None:
        last = [0]
        with at_point(lambda now: last.__setitem__(0, now)):
            act.do(place)
        told.write_text(str(last[0]))

    act.prepare(place)
    assert ended(forked(whole)) == 0, "the undisturbed one failed"
    return int(told.read_text())


def contents(place: Path) -> dict[str, str]:
    """Everything that must be the same, however often it was disturbed."""
    found: dict[str, str] = {}
    for path in sorted(p for part in ("out", "home/runs") for p in (place / part).rglob("*") if p.is_file()):
        name = path.relative_to(place).as_posix()
        if path.suffix == ".npz" or path.name == "result.json" or name.startswith("out/"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in (place / "home" / "brought").rglob("network.*"):
        found[path.relative_to(place).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in (place / "home" / "cache").glob("*.tar.gz"):
        found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def left(place: Path) -> list[str]:
    """What nobody needs any more and should have been swept up."""
    return [str(p) for p in place.rglob("*") if p.name.startswith(LEFT) or p.name.endswith(".part")]


def require_same(act: Act, whole: Path, place: Path) -> None:
    """After one more start all is as if nothing had happened, and nothing is left over."""
    for _ in range(2):
        pids = [forked(lambda: act.do(place)) for _ in range(act.workers)]
        ends = [ended(pid) for pid in pids]
        assert not any(ends), f"it does not go on afterwards: {ends}"
    assert contents(whole), "nothing was made"
    a, b = contents(whole), contents(place)
    assert a == b, f"differs in {json.dumps(sorted(k for k in {*a, *b} if a.get(k) != b.get(k)))}"
    assert not left(place), left(place)
