"""A clean victim: shipped, brought by the user, or trained here with checkpoints."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from mesa_core.events import Progress
from mesa_core.pacing import Pace
from mesa_core.victims import weights
from mesa_core.victims.architectures import build
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import CLEAN, Recipe, Trainer
from mesa_core.victims.victim import Victim

if TYPE_CHECKING:
    from mesa_core.data import Dataset


def clean_recipe(epochs: float) -> Recipe:
    """The recipe of the shipped victims for a number of epochs."""
    return Recipe(CLEAN.lr, CLEAN.batch, epochs, CLEAN.schedule, CLEAN.weight_decay, CLEAN.nesterov)


def train(
    dataset: Dataset,
    victim: str,
    epochs: float,
    seed: int,
    compute: Compute,
    checkpoint: Path | None = None,
    every: float = 60.0,
) -> Generator[Progress, None, Victim]:
    """Train a victim from scratch; yields progress and returns the victim.

    With `checkpoint`, the state is saved there every `every` seconds and at the end, and training goes on from it if
    it is there and was made for the same victim, data, epochs and seed in the same settings, without which its figures
    would not be those of a training without a stop. Whoever has stored the model removes it.
    """
    torch.manual_seed(seed)
    fresh = Victim(build(victim, len(dataset.classes)), Normalise(dataset.mean, dataset.std), compute)
    data = dataset.train.to(compute.device)
    trainer = Trainer(fresh, data.images, data.labels, clean_recipe(epochs), seed)
    settings = (
        f"{compute.device.type} {compute.precision} {compute.memory} {torch.get_num_threads()} {torch.__version__}"
    )
    recipe = f"{victim} {dataset.fingerprint} {epochs} {seed} {settings}"
    state = None if checkpoint is None else weights.load_checkpoint(checkpoint, compute.device)
    if state is not None:
        start = trainer.state()
        start["model"] = {k: v.clone() for k, v in start["model"].items()}
        try:
            if state.pop("recipe") == recipe:
                trainer.load(state)
        except Exception:  # a damaged state raises many types; training then begins anew
            trainer.load(start)
    pace, saved = Pace("train", trainer.total, trainer.done), time.monotonic()
    for step in trainer:
        if pace.due(step.done):
            yield pace.progress(step.done, loss=step.loss.item())
        if checkpoint is not None and time.monotonic() - saved > every:
            weights.save_checkpoint(checkpoint, {**trainer.state(), "recipe": recipe})
            saved = time.monotonic()
    if checkpoint is not None:  # kept until whoever asked has the weights safely
        weights.save_checkpoint(checkpoint, {**trainer.state(), "recipe": recipe})
    return trainer.trained()


def load(path: Path, victim: str, classes: int) -> nn.Module:
    """A network of the architecture `victim` for so many classes, from a weights file, in evaluation mode on the CPU.

    Raises `weights.WeightsError`.
    """
    return weights.load_into(build(victim, classes), weights.read(path), path.name).eval()
