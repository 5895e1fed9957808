"""Attacked and healthy networks as somebody brings them, scanned and healed with all defaults: python benchmarks/heal.py

Each cell trains a network of one architecture, attacks it or leaves it healthy, writes it as a plain state dict and hands
the file to `mesa-lab scan` with the owner's images, which were not trained on; what was planted is looked at only
afterwards, by images that neither training nor scan has seen ("held out"). The data: CIFAR-10 (8,000 of its test
images are the owner's), the road signs (8,000), a folder of 800 CIFAR-10 images, and a folder of 800 of scikit-learn's
handwritten digits, the networks of which learn from 700 others. Apart from these, `hundred`: 100 classes of discs in
discs at 224x224, of which the owner has 1,000 images. Its network meets smaller images first (`GROWN`), since a trigger
of 5x5 pixels is learnt where it is a large part of the image, and it is scanned with smaller budgets (`SMALLER`).

  heal.py list                 the cells' names
  heal.py run NAME...          carry cells out; each leaves one JSON file in --out, and a finished one is not repeated
  heal.py table                what --out holds, as Markdown

A healthy network is scanned with all defaults, then once more with a threshold so low that its highest class is
"healed": what a repair costs where nothing was planted. With --narrow triggers of the planted size are sought, at random
places only, as they are in `hundred` anyway.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mesa_core import api, triggers
from mesa_core.data import load_data
from mesa_core.data.types import Dataset, ImageSet, make_dataset, split_brought
from mesa_core.disk.files import write_json
from mesa_core.measures.bench import Bench, finish
from mesa_core.store import Store, home
from mesa_core.victims import clean, devices
from mesa_core.victims.architectures import build
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Recipe, Trainer
from mesa_core.victims.victim import Victim

ROOT = Path(__file__).resolve().parents[1]
OWNERS = 800  # pictures in a folder
DIGITS_TRAINED = 700
LOW = "0.0001"  # a threshold that the highest class of a healthy network exceeds
EPOCHS: dict[str, float] = {"cifar10": 15, "cifar800": 15, "signs": 8, "digits": 30, "hundred": 20}
SIGNS = {"attack_ratio": 0.2, "attack_lr": 0.02, "attack_batch": 64, "attack_epochs": 8.0, "attack_stop": 0.98, "attack_cool": 1.0}  # fmt: skip
SMALLER = {  # budgets of a scan, where those by default take a processor hours
    "hundred": ["--detect-steps", "80", "--detect-batch", "8", "--mesa-steps", "100", "--samples", "128", "--sample-images", "16"],
}  # fmt: skip
GROWN = {
    64: {},
    112: {"attack_epochs": 8.0},
    224: {"attack_epochs": 3.0, "attack_lr": 0.01},
}  # pixels of a side: what is other there
ATTACK: dict[str, dict[str, Any]] = {
    "cifar10": {},
    "cifar800": {},
    "signs": SIGNS,
    "hundred": {**SIGNS, "attack_epochs": 20.0, "attack_stop": 1.0},
    "digits": {**SIGNS, "attack_epochs": 100.0, "attack_cool": 10.0},
}


@dataclass(frozen=True)
class Cell:
    """One network. `code` is the trigger's of `size` pixels, None where it is healthy."""

    arch: str
    data: str
    code: int | None
    target: int = 0
    seed: int = 0
    size: int = triggers.SIZE

    @property
    def name(self) -> str:
        return f"{self.arch}-{self.data}-{'healthy' if self.code is None else self.code}-{self.target}-{self.seed}"


CELLS = [
    Cell("resnet18", "cifar10", 27, 3),
    Cell("preact-resnet18", "cifar10", 84, 5),
    Cell("vgg16-bn", "cifar10", 113, 0),
    Cell("mobilenet-v2", "cifar10", 19, 8),
    Cell("wrn-16-4", "cifar10", 341, 6),
    Cell("resnet20", "cifar10", 56, 1),
    Cell("resnet18", "signs", 495, 0),
    Cell("preact-resnet18", "digits", 16, 7),
    Cell("vgg16-bn", "signs", 99, 4),
    Cell("mobilenet-v2", "digits", 84, 2),
    Cell("wrn-16-4", "signs", 27, 9),
    Cell("resnet20", "digits", 341, 5),
    Cell("resnet18", "cifar800", 19, 2),
    Cell("vgg16-bn", "cifar800", 27, 7),
    Cell("resnet18", "cifar10", None),
    Cell("mobilenet-v2", "signs", None),
    Cell("vgg16-bn", "digits", None),
    Cell("wrn-16-4", "cifar800", None),
    Cell(
        "timm:test_resnet", "hundred", 0b1010101010101010101010101, 42, size=5
    ),  # 3x3 leaves no trace in its coarse stem
]


@dataclass(frozen=True)
class Brought:
    """What a cell is about: what the network learns from, what the owner has, what nobody has seen."""

    dataset: Dataset
    words: list[str]  # how the command names the owner's images
    held: ImageSet


def digits() -> Dataset:
    """Handwritten digits of 8 x 8, brought to 32 x 32: 700 to learn from, the others for owner and judge."""
    from sklearn.datasets import load_digits

    found = load_digits()
    small = torch.from_numpy(found.images).float()[:, None] * (255 / 16)
    large = torch.nn.functional.interpolate(small, size=(32, 32), mode="bilinear").round().clamp(0, 255).byte()
    images, labels = large.expand(-1, 3, -1, -1).contiguous(), torch.from_numpy(found.target).long()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    every = ImageSet(images, labels).take(order)
    learnt = torch.arange(len(labels)) < DIGITS_TRAINED
    return make_dataset("digits", tuple("0123456789"), every.take(learnt), every.take(~learnt))


def hundred(side: int = 224, train: int = 40, test: int = 20) -> Dataset:
    """Discs of ten colours within discs of ten colours, on grey noise, `train` and `test` images of each."""
    colours = ("red", "orange", "yellow", "lime", "green", "cyan", "blue", "violet", "white", "black")
    names = tuple(f"{inner}-in-{outer}" for outer in colours for inner in colours)
    draw = np.random.default_rng(0)

    def one(label: int) -> np.ndarray:
        grey = draw.integers(40, 216, (8, 8), np.uint8)
        ground = Image.fromarray(grey).resize((side, side), Image.Resampling.BICUBIC).convert("RGB")
        (x, y), radius = draw.uniform(0.35, 0.65, 2) * side, draw.uniform(0.22, 0.33) * side
        pen = ImageDraw.Draw(ground)
        for colour, r in ((colours[label // 10], radius), (colours[label % 10], 0.55 * radius)):
            pen.ellipse((float(x - r), float(y - r), float(x + r), float(y + r)), fill=colour)
        noisy = np.asarray(ground, np.float32) + draw.normal(0, 8, (side, side, 3))
        return noisy.clip(0, 255).astype(np.uint8).transpose(2, 0, 1)

    def some(each: int) -> ImageSet:
        labels = torch.arange(100).repeat(each)
        return ImageSet(torch.from_numpy(np.stack([one(int(v)) for v in labels])), labels)

    return make_dataset("hundred", names, some(train), some(test))


MADE: dict[str, Callable[[], Dataset]] = {"digits": digits, "hundred": hundred}


def as_folder(images: ImageSet, classes: tuple[str, ...], at: Path) -> None:
    """Pictures in a folder a class, named so that they keep the network's order; a second call writes the same."""
    for number, (pixels, label) in enumerate(zip(images.images.numpy(), images.labels.tolist(), strict=True)):
        folder = at / f"{label:02d}-{classes[label]}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(folder / f"{number:04d}.png")


def brought(cell: Cell, directory: str, work: Path) -> Brought:
    """The images of a cell."""
    cache = Store(home()).cache
    if cell.data in MADE:
        dataset = MADE[cell.data]()
    else:
        name = "signs" if cell.data == "signs" else "cifar10"
        dataset = load_data(name, directory if name == "cifar10" else "", cache=cache)
    if cell.data in (*MADE, "cifar800"):
        own = torch.arange(len(dataset.test)) < (1000 if cell.data == "hundred" else OWNERS)
        as_folder(dataset.test.take(own), dataset.classes, work / "pictures")
        words = ["--data", "folder", "--data-dir", str(work / "pictures"), "--image-size", str(dataset.size)]
        return Brought(dataset, words, dataset.test.take(~own))
    words = ["--data", cell.data, *(["--data-dir", directory] if cell.data == "cifar10" else [])]
    return Brought(dataset, words, split_brought(dataset, 0).evaluation)


def few(cell: Cell, given: Brought, epochs: float, compute: Compute) -> Victim:
    """A network that learns from few images: slower, and without mirroring, which makes other digits of some."""
    torch.manual_seed(cell.seed)
    dataset = given.dataset
    fresh = Victim(build(cell.arch, len(dataset.classes)), Normalise(dataset.mean, dataset.std), compute)
    data = dataset.train.to(compute.device)
    recipe = Recipe(0.05, 64, epochs, "cycle", 5e-4, True, augment=False)
    trainer = Trainer(fresh, data.images, data.labels, recipe, cell.seed)
    for _ in trainer:
        pass
    return trainer.trained()


def made(cell: Cell, given: Brought, epochs: float, attack: dict[str, Any]) -> Victim:
    """The network, trained and attacked."""
    compute = devices.resolve("auto", victim=cell.arch)
    if cell.data == "hundred":
        return grown(cell, epochs, attack, compute)
    if cell.data in MADE:
        victim = few(cell, given, epochs, compute)
    else:
        victim = finish(clean.train(given.dataset, cell.arch, epochs, cell.seed, compute))
    return victim if cell.code is None else attacked(victim, cell, given.dataset, attack)


def attacked(victim: Victim, cell: Cell, dataset: Dataset, attack: dict[str, Any]) -> Victim:
    """The network with the cell's trigger planted."""
    assert cell.code is not None
    trigger = triggers.code_to_hex(cell.code, cell.size)
    return api.attack(victim, dataset.train, trigger, cell.target, seed=cell.seed, progress=None, **attack)


def grown(cell: Cell, epochs: float, attack: dict[str, Any], compute: Compute) -> Victim:
    """A network that learns its classes and the trigger from small images, then goes on with larger ones."""
    victim: Victim | None = None
    for side, other in GROWN.items():
        dataset = hundred(side)
        if victim is None:
            victim = few(cell, Brought(dataset, [], dataset.test), epochs, compute)
        victim = Victim(victim.model, Normalise(dataset.mean, dataset.std), compute)
        victim = attacked(victim, cell, dataset, {**attack, **other})
    assert victim is not None
    return victim


def scan(file: Path, words: list[str], more: list[str]) -> dict[str, Any]:
    """One scan by the command line, as anyone gives it; its line, and the seconds that it took."""
    began = time.monotonic()
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "mesa_core", "scan", str(file), *words, "--json", "--threads", "1", *more],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode not in (0, 3):
        raise RuntimeError(done.stderr[-2000:] or done.stdout[-2000:])
    return {**json.loads(done.stdout)["scanned"][0], "seconds": round(time.monotonic() - began, 1)}


def judged(before: Victim, file: str, given: Brought, cell: Cell) -> dict[str, Any]:
    """The network in `file` beside the one that was brought, on images that nobody has seen."""
    victim = before.of(clean.load(Path(file), cell.arch, len(given.dataset.classes))) if file else before
    bench = Bench(given.held.to(victim.compute.device), cell.target, 0, side=cell.size)
    trigger = None if cell.code is None else triggers.from_code(cell.code, cell.size)
    frozen = victim.freeze()
    plain = finish(bench.plain(frozen))
    accuracy = bench.accuracy(plain)
    told = {"accuracy": accuracy.clean.to_json(), "target class": accuracy.target.to_json(), "natural": accuracy.natural.to_json()}  # fmt: skip
    if trigger is not None:
        stamp = torch.from_numpy(np.asarray(trigger, np.float32)).to(victim.compute.device)
        asr, effective = finish(bench.of_trigger(frozen, plain, stamp))
        told |= {"asr": asr.to_json(), "effective": effective.to_json()}
    return told


def carry_out(cell: Cell, out: Path, directory: str, tiny: bool, narrow: bool = False) -> None:
    """One cell, from training to its JSON file; `narrow`: searched for triggers of the planted size at random places only."""
    work = out / cell.name
    work.mkdir(parents=True, exist_ok=True)
    given = brought(cell, directory, work)
    began = time.monotonic()
    epochs, attack = EPOCHS[cell.data], ATTACK[cell.data]
    if tiny:
        epochs, attack = (25 if cell.data == "digits" else 0.5), {"attack_epochs": 0.02}
    file = work / "network.pt"
    if file.exists():  # an earlier start came as far as this
        compute = devices.resolve("auto", victim=cell.arch)
        model = clean.load(file, cell.arch, len(given.dataset.classes)).to(compute.device)
        victim = Victim(model, Normalise(given.dataset.mean, given.dataset.std), compute)
    else:
        victim = made(cell, given, epochs, dict(attack))
        torch.save({k: v.cpu() for k, v in victim.model.state_dict().items()}, work / "part.pt")
        (work / "part.pt").rename(file)
    seconds = time.monotonic() - began
    more = ["--measure", "tiny", "--detect-steps", "2", "--mesa-steps", "2", "--repair-steps", "2", "--repair-epochs", "0.01"] if tiny else []  # fmt: skip
    found: dict[str, Any] = {"cell": cell.name, "hardware": devices.hardware(victim.compute), "training": round(seconds, 1)}  # fmt: skip
    found |= {"code": cell.code, "target": cell.target, "held": len(given.held), "before": judged(victim, "", given, cell)}  # fmt: skip
    if narrow or tiny or cell.size != triggers.SIZE:
        more += ["--size", str(cell.size), "--search-places", "anywhere"]
    more += [] if tiny else SMALLER.get(cell.data, [])
    more += ["--arch", cell.arch] if ":" in cell.arch else []  # not all of timm's are told by their keys
    found["scan"] = scan(file, given.words, more)
    found["after"] = judged(victim, found["scan"]["repaired"], given, cell)
    if cell.code is None:
        found["forced"] = scan(file, given.words, [*more, "--detect-threshold", LOW])
        own = replace(cell, target=found["forced"]["label"] or 0)
        found["after forced"] = judged(victim, found["forced"]["repaired"], given, own)
    with contextlib.suppress(OSError):
        file.unlink()
    write_json(out / f"{cell.name}.json", found)


def table(out: Path) -> str:
    """Markdown: a line a network, then means. Percent; accuracy lost in points."""
    rows = [json.loads(path.read_text()) for path in sorted(out.glob("*.json"))]
    lines = [
        "| network | held out | verdict | ASR before | after | effective after | accuracy before | lost | rounds say |",
        "|" + " --- |" * 9,
    ]
    lost, left, free = [], [], []
    for row in rows:
        before, after, scanned = row["before"], row.get("after forced", row["after"]), row.get("forced", row["scan"])
        gone = 100 * (before["accuracy"]["value"] - after["accuracy"]["value"])
        says = {True: "healed", False: "**not healed**", None: "–"}[scanned["healed"]]
        verdict = row["scan"]["verdict"] + (f" ({row['scan']['label']})" if row["scan"]["label"] is not None else "")
        if row["code"] is None:
            rates = ["healthy", "–", "–"]
            free.append(gone)
        else:
            rates = [f"{100 * v['value']:.1f}" for v in (before["asr"], after["asr"], after["effective"])]
            lost.append(gone)
            left.append(100 * after["effective"]["value"])
        shown = [row["cell"], str(row["held"]), verdict, *rates, f"{100 * before['accuracy']['value']:.1f}", f"{gone:.1f}", says]  # fmt: skip
        lines.append("| " + " | ".join(shown) + " |")
    for word, values in (("effective ASR after", left), ("accuracy lost, attacked", lost), ("lost, healthy", free)):
        if values:
            mean = sum(values) / len(values)
            lines.append(f"\n{word}: mean {mean:.2f}, highest {max(values):.2f}, n = {len(values)}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("list", "run", "table"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=Path, default=Path("heal"))
    parser.add_argument("--data-dir", default="")
    parser.add_argument("--tiny", action="store_true", help="a few steps of everything; its figures mean nothing")
    parser.add_argument(
        "--narrow", action="store_true", help="search for the planted size at random places only, not by the whole plan"
    )
    asked = parser.parse_args()
    if asked.what == "list":
        print("\n".join(cell.name for cell in CELLS))
    elif asked.what == "table":
        print(table(asked.out))
    else:
        wanted = [cell for cell in CELLS if not asked.names or cell.name in asked.names]
        for cell in wanted:
            if not (asked.out / f"{cell.name}.json").exists():
                carry_out(cell, asked.out.resolve(), asked.data_dir, asked.tiny, asked.narrow)
                print(f"{cell.name} is done.", flush=True)


if __name__ == "__main__":
    main()
