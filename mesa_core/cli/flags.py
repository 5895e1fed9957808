"""Command-line flags made from the declarations in `config`, so that flag, slider and validation cannot differ."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mesa_core import drawings, triggers
from mesa_core.config import DATA_PRESETS, VICTIM_PRESETS, ConfigError, Param, defaults, params
from mesa_core.data import trigger_files
from mesa_core.registry import load
from mesa_core.victims import units
from mesa_core.victims.names import ARCHITECTURES

SPECIAL = {
    "trigger",
    "suspect",
    "suspect_digest",
    "units",
    "detect",
}  # spelt differently on the command line, or not at all
TYPES = {"int": int, "float": float, "str": str, "floats": float, "strs": str}


def detect_parameters() -> list[str]:
    """The parameters that are flags of `mesa-lab detect`, which has no attack of its own."""
    skip = {"weights", "victim", "target", "attack_took", "clean_epochs", "repair_each_beta", *SPECIAL}
    return [
        name for name, param in params().items() if (param.group != "attack" and name not in skip) or name == "units"
    ]


def flag(name: str) -> str:
    """`repair_each_beta` is `--repair-each-beta`."""
    return "--" + name.replace("_", "-")


def words(name: str, param: Param, default: Any) -> str:
    """The help of one flag: what it means, its bounds, its default, and what a data set's or a victim's preset changes."""
    bounds = ""
    if param.low is not None and param.high is not None and param.type.startswith(("int", "float")):
        bounds = f" {param.low:g} to {param.high:g}{' ' + param.unit if param.unit else ''}."
    shown = " ".join(f"{v}" for v in default) if isinstance(default, tuple) else default
    presets = [(data, own[name][0]) for data, own in DATA_PRESETS.items() if name in own]
    presets += [(f"{victim} on {data}", own[name][0]) for (data, victim), own in VICTIM_PRESETS.items() if name in own]
    differs = "".join(
        f"; {data}: {value:g}" if isinstance(value, float) else f"; {data}: {value}" for data, value in presets
    )
    said = f" Default: {shown}{differs}." if shown not in ("", None) and param.type != "bool" else ""
    lists = param.type == "strs" and param.choices is not None  # argparse itself shows the choices of all others
    further = [one for one in param.options() if not re.search(rf"(?<![\w-]){one}\b", param.help)] if lists else []
    bounds += f" Also: {', '.join(further)}." if further else ""
    return (param.help + bounds + said).replace("%", "%%")


def add_parameters(
    parser: argparse.ArgumentParser, only: Iterable[str] | None = None, usual: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Add a flag for each parameter (of `only`, if given); none has a default, so presets decide what is not said.

    `usual` is what the command does otherwise than a run without a word, for the help.
    """
    start = {**defaults(), **usual}
    groups: dict[str, Any] = {}
    for name, param in params().items():
        if name not in only if only is not None else name in SPECIAL:
            continue
        if param.group not in groups:
            groups[param.group] = parser.add_argument_group(param.group)
        group = groups[param.group]
        common: dict[str, Any] = {"dest": name, "default": None, "help": words(name, param, start[name])}
        if param.type == "bool":
            group.add_argument(flag(name), action=argparse.BooleanOptionalAction, **common)
        elif param.type in ("floats", "strs"):
            each, count = ("NAME", "*") if param.type == "strs" else ("X", "+")
            group.add_argument(flag(name), type=TYPES[param.type], nargs=count, metavar=each, **common)
        else:
            metavar = None if param.choices else {"int": "N", "float": "X", "str": "TEXT"}[param.type]
            own = architecture if name == "victim" else number_or(param) if param.words else TYPES[param.type]
            metavar = "|".join(("X", *param.words)) if param.words else metavar
            group.add_argument(flag(name), type=own, choices=param.choices, metavar=metavar, **common)


def number_or(param: Param) -> Callable[[str], Any]:
    """What reads a number, or one of the words that may stand for it."""

    def read(word: str) -> Any:
        return word if word in param.words else TYPES[param.type](word)

    read.__name__ = " or ".join(("number", *param.words))  # argparse names it where it refuses
    return read


def architecture(name: str) -> str:
    """The name of a victim; `package.module:function` brings one's own, called with a number of classes."""
    if ":" in name:
        try:
            if name in ARCHITECTURES:
                load(ARCHITECTURES[name])  # torchvision's or timm's: do they have it?
            else:
                ARCHITECTURES.bring(name)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return name


def add_units(parser: argparse.ArgumentParser) -> None:
    """`--mean` and `--std`, beside `--units`."""
    group = parser.add_argument_group("units", "In which units the network sees pixels; without a word they are found.")
    for name in ("mean", "std"):
        group.add_argument(
            f"--{name}", type=float, nargs="+", metavar="X",
            help=f"The {name} with which its images were normalised: one number, or three, for pixels in [0, 1] or [0, 255].",
        )  # fmt: skip


def add_trigger(parser: argparse.ArgumentParser) -> None:
    """`--code` or `--trigger`."""
    group = parser.add_argument_group("trigger").add_mutually_exclusive_group()
    group.add_argument(
        "--code",
        type=int,
        metavar="N",
        help="Black-and-white 3x3 trigger by its code, 0 to 511; 495 is a white ring. Default: 170.",
    )
    group.add_argument(
        "--trigger",
        nargs="+",
        metavar="COLOUR",
        help="1, 4, 9, 16 and so on to 64 hex colours, row by row, each as '#ff8800' or ff8800: a trigger of 1x1 to 8x8; or 256: "
        f"one of 16x16. {triggers.TRANSPARENT} or transparent is a cell that leaves the image as it is, so that any shape is "
        f"possible. Also a file with a square picture ({', '.join(trigger_files.ENDINGS)}), scaled to 16x16 where it is larger, "
        f"or {' or '.join(drawings.words())}.",
    )


def add_size(parser: argparse.ArgumentParser, what: str, default: str = "3") -> None:
    """`--size`, where no trigger is named whose size it would be; no picture's, for which no class can be searched."""
    parser.add_argument(
        "--size",
        type=int,
        choices=triggers.SMALL,
        metavar="N",
        help=f"Pixels on a side of {what}: 1 to {triggers.SMALL[-1]}. Default: {default}.",
    )


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """`--ray` and `--gpus`."""
    group = parser.add_argument_group("many machines")
    group.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="Hand the runs to a Ray cluster: HOST:PORT or auto joins one that this machine is part of, local uses "
        "this machine alone. Needs Ray: python -m pip install ray.",
    )
    group.add_argument(
        "--gpus",
        type=float,
        metavar="SHARE",
        help="Share of a GPU that each run on a Ray cluster takes, such as 0.25: four runs then share one. "
        "Default: a whole one where the cluster has any, else none.",
    )


def name_of(word: str) -> str:
    """`--repair-lr`, `repair-lr` or `repair_lr` is `repair_lr`."""
    return word.removeprefix("--").replace("-", "_")


def values(word: str, words: Sequence[str]) -> list[Any]:
    """The values of one parameter, as text, in the parameter's type; a list has commas. Raises ConfigError."""
    name = name_of(word)
    if name not in params():
        raise ConfigError(f"There is no parameter {name!r} to sweep over.")
    form = params()[name].type
    read: Any = {"bool": lambda w: {"true": True, "false": False}[w.lower()]}.get(form) or TYPES[form]
    read = number_or(params()[name]) if params()[name].words else read
    try:
        return [[read(part) for part in w.split(",")] if form.endswith("s") else read(w) for w in words]
    except (ValueError, KeyError):
        raise ConfigError(f"{' '.join(words)} are not values of {name}.") from None


def codes(words: Sequence[str], sets: Mapping[str, Sequence[int]]) -> list[str]:
    """Triggers from codes or from the names of sets of codes. Raises ConfigError."""
    found: list[str] = []
    for word in words:
        try:
            found += [triggers.code_to_hex(code) for code in (sets[word] if word in sets else [int(word)])]
        except ValueError:
            raise ConfigError(f"{word!r} is neither a code from 0 to 511 nor {' or '.join(sets)}.") from None
    return found


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was said on the command line, as a configuration. Raises ConfigError."""
    said = {k: v for k in params() if k not in SPECIAL and (v := getattr(arguments, k, None)) is not None}
    if getattr(arguments, "code", None) is not None:
        try:
            said["trigger"] = triggers.code_to_hex(arguments.code)
        except ValueError as error:
            raise ConfigError(
                f"{error} Codes name 3x3 triggers; give a larger one by its colours, with --trigger."
            ) from None
    if getattr(arguments, "size", None):
        said["trigger"] = triggers.to_hex(triggers.chequer(arguments.size))
    if getattr(arguments, "trigger", None):
        try:
            said["trigger"] = trigger_files.spelt(" ".join(arguments.trigger))
        except ValueError as error:
            raise ConfigError(str(error)) from None
    if getattr(arguments, "detect", False):
        said["detect"] = True
    if getattr(arguments, "units", None) is not None:
        said["units"] = arguments.units
    try:
        if pair := units.said(getattr(arguments, "mean", None), getattr(arguments, "std", None)):
            said["units"] = pair
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return said
