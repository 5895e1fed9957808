"""One page to take away: the stage of a run as one HTML file, from what lies on this machine. Needs no torch.

The two networks travel in the page where they are at hand and small enough; without them the page plays and says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mesa_core import triggers
from mesa_core.disk.errors import StoreError, naming
from mesa_core.disk.plain import plain
from mesa_core.stage import at_hand, held_out, pictures
from mesa_core.stage.page import MARK, page
from mesa_core.stage.pictures import NETS
from mesa_core.stage.recording import recording
from mesa_core.store import Run
from mesa_core.store.shipped import assets_dir
from mesa_core.victims.numpy_resnet9 import NumpyNet

HEAD = 1024  # bytes of a file in which the mark of a page of ours stands
OTHER = "its networks are no small ResNet-9 that takes 32×32 pixels, or its trigger lets the image show through."
TOLD = ("data", "victim", "trigger", "target", "seed", "protocol")  # what makes two attacks the same


@dataclass(frozen=True)
class Exported:
    """A page, and what it cannot do in a sentence, '' where it can do all."""

    html: str
    lacks: str


def scripts() -> Path:
    """The folder of the stage's scripts and style. Raises StoreError where the page's files are not installed."""
    found = find_spec("dashboard")
    places = [Path(p) / "components" / "stage" for p in (found.submodule_search_locations or [])] if found else []
    folder = next((p for p in places if p.is_dir()), None)
    if folder is None:
        raise StoreError("The stage's scripts, which are part of the dashboard, are not installed.")
    return folder


def require_page_of_ours(path: Path) -> None:
    """StoreError unless nothing is at `path`, or a page that was exported, which its head says."""
    if not os.path.lexists(path):
        return
    head = b""
    if path.is_file() and not path.is_symlink():
        with naming(path), open(path, "rb") as file:
            head = file.read(HEAD)
    if MARK.encode() not in head:
        raise StoreError(f"{plain(str(path))} holds something else than a page exported here; name another --out.")


def export(run: Run, known: pictures.Pictures | None = None) -> Exported:
    """The stage of a run as one page. `known` are pictures of the run's data; the shipped signs unless given.

    Of other data the page has the pictures that are given; where they are evaluation images (see `held_out`) and the
    networks small ones, these answer in the page. Raises StoreError where the run cannot be read, has not begun, or has no
    stage.
    """
    config = run.config()
    events = [event for _, event in run.events()]
    target, lacks = int(config["target"]), ""
    found, read = None, None
    if not held_out.usual(config):
        known = known or (pictures.read() if config["data"] == "signs" else at_hand.of(config, (), None))
        found = held_out.in_browser(run, known) if known.places is not None else None
        if not found:
            why = OTHER if known.places is not None else at_hand.words(known, config["data"])
            lacks = f"The page plays, but cannot answer what is painted: {why}"
        whose = {"run": run.name, "trigger": config["trigger"]}
        base = pictures.base(known, target, found, whose, at_hand.missing(known, config["data"]))
        return Exported(page(base, [recording(run, events)], f"MESA Lab: {run.name}", scripts()), lacks)
    known = known or pictures.read()
    try:
        found = networks_of(run, known)
        nets = {name: numpy_net(found[name], known) for name in NETS}
        read = pictures.readings(known, target, triggers.from_hex(config["trigger"]), nets)
    except (StoreError, ValueError) as error:
        found, lacks = None, f"The page plays, but cannot answer what is painted: {error}"
    whose = {"run": run.name, "trigger": config["trigger"]}
    blocks = [recording(run, events, read)]
    return Exported(page(pictures.base(known, target, found, whose), blocks, f"MESA Lab: {run.name}", scripts()), lacks)


def networks_of(run: Run, known: pictures.Pictures) -> dict[str, bytes]:
    """The attacked and the repaired network of a run, in half precision: its own, or the shipped ones of the same run.

    Raises StoreError where there are none, or they are too large.
    """
    folder = run.path / "weights"
    config = run.config()
    if not folder.is_dir() and run.name == known.run and all(config[k] == known.config.get(k) for k in TOLD):
        folder = assets_dir() / "lessons"
    return pictures.networks(folder)


def numpy_net(data: bytes, known: pictures.Pictures) -> NumpyNet:
    """A network that answers, as the browser's does. Raises ValueError where it is no ResNet-9."""
    return NumpyNet.of(data, list(known.mean), list(known.std))
