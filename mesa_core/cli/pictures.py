"""`mesa-lab data`: which images are there, how they were read, and what was skipped and why."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesa_core.cli.commands import print_json, store_of
from mesa_core.cli.console import Console, say
from mesa_core.config import ConfigError
from mesa_core.data.locate import find_data

if TYPE_CHECKING:
    from mesa_core.data import Dataset

WIDE = 30  # letters of a class's name in the table


def data(arguments: argparse.Namespace) -> int:
    """Say what images are there, or fetch CIFAR-10."""
    from mesa_core.data.download import download_cifar10

    store, console = store_of(arguments), Console()
    name = arguments.name
    if arguments.download:
        if name not in ("auto", "cifar10"):
            raise ConfigError(f"Only cifar10 can be downloaded, not {name}.")
        folder = Path(os.path.expanduser(arguments.data_dir)) if arguments.data_dir else store.cache
        for have, total in download_cifar10(folder):
            console.moving(f"{have / 2**20:.0f} of {total / 2**20:.0f} MiB")
        name = "cifar10"
    if name == "auto":
        name = find_data(arguments.data_dir or None, store.cache)
    from mesa_core.data import load_data

    dataset = load_data(
        name,
        arguments.data_dir,
        cache=store.cache,
        progress=lambda what, done, of: console.moving(f"{what} {done}/{of}"),
        side=arguments.image_size or 0,
        classes=arguments.classes or "",
    )
    told = counted(dataset)
    console.line("")
    if arguments.json:
        print_json(told)
        return 0
    say(
        f"{dataset.name}: {told['train']} training and {told['test']} test images of {dataset.size} x {dataset.size} "
        f"pixels, {len(dataset.classes)} classes: {', '.join(dataset.classes)}."
    )
    for line in _lines(told):
        say(line)
    return 0


def counted(dataset: Dataset) -> dict[str, Any]:
    """What there is to say of a data set, as JSON can hold it; lists are by class."""
    count = len(dataset.classes)
    each = {part: getattr(dataset, part).labels.bincount(minlength=count).tolist() for part in ("train", "test")}
    seen = dataset.seen
    return {
        "name": dataset.name,
        "classes": list(dataset.classes),
        "train": len(dataset.train),
        "test": len(dataset.test),
        "size": dataset.size,
        "fingerprint": dataset.fingerprint,
        "each": each,
        "examples": list(seen.examples),
        "layout": seen.layout,
        "numbering": seen.numbering,
        "notes": list(seen.notes),
        "skipped": [{"why": s.why, "count": s.count, "examples": list(s.examples)} for s in seen.skipped],
    }


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield from (told[name] for name in ("layout", "numbering") if told[name])
    yield from told["notes"]
    examples = told["examples"] or [""] * len(told["classes"])
    rows = zip(told["classes"], told["each"]["train"], told["each"]["test"], examples, strict=True)
    yield f"{'label':>5} {'class':<{WIDE}} {'training':>9} {'test':>7}  example"
    for label, (name, train, test, example) in enumerate(rows):
        yield f"{label:>5} {name[:WIDE]:<{WIDE}} {train:>9} {test:>7}  {example}".rstrip()
    for one in told["skipped"]:
        more = f" and {one['count'] - len(one['examples'])} more" if one["count"] > len(one["examples"]) else ""
        yield f"skipped {one['count']}: {', '.join(one['examples'])}{more} ({one['why']})"
