"""`mesa-lab places`: where a trigger works, as lines and as a picture."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mesa_core.cli import flags
from mesa_core.cli.commands import print_json, store_of, whose_networks
from mesa_core.cli.console import Console, say
from mesa_core.config import ConfigError

if TYPE_CHECKING:
    from mesa_core.experiment.places import Mapped

NAMES = {"clean": "clean victim", "before": "before the defence", "after": "after the repair"}
KINDS = ("html", "svg", "png")


def add_to(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.set_defaults(command=places)
    parser.add_argument("--weights", metavar="FILE", help="A network's weights, instead of a run's.")
    parser.add_argument("--run", metavar="NAME", help="A finished run, whose trigger, target and networks are taken.")
    parser.add_argument("--images", type=int, default=64, metavar="N", help="Images at each place. Default: 64.")
    parser.add_argument(
        "--out", metavar="FILE", default="", help="Draw the maps into this file: .html, .svg or .png by its name."
    )
    flags.add_trigger(parser)
    asked = ["data", "data_dir", "victim", "target", "apply", "place", "opacity"]
    flags.add_parameters(parser, [*asked, "seed", "device", "precision", "memory", "threads"])


def places(arguments: argparse.Namespace) -> int:
    """The success of one trigger at every place."""
    from mesa_core.experiment import places as mapping
    from mesa_core.pictures import saving

    store, console = store_of(arguments), Console()
    kind = arguments.out.rpartition(".")[2].lower()
    if arguments.out and kind not in KINDS:
        raise ConfigError(f"{arguments.out} is no picture's name; it ends with .html, .svg or .png.")
    if kind in ("svg", "png") and (lack := saving.missing()):
        raise ConfigError(lack)
    config, run = whose_networks(arguments, store)
    found = mapping.places(config, store, arguments.weights, run, arguments.images, console.moving)
    console.line("")
    if arguments.out:
        draw(found, arguments.out, kind)
    if arguments.json:
        print_json(found.to_json())
    else:
        say(as_lines(found), lines=True)
    return 0


def as_lines(found: Mapped) -> str:
    """A line a network."""
    lines = [f"{NAMES[name]:<22} {one.words}" for name, one in found.maps.items()]
    if found.place is not None:
        row, column = found.place
        lines += [f"{'':<22} Its own place is row {row}, column {column}:"]
        for name, one in found.maps.items():
            at: Any = one.at(row, column)
            lines.append(f"{NAMES[name]:<22} {at.value:.1%} [{at.low:.1%}, {at.high:.1%}], n={at.n}")
    return "\n".join(lines)


def draw(found: Mapped, file: str, kind: str) -> None:
    """The maps as a picture. Raises NoPicture where no browser can draw an SVG or PNG."""
    from pathlib import Path

    from mesa_core.disk.files import write_atomically
    from mesa_core.pictures import saving
    from mesa_core.pictures.place_maps import place_maps

    n = min(one.images for one in found.maps.values())
    figure = place_maps({NAMES[name]: one.asr for name, one in found.maps.items()}, n, found.place)
    caption = (
        f"How often one trigger sends images to class {found.target}, at each place of its top left pixel ({n} images, "
        "none of which goes there unstamped)." + ("" if found.place is None else " Ringed: where it was planted.")
    )
    data = saving.html_of(figure, caption) if kind == "html" else saving.image_of(figure, caption, kind)
    write_atomically(Path(file).expanduser(), data, 0o644)
