"""What is asked of networks outside of a run: the images, how to compute, a bench, and a network of any weights file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mesa_core.apply import whose
from mesa_core.brought import kept
from mesa_core.config import ConfigError, ExperimentConfig
from mesa_core.config.placing import fits
from mesa_core.data import Dataset, load_data, split
from mesa_core.experiment.context import computing
from mesa_core.keys import seed_of
from mesa_core.measures.bench import Bench
from mesa_core.store import Store
from mesa_core.victims import devices, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

NO_WEIGHTS = "There are no weights to look at; name a file with --weights, or a finished run with --run."


@dataclass(frozen=True)
class Outside:
    """The same images, places and way of computing for every network that is asked."""

    config: ExperimentConfig
    dataset: Dataset
    compute: devices.Compute
    bench: Bench

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the images, in pixels."""
        height, width = self.dataset.test.images.shape[-2:]
        return height, width

    def frozen(self, path: Path) -> Victim:
        """The network of a weights file, as measures ask it. Raises ConfigError in one sentence."""
        try:
            known = kept.of(path, Normalise(self.dataset.mean, self.dataset.std))
            net = known.model(build(self.config.victim, len(self.dataset.classes)))
            model = weights.load_into(net, weights.read(path), path.name)
        except (weights.WeightsError, ValueError) as error:
            raise ConfigError(str(error)) from None
        return Victim(model, known.normalise, self.compute).freeze()


def outside(config: ExperimentConfig, store: Store) -> Outside:
    """Read the images and set up the bench, by the attacker's rule. Raises ConfigError for a target or place that is none."""
    dataset = load_data(config.data, config.data_dir, cache=store.cache, **config.reading)
    if not 0 <= config.target < len(dataset.classes):
        raise ConfigError(f"target is {config.target}, but the classes are 0 to {len(dataset.classes) - 1}.")
    height, width = dataset.test.images.shape[-2:]
    fits(config, (height, width))
    compute = computing(config, store)[0]
    images = split(dataset, config.seed).evaluation.to(compute.device)
    bench = Bench(
        images,
        config.target,
        seed_of(config.seed, "bench"),
        side=config.size,
        rule=whose.squares(config),
        original=whose.attackers(config),
    )
    return Outside(config, dataset, compute, bench)
