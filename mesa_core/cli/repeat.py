"""The command that repeats a run: `mesa-lab run` with the flags that differ from the defaults. Needs no torch.

The defaults are those that the command line itself would fill in: the general ones, then the protocol's, the data's,
the victim's and the measures' presets. Data is always named, since `auto` means another thing on another machine.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from typing import Any

from mesa_core import drawings
from mesa_core.cli.flags import SPECIAL, detect_parameters, flag
from mesa_core.config import ConfigError, ExperimentConfig, defaults, make_config, params, scan_usual
from mesa_core.triggers import from_hex


def command_of(config: ExperimentConfig | Mapping[str, Any]) -> str:
    """One shell line. Parsing it and settling what it says gives `config` again.

    `config` is settled (see `mesa_core.config.settle`), as a run's is. Raises ConfigError for one that could not be run.
    """
    return shlex.join(arguments_of(config))


def arguments_of(config: ExperimentConfig | Mapping[str, Any]) -> list[str]:
    """The same as a list of words, the first of them `mesa-lab`."""
    if not isinstance(config, ExperimentConfig):
        config = make_config(config)
    for name in ("data", "victim"):
        if getattr(config, name) == "auto":
            raise ConfigError(f"{name} is 'auto', which means another thing elsewhere; settle the configuration first.")
    said: dict[str, Any] = {name: getattr(config, name) for name in ("data", "protocol", "measure")}
    if config.data == "folder":
        said["data_dir"] = config.data_dir
    known: dict[str, Any] = {}
    if config.suspect:
        words = ["mesa-lab", "detect", *flag_of("weights", config.suspect), *flag_of("arch", config.victim)]
        allowed = set(detect_parameters())
        known = scan_usual({} if config.search_sizes else {"trigger": config.trigger})  # as `--size` says it
        said |= known
    else:
        words, allowed = ["mesa-lab", "run"], set(params()) - SPECIAL
    shown: dict[str, Any] = {"data": config.data}
    own = make_config({**said, "victim": config.victim})  # a victim has presets of its own, which go without saying
    usual, plain = dataclasses.replace(own, victim=make_config(said).victim), defaults()
    for name in ("protocol", "measure"):  # presets that the rest is told against
        if said[name] != plain[name]:
            shown[name] = said[name]
    if config.search_opacities:
        said["search_opacity"] = config.search_opacity  # the search finds it out
    for name in params():
        value = getattr(config, name)
        if name in allowed and name not in said and value != getattr(usual, name):
            shown[name] = value
    if config.suspect and not config.search_sizes:
        words += ["--size", str(config.size)]
    for name in known:
        if getattr(config, name) != getattr(own, name):
            shown[name] = getattr(config, name)
    if "data_dir" in said:
        shown["data_dir"] = said["data_dir"]
    if not config.suspect:
        words += _trigger(config, usual)
        words += ["--detect"] if config.detect else []
    for name in params():  # in the order of the declarations
        if name in shown:
            words += flag_of(name, shown[name])
    return words


def _trigger(config: ExperimentConfig, usual: ExperimentConfig) -> list[str]:
    if config.trigger == usual.trigger:
        return []
    if config.code is not None:
        return ["--code", str(config.code)]
    if name := drawings.name_of(from_hex(config.trigger)):
        return ["--trigger", drawings.PREFIX + name]
    return ["--trigger", *config.trigger.replace("#", "").split()]


def flag_of(name: str, value: Any) -> list[str]:
    """One flag with its value, as `argparse` reads it back."""
    if isinstance(value, bool):
        return [flag(name) if value else flag(f"no_{name}")]
    if isinstance(value, tuple):
        return [flag(name), *(_word(v) for v in value)]
    word = _word(value)
    return [f"{flag(name)}={word}"] if word.startswith("-") else [flag(name), word]


def _word(value: Any) -> str:
    """A number so that it reads back as itself, without a needless '.0'."""
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)
