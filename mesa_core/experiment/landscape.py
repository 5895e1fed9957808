"""The 512 black-and-white triggers of a size on any network, outside of a run: `mesa-lab landscape`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mesa_core import triggers
from mesa_core.config import ConfigError, ExperimentConfig
from mesa_core.experiment.outside import NO_WEIGHTS, outside
from mesa_core.measures.bench import finish
from mesa_core.store import Run, Store
from mesa_core.store.shipped import shipped_weights


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
    if run is not None:
        path = run.path / "weights" / "attacked.safetensors"
    else:
        path = Path(file) if file else (shipped_weights(config.data, config.victim) or Path(""))
    if not path.is_file():
        raise ConfigError(NO_WEIGHTS)
    asked = outside(config, store)
    victim, bench = asked.frozen(path), asked.bench
    passed, each = 0, min(images, len(bench.selects))

    def count(more: int) -> None:
        nonlocal passed
        passed += more
        tell(f"{passed / (512 * each):.0%} of 512 triggers on {each} images each")

    rates = finish(bench.landscape(victim, images), count).asr
    told = {"target": config.target, "n": each, "asr": [round(float(v), 6) for v in rates]}
    own = {"size": config.size, "codes": triggers.panel_codes(config.size).tolist()}
    return told | (own if triggers.drawn(config.size) else {})
