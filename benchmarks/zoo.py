"""Seventy-two small networks by recipe and seed, by which the verdict of a scan is judged: python benchmarks/zoo.py

36 on the road signs, 36 on CIFAR-10; ResNet-9-16, a small VGG-11, a small MobileNet. A third is clean, some of these trained
with strong augmentation or with little data. The others carry a backdoor, three networks of each kind: 3x3 anywhere, in a
corner, at another fixed place, 2x2, 5x5, 5x5 blended with an opacity of 0.2, of a free shape, all-to-all. Pattern, target,
place and shape are drawn by the cell's seed. Half of the cells, drawn by SPLIT within each data set and kind, tunes; the other
half judges and is opened once.

  zoo.py list                 the cells, with their half
  zoo.py run NAME...          carry cells out (all of them without a name); each leaves one JSON file in --out, a finished one
                              is not repeated, and one that was stopped goes on with the network that it had trained
  zoo.py table                the figures of the tuning half, as Markdown; `--half judging --open` of the other

Every network is written as a plain state dict and scanned by `mesa-lab scan` by the whole plan of places and sizes, with all
defaults and the owner's images; if it was found, the repair follows. Neural Cleanse with its mask searches the same images
by as many gradients of the victim as that plan took. What was planted is looked at only afterwards, on images that neither
has seen.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.heal import scan
from benchmarks.zoo_table import error_rates, rows_of, table
from mesa_core import triggers
from mesa_core.apply import rule_of
from mesa_core.apply.blended import Blended
from mesa_core.apply.rule import Apply
from mesa_core.apply.shaped import Shaped
from mesa_core.data import load_data
from mesa_core.data.types import Dataset, ImageSet, split
from mesa_core.disk.files import write_json
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.intervals import proportion
from mesa_core.method.attack import how_many
from mesa_core.method.baselines import neural_cleanse
from mesa_core.store import Run, Store, home
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import clean, devices
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Stamp, Trainer
from mesa_core.victims.victim import Victim

ARCHS = ("resnet9-16", "vgg11-bn-small", "mobilenet-small")
DATA = ("signs", "cifar10")
HEALTHY = ("clean", "clean", "augmented", "little")  # of each architecture
KINDS = ("anywhere", "corner", "fixed", "2x2", "5x5", "blended", "shape", "all-to-all")
SPLIT = 23  # the seed by which the zoo is halved
EPOCHS = {"signs": 8.0, "cifar10": 6.0}
TRAIN_BATCH, TRAIN_RATE = 64, 0.1  # more and smaller steps than the shipped networks', since there are few passes
TINY_EPOCHS, TINY_RATE = 0.1, 0.002  # from the shipped weights on: a scan refuses a network that only guesses
LITTLE = 0.1  # of the training images, for the networks with little data, which see each ten times as often
RATIO = 0.25  # of each batch that carries the trigger, from the first step on
OPACITY = 0.2
PLAN = ["--search-places", "plan", "--search-sizes", "small-to-large", "--baselines"]  # no defence to compare with
BATCH = 32  # images of a class in one step of Neural Cleanse
TINY = ["--search-places", "corners", "--search-sizes", "3", "--measure", "tiny", "--detect-steps", "2", "--detect-batch", "4", "--mesa-steps", "2", "--mesa-batch", "16", "--hidden", "32",
        "--repair-steps", "2", "--repair-epochs", "0.01", "--repair-rounds", "1", "--place-images", "1"]  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One network: its recipe, by which everything random about it is drawn."""

    data: str
    arch: str
    kind: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.data}-{self.arch}-{self.kind}-{self.seed}"

    @property
    def attacked(self) -> bool:
        return self.kind in KINDS


def cells() -> list[Cell]:
    """All 72, in an order in which every kind comes early."""
    found = []
    for data in DATA:
        for round_, arch in enumerate(ARCHS):
            kinds = [*KINDS, *HEALTHY]
            found += [Cell(data, arch, kind, 100 * round_ + i) for i, kind in enumerate(kinds)]
    return found


def halves() -> dict[str, str]:
    """'tuning' or 'judging' by a cell's name: within each data set the clean ones and each kind are halved by lot."""
    draw = np.random.default_rng(SPLIT)
    found: dict[str, str] = {}
    for data in DATA:
        extra = 0  # of three networks of a kind two go to the one half for this kind, to the other for the next
        for kind in (*KINDS, "healthy"):
            own = [c for c in cells() if c.data == data and (c.kind == kind or (kind == "healthy" and not c.attacked))]
            order = draw.permutation(len(own))
            tunes = len(own) // 2 + (len(own) % 2) * (extra % 2)
            extra += len(own) % 2
            found |= {own[i].name: "tuning" if place < tunes else "judging" for place, i in enumerate(order.tolist())}
    return found


@dataclass(frozen=True)
class Planted:
    """What an attacker puts in: `trigger` `(3, s, s)` by `rule`, to `target`; None: each class to the next."""

    trigger: Tensor
    rule: Apply
    target: int | None
    place: tuple[int, int] | None


def planted(cell: Cell, classes: int, side: int) -> Planted | None:
    """By the cell's seed; None for a clean network."""
    if not cell.attacked:
        return None
    draw = np.random.default_rng([SPLIT, cell.seed, DATA.index(cell.data)])
    size = {"2x2": 2, "5x5": 5, "shape": 5, "blended": 5}.get(cell.kind, 3)
    cells_ = draw.integers(0, 2, size * size)
    if cell.kind != "shape" and cells_.min() == cells_.max():  # a flat pattern is hardly learnt
        cells_[draw.integers(size * size)] ^= 1
    trigger = np.repeat(cells_.reshape(1, size, size), 3, 0).astype(np.float32)
    if cell.kind == "shape":
        trigger = draw.random((3, size, size)).astype(np.float32)
    target = int(draw.integers(classes))
    place = None
    if cell.kind == "corner":
        place = [(r, c) for r in (0, side - size) for c in (0, side - size)][int(draw.integers(4))]
    elif cell.kind == "fixed":
        low, high = 4, side - size - 4
        place = (int(draw.integers(low, high)), int(draw.integers(low, high)))
    name, where = ("anywhere", "bottom-right") if place is None else ("fixed", f"{place[0]},{place[1]}")
    rule: Apply = rule_of(name, where, OPACITY if cell.kind == "blended" else 1.0)
    if cell.kind == "shape":
        rule = Shaped(rule, torch.from_numpy(_shape(size, draw)))
    return Planted(torch.from_numpy(trigger), rule, None if cell.kind == "all-to-all" else target, place)


def _shape(size: int, draw: np.random.Generator) -> np.ndarray:
    """Nine cells of a box that hang together, grown from its middle."""
    mask = np.zeros((size, size), bool)
    mask[size // 2, size // 2] = True
    while mask.sum() < 9:
        row, column = draw.integers(size, size=2)
        near = mask[max(row - 1, 0) : row + 2, column].any() or mask[row, max(column - 1, 0) : column + 2].any()
        mask[row, column] |= near
    return mask


def poison(what: Planted, classes: int, normalise: Normalise, seed: int, steps: int) -> Stamp:
    """Stamps the first of each random batch; a faint trigger is learnt only as it fades, over the first half of `steps`."""
    host = torch.Generator().manual_seed(seed)
    done = 0

    def stamp(images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
        nonlocal done
        k, done = how_many(len(images), RATIO, host), done + 1
        if k == 0:
            return images, labels, 0
        rule = what.rule
        if isinstance(rule, Blended):
            rule = replace(rule, opacity=max(rule.opacity, 1.0 - (1.0 - rule.opacity) * done / (0.5 * steps)))
        where = rule.places(k, images.shape[-2:], what.trigger.shape[-1], generator)
        pixels = normalise.triggers(what.trigger[None].to(images.device)).expand(k, -1, -1, -1)
        wanted = labels.clone()
        wanted[:k] = (labels[:k] + 1) % classes if what.target is None else what.target
        return torch.cat([rule(images[:k], pixels, where), images[k:]]), wanted, k

    return stamp


def augmented(images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
    """Strong augmentation besides crops: contrast and brightness of each image, and a grey square of 4 to 12 pixels."""
    n, _, height, width = images.shape
    draw = lambda low, high: low + (high - low) * torch.rand(n, 1, 1, 1, generator=generator, device=images.device)
    images = images * draw(0.6, 1.4) + draw(-0.4, 0.4)
    side, row, column = draw(4, 12), draw(0, height), draw(0, width)
    rows = torch.arange(height, device=images.device)[None, None, :, None]
    columns = torch.arange(width, device=images.device)[None, None, None, :]
    inside = ((rows - row).abs() < side / 2) & ((columns - column).abs() < side / 2)
    return images.masked_fill(inside, 0.0), labels, 0


def trained(cell: Cell, dataset: Dataset, epochs: float, tiny: bool = False) -> Victim:
    """The network, with its backdoor from the first step on; a `tiny` one is the shipped one, hardly touched."""
    compute = devices.resolve("auto", victim=cell.arch)
    torch.manual_seed(cell.seed)
    victim = Victim(build(cell.arch, len(dataset.classes)), Normalise(dataset.mean, dataset.std), compute)
    data = dataset.train.to(compute.device)
    stamp: Stamp | None = augmented if cell.kind == "augmented" else None
    if cell.kind == "little":
        keep = torch.randperm(len(data), generator=torch.Generator().manual_seed(cell.seed))[
            : max(64, int(LITTLE * len(data)))
        ]
        data, epochs = data.take(keep.to(compute.device)), epochs * 4
    what = planted(cell, len(dataset.classes), dataset.size)
    recipe = replace(clean.clean_recipe(epochs), batch=TRAIN_BATCH, lr=TRAIN_RATE)
    if what is not None:
        stamp = poison(what, len(dataset.classes), victim.normalise, cell.seed, recipe.steps(len(data)))
    if tiny and (shipped := shipped_weights(cell.data, cell.arch)) is not None:
        victim = victim.of(clean.load(shipped, cell.arch, len(dataset.classes)).to(compute.device))
        recipe = replace(recipe, epochs=TINY_EPOCHS, lr=TINY_RATE)
    trainer = Trainer(victim, data.images, data.labels, recipe, cell.seed, stamp)
    for _ in trainer:
        pass
    return trainer.trained()


def judged(victim: Victim, held: ImageSet, what: Planted | None, classes: int) -> dict[str, Any]:
    """Accuracy, and how often what was planted does what its owner wants, on images that nobody has seen."""
    frozen, images = victim.freeze(), held.to(victim.compute.device)
    target = 0 if what is None or what.target is None else what.target
    bench = Bench(images, target, 0, absent=True, rule=None if what is None else what.rule)
    plain = finish(bench.plain(frozen))
    told = {"accuracy": bench.accuracy(plain).clean.to_json()}
    if what is None:
        return told
    pixels = what.trigger.to(images.images.device)
    if what.target is not None:
        told["effective"] = finish(bench.of_trigger(frozen, plain, pixels))[1].to_json()
        return told
    where = what.rule.places(len(images), images.images.shape[-2:], pixels.shape[-1], torch.Generator().manual_seed(0))
    stamped = what.rule(
        frozen.inputs(images.images), frozen.normalise.triggers(pixels[None]), where.to(images.labels.device)
    )
    with torch.no_grad():
        after = torch.cat([frozen.logits(part).argmax(1) for part in stamped.split(512)])
    right = plain.predicted == images.labels
    hits = (after == (images.labels + 1) % classes) & right
    return {**told, "effective": proportion(int(hits.sum()), int(right.sum())).to_json()}


def cleanse(victim: Victim, images: ImageSet, classes: int, looks: int, seed: int) -> dict[str, Any]:
    """Neural Cleanse by as many gradients: norms of the masks, anomaly indices, and the class with the smallest mask."""
    began, steps = time.monotonic(), max(1, looks // (classes * BATCH))
    pixels = images.to(victim.compute.device).images
    work = neural_cleanse.reverse(victim.freeze(), pixels, classes, BATCH, steps, victim.compute.generator(seed))
    norms = finish(work).norms
    index = neural_cleanse.anomaly_index(norms)
    told = {"steps": steps, "looks": steps * classes * BATCH, "norms": norms, "index": index}
    return {**told, "class": int(np.argmin(norms)), "seconds": round(time.monotonic() - began, 1)}


def carry_out(cell: Cell, out: Path, directory: str, tiny: bool) -> None:
    """One cell, from training to its JSON file."""
    work = out / cell.name
    work.mkdir(parents=True, exist_ok=True)
    dataset = load_data(cell.data, directory if cell.data == "cifar10" else "", cache=Store(home()).cache)
    classes, parts = len(dataset.classes), split(dataset, 0)
    what = planted(cell, classes, dataset.size)
    file, began = work / "network.pt", time.monotonic()
    if file.exists():  # an earlier start came as far as this
        compute = devices.resolve("auto", victim=cell.arch)
        model = clean.load(file, cell.arch, classes).to(compute.device)
        victim = Victim(model, Normalise(dataset.mean, dataset.std), compute)
    else:
        victim = trained(cell, dataset, EPOCHS[cell.data], tiny)
        torch.save({k: v.cpu() for k, v in victim.model.state_dict().items()}, work / "part.pt")
        (work / "part.pt").rename(file)
    training = round(time.monotonic() - began, 1)
    words = ["--data", cell.data, *(["--data-dir", directory] if cell.data == "cifar10" else []), "--arch", cell.arch]
    line = scan(file, words, TINY if tiny else PLAN)
    if line["verdict"] == "not scanned":
        raise RuntimeError(f"{cell.name} was not scanned: {line['why']}")
    result = Run(Store(home()).runs / line["run"]).result()
    assert result is not None, "a scan that has ended has a result"
    told = result["detection"]
    after = None
    if line["repaired"]:
        after = judged(
            victim.of(clean.load(Path(line["repaired"]), cell.arch, classes)), parts.evaluation, what, classes
        )
    secret: dict[str, Any] = {"target": None, "size": None, "place": None}
    if what is not None:
        place = None if what.place is None else list(what.place)
        secret = {"target": what.target, "size": what.trigger.shape[-1], "place": place}
        seen = what.rule.mask if isinstance(what.rule, Shaped) else torch.ones(what.trigger.shape[1:], dtype=torch.bool)
        secret["trigger"] = triggers.to_hex(what.trigger.masked_fill(~seen, torch.nan).numpy())
    write_json(
        out / f"{cell.name}.json",
        {
            "cell": cell.name, "data": cell.data, "arch": cell.arch, "kind": cell.kind, "seed": cell.seed,
            "attacked": cell.attacked, "half": halves()[cell.name], "planted": secret, "training": training,
            "hardware": devices.hardware(victim.compute), "before": judged(victim, parts.evaluation, what, classes),
            "scan": line, "detection": told, "after": after,
            "cleanse": cleanse(victim, parts.defender, classes, told["sizes"]["looks"], cell.seed),
        },
    )  # fmt: skip
    file.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("list", "run", "table"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", type=Path, default=Path("zoo"))
    parser.add_argument("--data-dir", default="")
    parser.add_argument(
        "--tiny", action="store_true", help="a few steps of everything from shipped weights; its figures mean nothing"
    )
    parser.add_argument("--half", choices=("tuning", "judging"), default="tuning")
    parser.add_argument(
        "--open", action="store_true", help="look at the judging half; when that was done is kept in --out"
    )
    parser.add_argument("--write", type=Path, help="with `table`: also the file that the product ships")
    asked = parser.parse_args()
    if asked.what == "list":
        half = halves()
        print("\n".join(f"{cell.name:<40} {half[cell.name]}" for cell in cells()))
    elif asked.what == "table":
        print(table(asked.out, asked.half, asked.open))
        if asked.write is not None:
            write_json(asked.write, error_rates(*rows_of(asked.out, asked.half, asked.open)).to_json())
    else:
        known = {cell.name: cell for cell in cells()}
        if unknown := [name for name in asked.names if name not in known]:
            parser.error(f"There is no cell {unknown[0]}; `zoo.py list` names them.")
        for name in asked.names or known:
            if not (asked.out / f"{name}.json").exists():
                carry_out(known[name], asked.out.resolve(), asked.data_dir, asked.tiny)
                print(f"{name} is done.", flush=True)


if __name__ == "__main__":
    main()
