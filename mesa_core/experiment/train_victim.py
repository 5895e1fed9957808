"""A clean victim trained for its own sake, as a weights file with a card that says how good it is: `mesa-lab train`."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mesa_core.config import ConfigError, ExperimentConfig
from mesa_core.data import Dataset, ImageSet, load_data
from mesa_core.disk.errors import naming
from mesa_core.disk.leftovers import new_file
from mesa_core.disk.plain import plain
from mesa_core.events import Event
from mesa_core.experiment.context import computing
from mesa_core.measures.bench import finish
from mesa_core.measures.intervals import Measured, proportion
from mesa_core.store import Store
from mesa_core.victims import clean, devices, weights
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

HEADER = 1 << 20  # bytes of the header of a weights file of ours, at most


@torch.no_grad()
def accuracy(victim: Victim, images: ImageSet) -> Measured:
    """Share of `images` that a victim, in evaluation mode and in the precision of its weights, labels rightly."""
    device = victim.compute.device
    right = 0
    for batch, labels in zip(images.images.split(500), images.labels.split(500), strict=True):
        right += int((victim.model(victim.normalise.images(batch.to(device))).argmax(1) == labels.to(device)).sum())
    return proportion(right, len(images))


def train_victim(
    config: ExperimentConfig, epochs: int, out: Path, store: Store, watch: Callable[[Event], None]
) -> dict[str, Any]:
    """Train, write half-precision weights to `out`, and return a card with the accuracy measured from that file."""
    require_weights_of_ours(out)
    with naming(out):  # before hours of work: can it be written at all?
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, attempt = new_file(out.parent)
        os.close(handle)
        os.unlink(attempt)
    dataset = load_data(config.data, config.data_dir, cache=store.cache, **config.reading)
    compute = computing(config, store)[0]
    checkpoint = store.cache / f"train-{config.data}-{config.victim}-{epochs}-{config.seed}.pt"
    work = clean.train(dataset, config.victim, epochs, config.seed, compute, checkpoint)
    victim = finish(work, watch)
    weights.save(victim.model, out, half=True, metadata={"victim": config.victim, "data": config.data})
    checkpoint.unlink(missing_ok=True)
    return card(config, epochs, out, dataset, compute)


def require_weights_of_ours(path: Path) -> None:
    """ConfigError unless nothing is at `path`, or a weights file that `train_victim` wrote, which its header says."""
    if not os.path.lexists(path):
        return
    header: Any = None
    if path.is_file() and not path.is_symlink():
        with naming(path), open(path, "rb") as file, contextlib.suppress(ValueError, RecursionError):
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= HEADER else None
    own = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(own, dict) or set(own) != {"victim", "data"}:
        raise ConfigError(f"{plain(str(path))} holds something else than a victim trained here; name another --out.")


def card(config: ExperimentConfig, epochs: int, path: Path, dataset: Dataset, compute: Compute) -> dict[str, Any]:
    """What is known of a weights file: how it was made, and its accuracy on the whole test set in fp32."""
    model = clean.load(path, config.victim, len(dataset.classes)).to(compute.device)
    measured = accuracy(Victim(model, Normalise(dataset.mean, dataset.std), compute), dataset.test)
    return {
        "data": config.data,
        "victim": config.victim,
        "epochs": epochs,
        "seed": config.seed,
        "fingerprint": dataset.fingerprint,
        "accuracy": measured.to_json(),
        "hardware": devices.hardware(compute),
    }
