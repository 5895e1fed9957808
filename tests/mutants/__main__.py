"""Do the tests notice small changes? `python -m tests.mutants FILE|FOLDER ... --tests FILE|FOLDER ...`, from the root.

Every change is a mutant; a test that fails has killed it, one that survives either changes nothing (equivalent) or shows
what no test holds. Seeds choose the same sample each time. What was found is kept in `--out` as lines of JSON, and a
mutant that stands there already is not tried again, unless it survived and `--again` is said. Those that somebody has
looked at and found equivalent (equivalent.json says why) are not tried. A table by file at the end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.mutants import server
from tests.mutants.operators import Mutant, mutants

EQUIVALENT = Path(__file__).parent / "equivalent.json"
HEAVY = ("end_to_end", "attacks", "mutants", "golden")  # folders of tests that are not for this


def sources(given: Iterable[Path]) -> list[str]:
    """Python files of what was named, by their place in the repository."""
    found: list[Path] = []
    for path in given:
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [path.resolve().relative_to(server.ROOT).as_posix() for path in found]


def equivalent(one: dict[str, Any]) -> bool:
    """Whether somebody has looked at this mutant and found that it changes nothing that an equation or a measure says."""
    return any(
        rule["file"] == Path(one["file"]).name and rule["text"] in one["text"] and rule["what"] in ("*", one["what"])
        for rule in looked_at()
    )


@lru_cache(maxsize=1)
def looked_at() -> tuple[dict[str, str], ...]:
    """The rules of equivalent.json: name of the file, a part of the line, what is changed ('*': anything), and why."""
    return tuple(json.loads(EQUIVALENT.read_text("utf-8"))) if EQUIVALENT.is_file() else ()


class Session:
    """The plugin that takes over once pytest has collected the tests."""

    def __init__(self, given: argparse.Namespace, files: Sequence[str]) -> None:
        self.given, self.files = given, files
        self.out: Path = given.out
        self.known: dict[str, dict[str, Any]] = {}
        if self.out.is_file():
            for line in self.out.read_text("utf-8").splitlines():
                one = json.loads(line)
                self.known[one["id"]] = one

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        with server.still():
            items = {item.nodeid: item for item in session.items}
            reach = self.survey(items)
            self.go(items, reach)
        return True

    def survey(self, items: dict[str, pytest.Item]) -> dict[str, server.Reach]:
        """What each test reaches; kept beside the output under a digest of the test's file and of the mutated files."""
        base = "".join(digest(server.ROOT / file) for file in self.files)
        path, kept = self.out.with_suffix(".reach.json"), {}
        old = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        for number, (name, item) in enumerate(items.items()):
            key = hashlib.sha256(f"{base} {digest(Path(item.path))}".encode()).hexdigest()[:16]
            if old.get(name, {}).get("key") != key:
                said, told = server.forked(lambda item=item: server.survey(item, self.files), self.given.slowest)
                told = told if said == "done" else {"passed": False, "seconds": self.given.slowest, "lines": {}}
                old[name] = {"key": key, **told}
                print(f"survey {number + 1}/{len(items)} {told['seconds']:.1f} s {name}", file=sys.stderr, flush=True)
                path.write_text(json.dumps(old), "utf-8")
            one = old[name]
            lines = {file: frozenset(reached) for file, reached in one["lines"].items()}
            kept[name] = server.Reach(one["passed"], one["seconds"], lines)
        return kept

    def go(self, items: dict[str, pytest.Item], reach: dict[str, server.Reach]) -> None:
        """All mutants, file by file."""
        for file in self.files:
            source = (server.ROOT / file).read_text("utf-8")
            every = told(file, source)
            for mutant in chosen(source, file, self.given.most, self.given.seed):
                one = dict(every[mutant.number])
                before = self.known.get(one["id"])
                if before and (equivalent(one) or not (self.given.again and before["verdict"] == "survived")):
                    continue
                names = [] if equivalent(one) else meeting(file, mutant, reach, self.given.budget)
                began = time.monotonic()
                one |= self.verdict(mutant, file, items, names, sum(reach[name].seconds for name in names))
                one["seconds"] = round(time.monotonic() - began, 1)
                self.known[one["id"]] = one
                with open(self.out, "a", encoding="utf-8") as out:
                    out.write(json.dumps(one, ensure_ascii=False) + "\n")
                if one["verdict"] == "survived" and not equivalent(one):
                    where = f"{file}:{one['line']} {one['function']}"
                    print(f"survived {where}: {one['what']} ({len(names)} tests)", flush=True)

    def verdict(
        self, mutant: Mutant, file: str, items: dict[str, pytest.Item], names: list[str], seconds: float
    ) -> dict[str, Any]:
        if not names:
            return {"verdict": "survived", "by": "no test reaches it"}
        limit = server.EXTRA + server.TIMES * seconds
        said, failed = server.forked(lambda: server.meet(mutant, file, items, names), limit)
        if said != "done":
            return {"verdict": "killed", "by": said}
        return {"verdict": "killed" if failed else "survived", "by": failed}


def chosen(source: str, file: str, most: int, seed: int) -> list[Mutant]:
    """A sample of a file's mutants by seed, or all (0), in their order."""
    every = list(mutants(source))
    if not most or len(every) <= most:
        return every
    return sorted(random.Random(f"{seed} {Path(file).name}").sample(every, most), key=lambda one: one.number)


def told(file: str, source: str) -> list[dict[str, Any]]:
    """Every mutant of a file for the output. Its id follows from the function and the text of the line, so that it stays
    when others change; of those that read the same (two ones on a line), the second and later are counted."""
    lines, seen, every = source.splitlines(), Counter[str](), []
    for mutant in mutants(source):
        line = lines[mutant.first - 1].strip() if mutant.first else ""
        said = f"{Path(file).name} {mutant.function} {line} {mutant.what}"
        number = mutant.number if not mutant.function else seen[said] or ""
        seen[said] += 1
        every.append(
            {
                "id": hashlib.sha256(f"{said} {number}".encode()).hexdigest()[:12],
                "file": file,
                "line": mutant.first,
                "function": mutant.function,
                "text": line,
                "what": mutant.what,
            }
        )
    return every


def meeting(file: str, mutant: Mutant, reach: dict[str, server.Reach], budget: float) -> list[str]:
    """Tests that reach a mutant's lines, the cheapest first; outside of functions, where lines are reached when the file is
    imported, those that reach any line of the file or are named after it."""
    lines, called = set(range(mutant.first, mutant.last + 1)), f"/test_{Path(file).stem}"
    met = [
        (one.seconds, name)
        for name, one in reach.items()
        if one.passed
        and (one.lines.get(file, frozenset()) & lines if mutant.inside else file in one.lines or called in f"/{name}")
    ]
    names, spent = [], 0.0
    for seconds, name in sorted(met):
        spent += seconds
        if spent > budget and names:
            break
        names.append(name)
    return names


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def table(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Killed, survived and equivalent by file, as Markdown."""
    rows: dict[str, list[int]] = {}
    for one in found:
        row = rows.setdefault(one["file"], [0, 0, 0])
        dead = one["verdict"] == "killed"
        row[0 if dead else 2 if equivalent(one) else 1] += 1
    yield "| file | mutants | killed | survived | equivalent | of all that count |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)] if rows else [0, 0, 0]
    for file, (killed, survived, equal) in rows.items():
        share = killed / (killed + survived) if killed + survived else 1.0
        yield f"| {file} | {killed + survived + equal} | {killed} | {survived} | {equal} | {share:.1%} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, help="files or folders to change")
    parser.add_argument("--tests", nargs="+", required=True, help="tests that are to notice")
    parser.add_argument("--most", type=int, default=0, metavar="N", help="mutants of each file (default all)")
    parser.add_argument("--seed", type=int, default=0, help="which are chosen")
    parser.add_argument("--out", type=Path, default=Path("build/mutants.jsonl"), help="what was found, one a line")
    parser.add_argument("--again", action="store_true", help="try those that survived once more")
    parser.add_argument("--slowest", type=float, default=30.0, metavar="S", help="leave out tests that take longer")
    parser.add_argument("--budget", type=float, default=60.0, metavar="S", help="processor seconds of tests a mutant")
    given = parser.parse_args()
    torch.set_num_threads(1)
    server.warm()
    files = sources(given.paths)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    plugin = Session(given, files)
    ignored = [f"--ignore-glob=*/tests/{folder}/*" for folder in HEAVY]
    words = [*given.tests, "-q", "-p", "no:cacheprovider", "-m", "not slow", *ignored]
    status = pytest.main(words, plugins=[plugin])
    ours = {one["id"] for file in files for one in told(file, (server.ROOT / file).read_text("utf-8"))}
    print("\n".join(table(one for one in plugin.known.values() if one["id"] in ours)))
    return int(status not in (0, 5))


if __name__ == "__main__":
    sys.exit(main())
