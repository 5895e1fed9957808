"""A process that has imported torch and collected the tests once, and forks for every mutant.

A mutant inside a function is a change of that function's code object in the child; any other is a module imported anew,
with all that imports it. So a mutant costs its tests, and nothing of torch's seconds. First every test is run once, in a
child of its own, to learn which lines of the mutated files it reaches and what it costs; a mutant then meets the tests
that reach its lines, the cheapest first, until one fails. Limits are of processor time, since other work may run beside.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.abc
import importlib.util
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
import torch
from _pytest.runner import runtestprotocol

from tests.mutants.operators import Mutant

ROOT = Path(__file__).resolve().parents[2]
WALL = 1200.0  # seconds after which a child is ended whatever it has computed
EXTRA, TIMES = 4.0, 5.0  # processor seconds that a mutant's test may take more, and how many times as many
KILLED, SURVIVED, BROKEN = 0, 3, 4  # how a child ends


@dataclass(frozen=True)
class Reach:
    """One test at rest: whether it passes, its processor seconds, and the lines of each mutated file that it reaches."""

    passed: bool
    seconds: float
    lines: Mapping[str, frozenset[int]]


def module_of(file: str) -> str:
    """`mesa_core/mesa.py` is mesa_core.mesa."""
    parts = Path(file).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def warm() -> None:
    """Import what torch imports at the first training step, which takes seconds; children have it then."""
    weight = torch.nn.Parameter(torch.ones(1))
    for make in (torch.optim.Adam, torch.optim.SGD):
        weight.sum().backward()
        make([weight], 0.1, foreach=True).step()


# -- children
def forked(work: Callable[[], Any], seconds: float) -> tuple[str, Any]:
    """Carry out `work` in a child with a limit on processor time; ('done', what it returned), or why there is none."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        status = BROKEN
        try:
            os.close(read)
            soft = int(time.process_time() + seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + 2))
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(quiet, stream)
            with os.fdopen(write, "w") as out:
                json.dump(work(), out)
            status = 0
        except BaseException:  # whatever a mutant does, it ends here
            pass
        finally:
            os._exit(status)
    os.close(write)
    ending = threading.Timer(WALL, lambda: os.kill(child, 9))
    ending.start()
    try:
        with os.fdopen(read) as told:
            text = told.read()
        _, status = os.waitpid(child, 0)
    finally:
        ending.cancel()
    if status == 0:
        return "done", json.loads(text)
    return ("time" if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (9, 24) else "broken"), None


def run(items: Sequence[pytest.Item]) -> str:
    """Run tests one after another until one fails; its name, or ''."""
    for item in items:
        reports = runtestprotocol(item, nextitem=items[-1] if item is not items[-1] else None, log=False)
        if any(report.failed for report in reports):
            return item.nodeid
    return ""


# -- what tests reach
def survey(item: pytest.Item, files: Sequence[str]) -> dict[str, Any]:
    """Run one test; whether it passed, its processor seconds, and the lines of the files that it reached."""
    wanted = {str(ROOT / file): file for file in files}
    reached: dict[str, set[int]] = {file: set() for file in files}

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        file = wanted.get(frame.f_code.co_filename)
        if file is None:
            return None
        lines = reached[file]
        lines.add(frame.f_lineno)

        def within(frame: FrameType, event: str, argument: Any) -> Any:
            lines.add(frame.f_lineno)
            return within

        return within

    began = time.process_time()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        failed = run([item])
    finally:
        sys.settrace(None)
    seconds = time.process_time() - began
    return {"passed": not failed, "seconds": seconds, "lines": {f: sorted(s) for f, s in reached.items() if s}}


# -- how a mutant is put in
def install(mutant: Mutant, file: str) -> bool:
    """Exchange the code of the one function that a mutant changes; False where that cannot be done."""
    if not mutant.inside:
        return False
    module = importlib.import_module(module_of(file))
    holder: Any = module
    *outer, name = mutant.function.split(".")
    for part in outer:
        holder = getattr(holder, part)
    code = _code(compile(mutant.tree, str(ROOT / file), "exec"), mutant.function)
    found = vars(holder).get(name)
    for layer in _layers(found):
        if isinstance(layer, FunctionType) and layer.__code__.co_qualname == mutant.function and code is not None:
            if len(layer.__code__.co_freevars) != len(code.co_freevars):
                return False
            layer.__code__ = code
            return True
    return False


def _layers(found: Any) -> Iterator[Any]:
    """A function, and what lies under decorators; remembered answers are forgotten on the way."""
    while found is not None:
        if hasattr(found, "cache_clear"):
            found.cache_clear()
        if isinstance(found, property):
            found = found.fget
        yield found
        found = getattr(found, "__wrapped__", None) or getattr(found, "__func__", None)


def _code(code: CodeType, name: str) -> CodeType | None:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_qualname == name:
                return inner
            if name.startswith(f"{inner.co_qualname}."):
                return _code(inner, name)
    return None


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module the mutated code."""

    def __init__(self, mutant: Mutant, file: str) -> None:
        self.mutant, self.file = mutant, file

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != module_of(self.file):
            return None
        here = ROOT / self.file
        places = [str(here.parent)] if here.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, here, loader=self, submodule_search_locations=places)

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        exec(compile(self.mutant.tree, str(ROOT / self.file), "exec"), vars(module))


def anew(mutant: Mutant, file: str, names: Sequence[str]) -> str:
    """Import everything of ours again with the mutant among it, and run tests by name; the first that failed, or ''."""
    sys.meta_path.insert(0, Finder(mutant, file))
    failed: list[str] = []

    class Ear:
        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.failed:
                failed.append(report.nodeid)

        def pytest_collectreport(self, report: Any) -> None:
            if report.failed:
                failed.append(report.nodeid)

    whole = list(dict.fromkeys(name.partition("[")[0] for name in names))
    status = 0
    for asked in (names, whole):  # a constant may stand in the names of a test's cases: then all its cases are meant
        _forget()
        status = pytest.main([*asked, "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"], plugins=[Ear()])
        if failed or status != pytest.ExitCode.USAGE_ERROR:
            break
    return (failed or [""])[0] if failed or status == 0 else f"ended with {int(status)}"


def _forget() -> None:
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{ROOT}/") and not name.startswith("tests.mutants"):
            del sys.modules[name]


def meet(mutant: Mutant, file: str, items: Mapping[str, pytest.Item], names: Sequence[str]) -> str:
    """The first test, by name, that fails with the mutant in place, or ''."""
    if install(mutant, file):
        return run([items[name] for name in names])
    return anew(mutant, file, names)


@contextlib.contextmanager
def still() -> Iterator[None]:
    """Nothing is collected in children's shared memory, so that they stay small."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
