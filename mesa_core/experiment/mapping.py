"""The last stage of a run that asks for it: exact maps of where its triggers work, before and after the repair."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from mesa_core import events as ev
from mesa_core import triggers as codes
from mesa_core.apply.places import Box
from mesa_core.apply.rule import Apply, opacity_of
from mesa_core.apply.whose import within
from mesa_core.config import ExperimentConfig
from mesa_core.experiment.context import Context
from mesa_core.experiment.stages import Made, Scribe
from mesa_core.measures.bench import finish
from mesa_core.measures.mapped import AFTER, BEFORE, BEST, CLEAN, ORIGINAL, Maps, Told
from mesa_core.measures.place_map import MOST_PLACES, PlaceMap, place_map
from mesa_core.opacity import said
from mesa_core.pacing import Pace, follow
from mesa_core.store import StoreError
from mesa_core.victims.victim import Victim

VERSION = 1
PLANNED = 16  # images at each place, where a search by a plan asks for maps without a word
FILE = "places.npz"


def images_of(config: ExperimentConfig) -> int:
    """Images at each place; 0 where there are to be no maps."""
    return config.place_images or (PLANNED if config.plans else 0)


def mapping_stage(lab: Context) -> Iterator[ev.Event]:
    """Maps of the original and of the best sample, on the clean network, the attacked one, and MESA's repaired one."""
    c = lab.config
    each = images_of(c)
    shown = _triggers(lab)
    if each and not c.place_images and Box.everywhere(lab.image_size, c.size).count > MOST_PLACES:
        yield ev.Note("On images as large as these no maps of places are made unless --place-images asks for them.")
        return
    if not each or not shown or any(opacity_of(rule) is None for _, rule in shown.values()):
        return
    colours, shares = _said(lab, shown)
    networks: dict[str, Victim] = {} if lab.frozen_clean is None else {CLEAN: lab.frozen_clean}
    networks[BEFORE] = lab.frozen
    if "repair.mesa" in lab.results:
        networks[AFTER] = lab.load(lab.results["repair.mesa"].tensors).freeze()

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        bench = lab.bench(lab.wanted if c.suspect else c.target)
        places = Box.everywhere(lab.image_size, c.size).count
        count = min(each, len(bench.others))
        pace = Pace("places", len(shown) * len(networks) * places * count)
        arrays: dict[str, np.ndarray] = {}
        told: list[Told] = []
        for network, victim in networks.items():
            plain = finish(bench.plain(victim))
            for name, (pixels, rule) in shown.items():
                work = place_map(bench, victim, plain, pixels[None], each, rule)
                (found,) = yield from follow(pace, work)
                arrays[f"{name}-{network}"] = found.hits.astype(np.int32)
                arrays[f"{name}-{network}-n"] = np.array(found.images, np.int32)
                told.append(_told(name, network, found))
        scribe.save(FILE, arrays)
        return {"maps": Maps(n=count, colours=colours, each=told, opacities=shares or None).to_json()}, {}

    repaired = lab.results.get("repair.mesa")
    recipe = lab.recipe(
        "search",
        images=each,
        target=[c.target, lab.target],
        limit=c.eval_images,
        attack=lab.results["attack"].key,
        clean=lab.results["victim"].key if lab.clean is not None else "",
        repair="" if repaired is None else repaired.key,
        triggers=colours,
        version=VERSION,
        **({"opacities": shares} if shares else {}),
    )
    lab.results["places"] = yield from lab.stages.stage("places", "Mapping where the triggers work", recipe, body)


def _triggers(lab: Context) -> dict[str, tuple[Tensor, Apply]]:
    """The triggers that are mapped, by name, `(3 or 4, s, s)`, each with a rule that covers as its owner's does."""
    found: dict[str, tuple[Tensor, Apply]] = {}
    device, nowhere = lab.compute.device, Box(0, 0, 0, 0)  # the places are all that fit; only the covering counts
    if not lab.config.suspect:
        found[ORIGINAL] = (lab.pixels.to(device), lab.rule)
    try:
        known = lab.run.read_arrays("samples.npz")
        best = known["triggers"][int(np.asarray(known["asr"], np.float64).argmax())]
    except (StoreError, KeyError, IndexError, ValueError):
        return found  # nothing was sampled
    pixels = torch.from_numpy(codes.unflatten(np.asarray(best)[None])[0].astype(np.float32) / 255)
    found[BEST] = (pixels.to(device), within([nowhere], lab.config.search_opacity))
    return found


def _said(lab: Context, shown: Mapping[str, tuple[Tensor, Apply]]) -> tuple[dict[str, str], dict[str, list[float]]]:
    """The mapped triggers as hex colours, by name, the original's transparent cells being so; and the opacities of those that have
    such."""
    words = {name: said(pixels.cpu().numpy()) for name, (pixels, _) in shown.items()}
    found = {name: text for name, (text, _) in words.items()}
    shares = {name: own for name, (_, own) in words.items() if own is not None}
    return {**found, ORIGINAL: lab.config.trigger} if ORIGINAL in found else found, shares


def _told(name: str, network: str, found: PlaceMap) -> Told:
    """The place with the most successes, or one of those, that in which the target leads most."""
    row, column = found.place
    if found.hits[row, column] < found.hits.max():
        row, column = (int(v) for v in np.unravel_index(found.hits.argmax(), found.hits.shape))
    return Told(
        name,
        network,
        row=row,
        column=column,
        highest=found.at(row, column).rounded(),
        median=round(found.median, 6),
        words=found.words,
    )
