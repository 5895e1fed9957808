"""Making a reference for a run's attacked network: independent runs of nested sampling, then the same measures as a sub-model's.

Whoever makes it must know the target class, and needs minutes to hours of gradients: it is a yardstick for kinds of
sub-model, not a defence.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mesa_core import triggers as codes
from mesa_core.apply import whose
from mesa_core.config import ConfigError, make_config
from mesa_core.data import load_data, split
from mesa_core.events import Progress
from mesa_core.keys import seed_of
from mesa_core.measures import coverage, modes
from mesa_core.measures import entropy as entropies
from mesa_core.measures.bench import Bench
from mesa_core.method import staircase
from mesa_core.pacing import Pace, follow
from mesa_core.pictures.axes import scatter_axes
from mesa_core.reference import record
from mesa_core.reference.guided import Guided
from mesa_core.reference.nested import LevelSet, mixed
from mesa_core.reference.options import Options
from mesa_core.reference.success import FixedSuccess
from mesa_core.store import Run, Store, StoreError
from mesa_core.victims import devices, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

SAVE = 30.0  # seconds between two checkpoints
SCALE = 1000  # of the progress, which follows the threshold


def make(run: Run, store: Store, options: Options) -> Generator[Progress, None, dict[str, Any]]:
    """Make the reference of a run's attacked network and write it into the store; yields progress, returns its JSON.

    A stopped one goes on from its last checkpoint when it is asked for again with the same options.
    """
    options, began = options.check(), time.monotonic()
    config, known = make_config(run.config()), run.resolved()
    if config.suspect:
        raise ConfigError(f"{run.name} examines a network that was brought; a reference needs one attacked here.")
    key, size = record.attack_key(run), config.size
    place = record.folder(store, key, config.target, size)
    if known is None:
        raise StoreError(f"{run.name} has not begun yet.")
    compute = devices.resolve(known["device"], known["precision"], known["memory"], known["threads"], config.victim)
    dataset = load_data(config.data, config.data_dir, cache=store.cache, **config.reading)
    splits = split(dataset, config.seed)
    state = weights.read(run.path / "weights" / "attacked.safetensors")
    model = weights.load_into(build(config.victim, len(dataset.classes)), state)
    frozen = Victim(model.to(compute.device), Normalise(dataset.mean, dataset.std), compute).freeze()
    rule = whose.squares(config)
    success = FixedSuccess(
        frozen,
        splits.defender.images.to(compute.device),
        config.target,
        seed_of(config.seed, "reference"),
        options.images,
        size,
        rule,
    )
    stem = store.cache / f"reference-{key}{'' if size == codes.SIZE else f'x{size}'}"
    runs: list[list[LevelSet]] = []
    for repeat in range(options.repeats):
        runs.append((yield from _one(success, options, config.seed, repeat, stem, compute)))
    landscape = run.read_arrays("axes.npz")["codes_asr"].astype(np.float64)
    counted = None if codes.drawn(size) else landscape  # against a draw recall means nothing
    seen = int(run.read_arrays("axes.npz")["codes_images"])
    axes, tsne = scatter_axes(landscape, seed_of(config.seed, "axes"), size)
    bench = Bench(
        splits.evaluation.to(compute.device),
        config.target,
        seed_of(config.seed, "bench"),
        config.eval_images,
        size,
        rule=rule,
    )
    pace = Pace("reference", len(options.levels) * options.particles * options.repeats * options.sample_images)
    plain = yield from follow(pace, bench.plain(frozen))
    told: list[dict[str, Any]] = []
    arrays: dict[str, list[np.ndarray]] = {name: [] for name in ("triggers", "level", "asr", "mode", "pca", "tsne")}
    for index, sets in enumerate(zip(*runs, strict=True)):
        places = torch.cat([one.places for one in sets])
        flat = places.cpu().numpy()
        stamps = places.view(-1, 3, size, size)
        asr, _, each = yield from follow(pace, bench.of_samples(frozen, plain, stamps, options.sample_images))
        found = modes.find_modes(flat)
        told.append(
            {
                **_agreement(sets),
                "mean_asr": asr.to_json(),
                "entropy": entropies.entropy_of(flat).to_json(),
                **coverage.by_level(
                    counted, codes.round_to_codes(stamps.cpu().numpy()), each, options.sample_images, seen
                ).to_json(),
                "modes": [mode.to_json() for mode in modes.summarise(flat, each, found, options.sample_images)],
            }
        )
        new = [np.rint(flat * 255).astype(np.uint8), np.full(len(flat), index, np.uint8), each]
        new += [found, axes.place(flat), tsne.place_first(flat)]
        for name, values in zip(arrays, new, strict=True):
            arrays[name].append(values)
    volumes = [one["log_volume"]["value"] for one in told]
    whole = {
        "attack": key,
        "target": config.target,
        "options": asdict(options),
        "levels": told,
        "gamma": [round(g, 8) for g in staircase.weights([True] * len(volumes), volumes, options.levels)],
        "looks": sum(sets[-1].looks for sets in runs),
        "image_passes": sum(sets[-1].looks for sets in runs) * options.images,
        "seconds": round(time.monotonic() - began, 1),
        "hardware": devices.hardware(compute),
    }
    record.write(place, whole, {name: np.concatenate(parts) for name, parts in arrays.items()})
    for repeat in range(options.repeats):
        stem.with_name(f"{stem.name}-{repeat}.pt").unlink(missing_ok=True)
    return whole


def _one(
    success: FixedSuccess, options: Options, seed: int, repeat: int, stem: Path, compute: devices.Compute
) -> Generator[Progress, None, list[LevelSet]]:
    """One independent run of nested sampling, with checkpoints; returns its level sets."""
    path = stem.with_name(f"{stem.name}-{repeat}.pt")
    nested = Guided(
        success.value,
        success.slope,
        3 * success.size**2,
        list(options.levels),
        options.particles,
        seed_of(seed, f"reference {repeat}"),
        flights=options.flights,
        device=compute.device,
    )
    sets: list[LevelSet] = []
    recipe = repr(asdict(options))
    saved = weights.load_checkpoint(path, compute.device)
    if saved is not None and saved.pop("recipe", None) == recipe:
        sets = [LevelSet(**one) for one in saved.pop("sets")]
        nested.load(saved)
    pace, stored = Pace("reference", SCALE), time.monotonic()
    for found in nested.run():
        if found is not None:
            sets.append(found)
        if found is not None or time.monotonic() - stored > SAVE:
            sofar = [vars(one) for one in sets]
            weights.save_checkpoint(path, {**nested.state(), "recipe": recipe, "sets": sofar})
            stored = time.monotonic()
        done = round(SCALE * max(0.0, nested.threshold) / options.levels[-1])
        if pace.due(done):
            yield pace.progress(
                done, run=repeat, threshold=nested.threshold, log_volume=nested.log_volume, looks=float(nested.looks)
            )
    if len(sets) < len(options.levels):
        raise StoreError("Sampling did not reach the highest level; hardly any trigger there succeeds so often.")
    return sets


def _agreement(sets: tuple[LevelSet, ...]) -> dict[str, Any]:
    """What independent runs say of one level together, and how far they agree."""
    volumes = [one.log_volume for one in sets]
    top = max(volumes)
    error = math.sqrt(sum(one.log_volume_error**2 for one in sets)) / len(sets)
    told: dict[str, Any] = {
        "beta": sets[0].beta,
        "log_volume": {
            "value": round(top + math.log(sum(math.exp(v - top) for v in volumes) / len(volumes)), 3),
            "error": round(error, 3),
            "runs": [round(v, 3) for v in volumes],
        },
        "neighbours_of_own_run": None,
        "diagnostics": [
            {
                "looks": s.looks,
                "rounds": s.rounds,
                "moved": s.moved,
                "acceptance": s.acceptance,
                "ancestors": s.ancestors,
                "taken": s.taken,
            }
            for s in sets
        ],
    }
    if len(sets) > 1:
        told["neighbours_of_own_run"] = round(mixed(sets[0].places, sets[1].places), 4)
    return told
