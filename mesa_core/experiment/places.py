"""Where a trigger works: the exact map of places of a run's networks, outside of a run: `mesa-lab places`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mesa_core import triggers as codes
from mesa_core.apply.places import Box
from mesa_core.config import ConfigError, ExperimentConfig
from mesa_core.experiment.outside import NO_WEIGHTS, outside
from mesa_core.measures.bench import finish
from mesa_core.measures.place_map import PlaceMap, passes, place_map
from mesa_core.store import Run, Store
from mesa_core.store.shipped import shipped_weights

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
        raise ConfigError(NO_WEIGHTS)
    asked = outside(config, store)
    bench = asked.bench
    trigger = torch.from_numpy(codes.pixels_of(config.trigger))[None].to(asked.compute.device)
    total, passed = len(found) * passes(bench, 1, config.size, images), 0
    tell(f"{total:,} stamped images, one at each place, will be passed")

    def count(more: int) -> None:
        nonlocal passed
        passed += more
        tell(f"{min(passed / total, 1):.0%} of {total:,} stamped images")

    maps = {}
    for name, path in found.items():
        victim = asked.frozen(path)
        plain = finish(bench.plain(victim))
        maps[name] = finish(place_map(bench, victim, plain, trigger, images, bench.original), count)[0]
    box = Box.at(config.place, asked.image_size, config.size) if config.apply == "fixed" else None
    return Mapped(maps, config.target, None if box is None else (box.top, box.left))
