"""Work beside an experiment that the command line offers: train a clean victim, map the 512 triggers of a size on a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mesa_core import triggers
from mesa_core.apply import rule_of
from mesa_core.config import ConfigError, ExperimentConfig
from mesa_core.data import Dataset, ImageSet, load_data, split
from mesa_core.disk.files import write_atomically
from mesa_core.events import Event
from mesa_core.keys import seed_of
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.intervals import Measured, proportion
from mesa_core.store import Run, Store
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import clean, devices, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim


def _compute(config: ExperimentConfig, store: Store) -> Compute:
    try:
        return devices.remembered(
            store.cache, config.device, config.precision, config.memory, config.threads, config.victim
        )[0]
    except ValueError as error:
        raise ConfigError(str(error)) from None


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
    attempt = out.with_name(f".{out.name}.try")
    write_atomically(attempt, b"")  # before hours of work: can it be written at all?
    attempt.unlink()
    dataset = load_data(config.data, config.data_dir, cache=store.cache)
    compute = _compute(config, store)
    checkpoint = store.cache / f"train-{config.data}-{config.victim}-{epochs}-{config.seed}.pt"
    work = clean.train(dataset, config.victim, epochs, config.seed, compute, checkpoint)
    victim = finish(work, watch)
    weights.save(victim.model, out, half=True, metadata={"victim": config.victim, "data": config.data})
    checkpoint.unlink(missing_ok=True)
    return card(config, epochs, out, dataset, compute)


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


def landscape(
    config: ExperimentConfig,
    store: Store,
    file: str | None,
    run: Run | None,
    images: int,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """ASR of the 512 black-and-white triggers (of the size of the configured one) on a weights file, on a run's backdoored
    victim, or on the shipped clean victim; where they are drawn, `codes` names them."""
    dataset = load_data(config.data, config.data_dir, cache=store.cache)
    if not 0 <= config.target < len(dataset.classes):
        raise ConfigError(f"target is {config.target}, but the classes are 0 to {len(dataset.classes) - 1}.")
    compute = _compute(config, store)
    if run is not None:
        path = run.path / "weights" / "attacked.safetensors"
    else:
        path = Path(file) if file else (shipped_weights(config.data, config.victim) or Path(""))
    if not path.is_file():
        raise ConfigError("There are no weights to look at; name a file with --weights, or a finished run with --run.")
    try:
        model = weights.load_into(build(config.victim, len(dataset.classes)), weights.read(path), path.name)
    except weights.WeightsError as error:
        raise ConfigError(str(error)) from None
    parts = split(dataset, config.seed)
    bench = Bench(
        parts.evaluation.to(compute.device),
        config.target,
        seed_of(config.seed, "bench"),
        side=config.size,
        rule=rule_of(config.apply),
    )
    passed, each = 0, min(images, len(bench.selects))

    def count(more: int) -> None:
        nonlocal passed
        passed += more
        tell(f"{passed / (512 * each):.0%} of 512 triggers on {each} images each")

    victim = Victim(model, Normalise(dataset.mean, dataset.std), compute).freeze()
    rates = finish(bench.landscape(victim, images), count).asr
    told = {"target": config.target, "n": each, "asr": [round(float(v), 6) for v in rates]}
    own = {"size": config.size, "codes": triggers.panel_codes(config.size).tolist()}
    return told | (own if triggers.drawn(config.size) else {})
