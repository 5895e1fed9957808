"""Where a trigger works: the exact map of places of a run's networks, outside of a run: `mesa-lab places`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mesa_core import triggers as codes
from mesa_core.apply import whose
from mesa_core.apply.places import Box
from mesa_core.brought import kept
from mesa_core.config import ConfigError, ExperimentConfig
from mesa_core.config.placing import fits
from mesa_core.data import load_data, split
from mesa_core.experiment.context import computing
from mesa_core.keys import seed_of
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.place_map import PlaceMap, passes, place_map
from mesa_core.store import Run, Store
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

FILES = {"before": "attacked", "after": "repaired"}


@dataclass(frozen=True)
class Mapped:
    """The maps of one trigger by network ('clean', 'before', 'after'), and where it lies if its place is fixed."""

    maps: dict[str, PlaceMap]
    target: int
    place: tuple[int, int] | None

    def to_json(self) -> dict[str, Any]:
        """`{"target", "place", "maps": {name: {"n", "asr", "lead", "best", "words"}}}`, shares from 0 to 1."""
        return {
            "target": self.target,
            "place": self.place,
            "maps": {
                name: {
                    "n": one.images,
                    "asr": one.asr.round(6).tolist(),
                    "lead": one.lead.round(4).tolist(),
                    "best": list(one.place),
                    "words": one.words,
                }
                for name, one in self.maps.items()
            },
        }


def places(
    config: ExperimentConfig,
    store: Store,
    file: str | None,
    run: Run | None,
    images: int,
    tell: Callable[[str], None],
) -> Mapped:
    """The map of the configured trigger on a run's networks before and after the repair and on their clean twin, or on a
    weights file alone; `images` a place. What it will cost is told before it starts. Raises ConfigError."""
    dataset = load_data(config.data, config.data_dir, cache=store.cache, **config.reading)
    if not 0 <= config.target < len(dataset.classes):
        raise ConfigError(f"target is {config.target}, but the classes are 0 to {len(dataset.classes) - 1}.")
    size = (dataset.test.images.shape[-2], dataset.test.images.shape[-1])
    fits(config, size)
    found: dict[str, Path] = {}
    clean = Path(config.weights) if config.weights else shipped_weights(config.data, config.victim)
    if file is not None:
        found["before"] = Path(file)
    elif run is not None:
        found = {name: run.path / "weights" / f"{own}.safetensors" for name, own in FILES.items()}
        found = {name: path for name, path in found.items() if path.is_file()}
    if clean is not None and file is None:
        found = {"clean": clean, **found}
    if not found or not all(path.is_file() for path in found.values()):
        raise ConfigError("There are no weights to look at; name a file with --weights, or a finished run with --run.")
    compute, rule = computing(config, store)[0], whose.attackers(config)
    parts = split(dataset, config.seed)
    bench = Bench(
        parts.evaluation.to(compute.device), config.target, seed_of(config.seed, "bench"), side=config.size, rule=rule
    )
    trigger = torch.from_numpy(codes.from_hex(config.trigger))[None].to(compute.device)
    total, passed = len(found) * passes(bench, 1, config.size, images), 0
    tell(f"{total:,} stamped images, one at each place, will be passed")

    def count(more: int) -> None:
        nonlocal passed
        passed += more
        tell(f"{min(passed / total, 1):.0%} of {total:,} stamped images")

    maps = {}
    for name, path in found.items():
        try:
            known = kept.of(path, Normalise(dataset.mean, dataset.std))
            model = weights.load_into(
                known.model(build(config.victim, len(dataset.classes))), weights.read(path), path.name
            )
        except (weights.WeightsError, ValueError) as error:
            raise ConfigError(str(error)) from None
        victim = Victim(model, known.normalise, compute).freeze()
        plain = finish(bench.plain(victim))
        maps[name] = finish(place_map(bench, victim, plain, trigger, images), count)[0]
    box = Box.at(config.place, size, config.size) if config.apply == "fixed" else None
    return Mapped(maps, config.target, None if box is None else (box.top, box.left))
