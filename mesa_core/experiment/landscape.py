"""The 512 black-and-white triggers of a size on any network, outside of a run: `mesa-lab landscape`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mesa_core import triggers
from mesa_core.apply import whose
from mesa_core.brought import kept
from mesa_core.config import ConfigError, ExperimentConfig
from mesa_core.data import load_data, split
from mesa_core.experiment.context import computing
from mesa_core.keys import seed_of
from mesa_core.measures.bench import Bench, finish
from mesa_core.store import Run, Store
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim


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
    dataset = load_data(config.data, config.data_dir, cache=store.cache, **config.reading)
    if not 0 <= config.target < len(dataset.classes):
        raise ConfigError(f"target is {config.target}, but the classes are 0 to {len(dataset.classes) - 1}.")
    compute = computing(config, store)[0]
    if run is not None:
        path = run.path / "weights" / "attacked.safetensors"
    else:
        path = Path(file) if file else (shipped_weights(config.data, config.victim) or Path(""))
    if not path.is_file():
        raise ConfigError("There are no weights to look at; name a file with --weights, or a finished run with --run.")
    try:
        known = kept.of(path, Normalise(dataset.mean, dataset.std))
        net = known.model(build(config.victim, len(dataset.classes)))
        model = weights.load_into(net, weights.read(path), path.name)
    except (weights.WeightsError, ValueError) as error:
        raise ConfigError(str(error)) from None
    parts = split(dataset, config.seed)
    bench = Bench(
        parts.evaluation.to(compute.device),
        config.target,
        seed_of(config.seed, "bench"),
        side=config.size,
        rule=whose.attackers(config),
    )
    passed, each = 0, min(images, len(bench.selects))

    def count(more: int) -> None:
        nonlocal passed
        passed += more
        tell(f"{passed / (512 * each):.0%} of 512 triggers on {each} images each")

    victim = Victim(model, known.normalise, compute).freeze()
    rates = finish(bench.landscape(victim, images), count).asr
    told = {"target": config.target, "n": each, "asr": [round(float(v), 6) for v in rates]}
    own = {"size": config.size, "codes": triggers.panel_codes(config.size).tolist()}
    return told | (own if triggers.drawn(config.size) else {})
