"""Do two source trees give the same results? python benchmarks/same_results.py OLD NEW [--only WORD ...] [--keep DIR]

The same tiny runs are carried out in both, each in a process and a home of its own: every protocol with every kind of
sub-model and every baseline, a detection, a suspect, a 4x4 trigger, entropy weights, clean training, an exact reference,
a landscape. Then every `result.json`, every event's content, all arrays, weights and stage keys are compared byte for
byte; only times, versions, hardware and what is told at the pace of the clock are left out, and of the settings those
that one of the trees does not know yet. On one thread, since sums on several may differ. A line for each difference at
the end; exit status 1 where there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

PICTURES = (200, 150)  # drawn signs to train and to test with
NOT_FIGURES = ("timings", "hardware", "versions", "looks", "seconds")
PACED = ("Progress",)  # events that come at the pace of the clock
FIRST = "runs/fast-mine/config.json"  # the settings of a run, from which the trees' parameters are read
LIVE = ("detect-live.npz", "places-live.npz")  # arrays that are overwritten at that pace
LEAST = (
    "--data folder --victim resnet9-16 --measure tiny --hidden 32 --attack-epochs 0.5 --attack-took 0 "
    "--repair-epochs 0.2 --precision fp32 --memory nhwc --device cpu --threads 1 --mesa-steps 6 --snapshot-every 3 "
    "--eval-images 0 --landscape-images 4 --detect-steps 3 --detect-batch 8 --point-steps 3 --point-seeds 2 --particles 32"
)
ALL = "--baselines point random uniform neural_cleanse ideal control"


def runs() -> Iterator[tuple[str, str]]:
    """Names, and what to say after `mesa-lab`; PICTURES, CLEAN and ATTACKED stand for files."""
    brought = f"{LEAST} --data-dir PICTURES"
    run = f"{brought} --weights CLEAN"
    for protocol in ("fast", "paper"):
        for kind in ("mine", "neighbours", "particles", "flow"):
            yield f"{protocol}-{kind}", f"run {run} --protocol {protocol} --kind {kind} {ALL} --repair-each-beta"
    yield "detected", f"run {run} --detect --detect-threshold 0 --baselines neural_cleanse"
    yield "four", f"run {run} --trigger {' '.join(['ff8800', '000000'] * 8)} {ALL}"
    yield "entropy", f"run {run} --kind flow --gamma entropy --beta 0.001 0.003 --images-per-trigger 3"
    yield "trained", f"run {brought} --clean-epochs 1 --baselines control --seed 3 --target 4"
    suspect = LEAST.replace("--victim resnet9-16", "--arch resnet9-16").replace(
        "--attack-epochs 0.5 --attack-took 0", ""
    )
    suspect = suspect.replace("--point-seeds 2", "")
    yield "suspect", f"detect {suspect} --data-dir PICTURES --weights ATTACKED --detect-threshold 0"
    least = "--levels 0.0000001 0.000001 --particles 20 --images 4 --flights 1 --repeats 1"
    yield "reference", f"reference --run fast-mine {least} --json"
    yield (
        "landscape",
        "landscape --run fast-mine --images 2 --data folder --data-dir PICTURES --victim resnet9-16 --json",
    )


# -- in a process that sees one tree only
def draw(folder: Path) -> None:
    """Drawn signs as a folder of pictures."""
    from PIL import Image

    from mesa_core.data import signs

    data = signs.load(lambda *_: None, train=PICTURES[0], test=PICTURES[1])
    for part in ("train", "test"):
        images = getattr(data, part)
        for number, (image, label) in enumerate(zip(images.images, images.labels.tolist(), strict=True)):
            place = folder / part / str(label)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(place / f"{number}.png")


def carry_out(tree: Path, home: Path, pictures: Path, only: list[str]) -> None:
    """All runs in one home; what they print on standard output is kept beside them."""
    import mesa_core
    from mesa_core.cli import main

    assert Path(mesa_core.__path__[0]).resolve().is_relative_to(tree.resolve()), "another tree would be asked"
    attacked = home / "runs" / "fast-mine" / "weights" / "attacked.safetensors"
    stands = {"PICTURES": pictures, "CLEAN": tree / "assets" / "weights" / "signs-resnet9-16.safetensors"}
    stands["ATTACKED"] = attacked
    for name, said in runs():
        if only and name not in only:
            continue
        words = [str(stands.get(word, word)) for word in said.split()]
        named = ["--name", name] if words[0] in ("run", "detect") else []
        with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(io.StringIO()) as noise:
            status = main(["--home", str(home), *words, *named])
        (home / f"{name}.out").write_text(printed.getvalue() if words[-1] == "--json" else "", "utf-8")
        if status:
            sys.exit(f"{name} ended with {status}:\n{noise.getvalue()[-2000:]}")
        print(f"  {name}", file=sys.stderr, flush=True)


# -- the comparison
def plain(value: Any, new: frozenset[str]) -> Any:
    """A JSON value without what may differ, and of settings without the parameters `new`."""
    if isinstance(value, dict):
        left = (*NOT_FIGURES, *new) if {"alpha", "beta"} <= value.keys() else NOT_FIGURES
        return {k: plain(v, new) for k, v in value.items() if k not in left}
    if isinstance(value, list):
        return [plain(v, new) for v in value]
    return value


def content(path: Path, home: Path, trees: list[str], new: frozenset[str]) -> Any:
    """What of a file has to be the same in both homes: JSON, lines, arrays, or bytes."""

    def cleaned(text: str) -> Any:
        text = text.replace(str(home), "HOME")
        for tree in sorted(trees, key=len, reverse=True):
            text = text.replace(tree, "TREE")
        return plain(json.loads(text), new)

    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as held:
            return {name: (held[name].dtype.str, held[name].shape, held[name].tobytes()) for name in held.files}
    if path.name == "events.jsonl":
        told = [cleaned(line) for line in path.read_text("utf-8").splitlines()]
        return [{k: v for k, v in e.items() if k not in ("n", "t")} for e in told if e["type"] not in PACED]
    if path.name == "stage.json":
        return {k: v for k, v in cleaned(path.read_text("utf-8"))["record"].items() if k != "digests"}
    if path.suffix in (".json", ".out"):
        return cleaned(path.read_text("utf-8") or "{}")
    return path.read_bytes()


def files(home: Path) -> dict[str, Path]:
    """Every file that has to be the same, by its place; a stage's folder is named by its key."""
    parts = ("runs", "stages", "references")
    found = [p for part in parts for p in (home / part).rglob("*") if p.is_file()] + list(home.glob("*.out"))
    skip = (*LIVE, "lease.json", "control.json", "resolved.json")
    return {p.relative_to(home).as_posix(): p for p in found if p.name not in skip and not p.name.startswith(".")}


def compare(homes: list[Path], trees: list[str]) -> tuple[list[str], int]:
    """A line for everything that differs, and how many files were compared."""
    old, new = (files(home) for home in homes)
    said = [f"only in {'the old' if name in old else 'the new'}: {name}" for name in sorted(old.keys() ^ new.keys())]
    both = sorted(old.keys() & new.keys())
    settings = [
        json.loads(p.read_text("utf-8"))["config"] for found in (old, new) for n, p in found.items() if n == FIRST
    ]
    added = frozenset(set.symmetric_difference(*(set(one) for one in settings)) if len(settings) == 2 else ())
    if added:
        print(f"parameters of one tree only, not compared: {', '.join(sorted(added))}")
    for name in both:
        a, b = (content(found[name], home, trees, added) for found, home in zip((old, new), homes, strict=True))
        if a != b:
            said.append(f"differs: {name}{where(a, b)}")
    return said, len(both)


def where(a: Any, b: Any, at: str = "") -> str:
    """The first place where two JSON values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        key = next((k for k in [*a, *b] if a.get(k) != b.get(k) or (k in a) != (k in b)), None)
        return where(a.get(key), b.get(key), f"{at}.{key}")
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        index = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y)
        return where(a[index], b[index], f"{at}[{index}]")
    small = not isinstance(a, (bytes, tuple)) and len(f"{a}{b}") < 200
    return f" at {at or 'the whole'}" + (f": {a!r} and {b!r}" if small else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trees", nargs=2, type=Path, metavar="TREE", help="the old and the new one")
    parser.add_argument("--only", nargs="+", default=[], help="only these runs")
    parser.add_argument("--keep", type=Path, help="work here and leave everything there")
    parser.add_argument("--part", choices=("draw", "runs"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part == "draw":
        draw(given.trees[1])
        return 0
    if given.part == "runs":
        carry_out(given.trees[0], given.trees[1], given.trees[1].parent / "pictures", given.only)
        return 0
    place = (given.keep or Path(tempfile.mkdtemp())).resolve()
    place.mkdir(parents=True, exist_ok=True)
    trees, homes = [tree.resolve() for tree in given.trees], [place / "old", place / "new"]
    only = ["--only", *given.only] if given.only else []
    try:
        for tree, home in zip(trees, homes, strict=True):
            home.mkdir()
            own = dict(os.environ, PYTHONPATH=str(tree), MESA_LAB_HOME=str(home))
            ask = [sys.executable, str(Path(__file__).resolve())]
            if tree is trees[0]:
                subprocess.run(
                    [*ask, str(tree), str(place / "pictures"), "--part", "draw"], env=own, cwd=tree, check=True
                )
            print(f"{home.name}: {tree}", file=sys.stderr, flush=True)
            subprocess.run([*ask, str(tree), str(home), "--part", "runs", *only], env=own, cwd=tree, check=True)
        said, count = compare(homes, [str(tree) for tree in trees])
    finally:
        if not given.keep:
            shutil.rmtree(place, ignore_errors=True)
    print("\n".join([*said, f"{count} files compared, {len(said)} differ"]))
    return int(bool(said))


if __name__ == "__main__":
    sys.exit(main())
