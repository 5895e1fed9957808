"""What a person asked for, made whole before a run is created: `auto` becomes the data and the victim that it means.

Presets belong to a data set, so they can only be applied to what was *said*, not to a configuration whose general
defaults have been filled in already. Command line and page both come through here. Needs no torch.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mesa_core.config.experiment import ExperimentConfig, make_config
from mesa_core.config.identity import PATHS
from mesa_core.config.params import SHIPPED, ConfigError
from mesa_core.data.locate import DataError, find_cifar10, find_data
from mesa_core.data.sources import SOURCES
from mesa_core.disk.plain import plain
from mesa_core.disk.untrusted import MIB, Refused, digest

MOST = 2048 * MIB  # bytes of a network that is brought
ELSEWHERE = "resnet9-16"  # the victim where no preset names one, as the help of `victim` says


def settle(said: Mapping[str, Any], cache: Path) -> ExperimentConfig:
    """A checked configuration without `auto` for data or victim, its paths absolute. Raises ConfigError, DataError."""
    said = {k: v for k, v in said.items() if not (k in ("data", "victim") and v == "auto")}
    for name in PATHS:  # a run may be resumed from another folder
        if isinstance(said.get(name), str) and said[name] not in ("", SHIPPED):
            said[name] = str(Path(os.path.expanduser(said[name])).resolve())
    suspect = said.get("suspect")
    if not isinstance(suspect, str) or suspect in ("", SHIPPED):
        said.pop("suspect_digest", None)
    elif not said.get("suspect_digest"):
        with contextlib.suppress(ConfigError):  # `ready` says why it cannot be read
            said["suspect_digest"] = digest_of(Path(suspect))
    named = said.get("data_dir") or os.environ.get("MESA_LAB_DATA")
    if not said.get("data") and named and find_cifar10(named) is None:
        raise DataError(f"There is no CIFAR-10 in {named}; name its directory, or say --data signs.")
    data = said.get("data") or find_data(said.get("data_dir") or None, cache)
    config = make_config({**said, "data": data})
    if config.victim == "auto":  # of a data set that somebody has added, no preset names one
        config = make_config({**said, "data": data, "victim": ELSEWHERE})
    return require_settled(config)


def ready(config: ExperimentConfig, cache: Path) -> ExperimentConfig:
    """The same, once all that can be known before work starts is in order. Raises ConfigError or DataError."""
    source = SOURCES[config.data]
    if source.find:
        source.find(config.data_dir, cache)  # raises
    classes = source.classes
    if classes and config.target >= len(classes):
        raise ConfigError(f"target is {config.target}, but {config.data} has the classes 0 to {len(classes) - 1}.")
    for name in ("weights", "suspect"):
        path = getattr(config, name)
        if path not in ("", SHIPPED) and not Path(path).is_file():
            raise ConfigError(f"There is no weights file {path}.")
    if config.classes and not Path(config.classes).is_file():
        raise ConfigError(f"There is no class list {config.classes}.")
    if config.suspect not in ("", SHIPPED) and not config.suspect_digest:  # else `settle` has read it
        config = replace(config, suspect_digest=digest_of(Path(config.suspect)))
    if config.device not in ("auto", "cpu"):
        from mesa_core.victims.devices import pick_device  # torch is needed only where a device is named

        try:
            pick_device(config.device)
        except ValueError as error:
            raise ConfigError(str(error)) from None
    return config


def digest_of(path: Path) -> str:
    """What tells a brought network's file from another of its name. ConfigError where it cannot be read."""
    try:
        return digest(path, MOST)[:24]
    except Refused as error:
        raise ConfigError(f"{plain(path.name)} {error}.") from None
    except OSError as error:
        raise ConfigError(f"{plain(path.name)} cannot be opened ({error.strerror}).") from None


def require_settled(config: ExperimentConfig) -> ExperimentConfig:
    """The same, or ConfigError where data or victim is still `auto`."""
    for name in ("data", "victim"):
        if getattr(config, name) == "auto":
            raise ConfigError(f"{name} is still 'auto'; name it, or make the configuration with settle().")
    return config
