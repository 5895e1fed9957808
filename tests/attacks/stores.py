"""Damaged and hostile stores: one bad run is one line of the list, and no other run, page or command suffers from it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dashboard.serving import queue, reading, runs
from dashboard.serving.shown import Shown
from mesa_core import cli
from mesa_core.disk import leases
from mesa_core.probe import questions
from mesa_core.reference import record
from mesa_core.store import Reader, Run, Store, StoreError, compact
from mesa_core.store.shipped import shipped_references, shipped_sweep
from tests.attacks.attack import Attack
from tests.attacks.bad_files import spoil, ways

BAD, GOOD = "spoilt", "sound"
FILES = (
    "config.json", "events.jsonl", "result.json", "control.json", "lease.json", "owner.json", "waiting",
    "snapshots/axes.npz", "snapshots/samples.npz", "snapshots/landscape-after.npz",
)  # fmt: skip
BESIDE = ("served.json", "worker.json", "questions/{}.npz", "questions/{}.no.json", "questions/{}.json")
QUESTION = questions.Question(GOOD, ((0,) * 27,))
PAGES = ("lab", "landscape", "compare", "detect", "paper")
PAGE_EVERY = 12  # attacks; to draw a whole page takes a second


def attacks(rng: random.Random) -> Iterator[Attack]:
    count = 0
    while True:
        count += 1
        file, seed = rng.choice(FILES), rng.randrange(1 << 30)
        way = rng.choice(list(ways(Path(file))))
        if count % PAGE_EVERY == 0:
            page = rng.choice(PAGES)
            yield Attack(f"{way} for a run's {file}, page {page}", _on_page(file, way, seed, page), limit=90)
        elif count % 5 == 0:
            place = rng.choice(BESIDE).format(QUESTION.id)
            way = rng.choice(list(ways(Path(place))))
            yield Attack(f"{way} for {place}", _beside(place, way, seed), limit=30)
        elif count % 7 == 0:
            place = rng.choice(("reference.json", "reference.npz", "manifest.json"))
            way = rng.choice(list(ways(Path(place))))
            yield Attack(f"{way} for {place}", _shared(place, way, seed), limit=30)
        else:
            yield Attack(f"{way} for a run's {file}", _in_lists(file, way, seed), limit=30)


def two_runs() -> Store:
    """A store with a sound run and one that is to be spoilt, both finished and small."""
    store = queue.store()
    source = next(p for p in sorted(shipped_sweep().iterdir()) if p.is_dir())
    for name in (GOOD, BAD):
        shutil.copytree(source, store.runs / name)
        for file, value in (
            ("control.json", {"command": "run", "id": "a"}),
            ("owner.json", {"token": "t", "visitor": "v"}),
        ):
            (store.runs / name / file).write_text(json.dumps(value))
    (store.runs / BAD / "lease.json").write_text(json.dumps({"pid": os.getpid(), "where": leases.machine(), "id": "x"}))
    return store


def command(*words: str) -> tuple[int, str]:
    """A command of mesa-lab: its exit status, and what it said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = cli.main(list(words))
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
    return status or 0, said.getvalue()


def _in_lists(file: str, way: str, seed: int):
    def run(place: Path) -> None:
        store = two_runs()
        unfinished = seed % 3 == 0  # its state is then asked of its lease and events
        if unfinished:
            (store.runs / BAD / "result.json").unlink()
        spoil(store.runs / BAD / file, way, seed)
        status, said = command("runs")
        assert status == 0, said
        assert len(said.splitlines()) == 2, said
        assert f"finished     {GOOD}\n" in said, said
        for words in (("runs", BAD), ("runs", "--json"), ("runs", BAD, "--stop")):
            _, said = command(*words)
            assert not any(words in said for words in ("Traceback", "went wrong in the program")), said
        names = [one.name for one in runs.listed()]
        assert {GOOD, BAD} <= set(names), names
        assert all(runs.label(one) for one in runs.listed())
        assert GOOD in [one.name for one, _, _ in runs.finished()]
        _read_all(Run(store.runs / BAD))
        queue.waiting(store)

    return run


def _read_all(run: Run) -> None:
    """Every reader of a run; StoreError is the only thing that they may raise."""
    readers = (
        run.config, run.resolved, run.result, run.events, run.control, run.is_running, run.state, run.damage,
        Reader(run.path / "events.jsonl").events, lambda: queue.token_of(run), lambda: queue.visitor_of(run),
        lambda: runs.maps(run), lambda: runs.samples(run), lambda: Shown(run).result, lambda: reading.size_of(run),
        lambda: run.read_arrays("axes.npz"), lambda: run.read_arrays("samples.npz"), lambda: compact.digest(run.path),
        lambda: runs.config(run), lambda: runs.result(run), lambda: run.lease().__enter__(),
    )  # fmt: skip
    for reader in readers:
        with contextlib.suppress(StoreError):
            reader()


def _beside(file: str, way: str, seed: int):
    def run(place: Path) -> None:
        store = two_runs()
        (store.root / "questions").mkdir()
        np.savez(store.root / "questions" / f"{QUESTION.id}.npz", classes=np.array(["a"]))
        if not file.endswith(".npz"):
            (store.root / "questions" / f"{QUESTION.id}.npz").unlink()
        (store.root / file).write_text('{"pid": 1, "why": "no"}') if not file.endswith(".npz") else None
        spoil(store.root / file, way, seed)
        (store.runs / GOOD / "waiting").touch()
        assert [one.name for one in queue.waiting(store)] == [GOOD]
        queue.alive(store)
        for reader in (
            lambda: questions.answer_to(store.root, QUESTION.id),
            lambda: questions.take(store.root, QUESTION.id),
        ):
            with contextlib.suppress(StoreError, questions.Refused, IsADirectoryError):
                reader()
        if (store.root / "served.json").is_dir():
            return  # to be put right by whoever runs the server
        assert queue.take(store).name == GOOD

    return run


def _shared(file: str, way: str, seed: int):
    def run(place: Path) -> None:
        if file == "manifest.json":
            (place / file).write_bytes((shipped_sweep() / file).read_bytes())
            spoil(place / file, way, seed)
            with contextlib.suppress(StoreError):
                compact.done(place)
            return
        source = next(p for p in sorted(shipped_references().iterdir()) if p.is_dir())
        shutil.copytree(source, place / source.name)
        spoil(place / source.name / file, way, seed)
        with contextlib.suppress(StoreError):
            record.read(place / source.name)

    return run


def _on_page(file: str, way: str, seed: int, page: str):
    def run(place: Path) -> None:
        from tests.visits import visit

        store = two_runs()
        queue.ensure_worker = lambda store: None
        spoil(store.runs / BAD / file, way, seed)
        for name in (BAD, GOOD):
            at = visit(page, 40, run=name)
            assert not at.exception, at.exception
            assert at.title
            said = [str(e.value) for kind in (at.error, at.warning, at.info, at.markdown) for e in kind]
            assert not any("Traceback" in words for words in said), said

    return run
