"""What a person asked for, made whole before a run is created: `auto` becomes the data and the victim that it means.

Presets belong to a data set, so they can only be applied to what was *said*, not to a configuration whose general
defaults have been filled in already. Command line and page both come through here. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mesa_core.config import ConfigError, ExperimentConfig, make_config
from mesa_core.data.locate import find_data


def settle(said: Mapping[str, Any], cache: Path) -> ExperimentConfig:
    """A checked configuration without `auto` for data or victim. Raises ConfigError."""
    said = {k: v for k, v in said.items() if not (k in ("data", "victim") and v == "auto")}
    data = said.get("data") or find_data(said.get("data_dir") or None, cache)
    return require_settled(make_config({**said, "data": data}))


def require_settled(config: ExperimentConfig) -> ExperimentConfig:
    """The same, or ConfigError where data or victim is still `auto`."""
    for name in ("data", "victim"):
        if getattr(config, name) == "auto":
            raise ConfigError(f"{name} is still 'auto'; name it, or make the configuration with settle().")
    return config
