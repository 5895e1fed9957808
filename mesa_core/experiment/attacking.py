"""The attacker's side: a clean victim, the backdoor, and what both victims are worth before any defence."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mesa_core import events as ev
from mesa_core import triggers as codes
from mesa_core.experiment.bringing import bring, suspect_file
from mesa_core.experiment.context import VERSION, Context
from mesa_core.experiment.detecting import detect_stage
from mesa_core.experiment.snapshots import mark
from mesa_core.experiment.stages import Made, Output, Scribe
from mesa_core.keys import key_of
from mesa_core.measures.goal import as_key
from mesa_core.method import attack
from mesa_core.pacing import Pace, follow
from mesa_core.pictures.axes import flat_panel
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import clean, weights


def victim_stages(lab: Context) -> Iterator[ev.Event]:
    """Clean victim, attack, and what both are worth before any defence (with detection, also its verdict)."""
    c = lab.config
    if c.suspect:
        lab.clean, lab.took = None, True
        key, state = yield from bring(lab, suspect_file(lab))
        lab.victim = lab.load(state)
        if c.judges and c.data == "folder":  # the defender has other images than where a repair is not judged
            key = key_of({"network": key, "images": "all but those that evaluate"})
        lab.results["attack"] = Output(key, {}, dict(state))
        lab.keep_weights("attacked", lab.victim)
        yield from detect_stage(lab)
        lab.took = lab.goal is not None
        yield from before_stage(lab)
        return
    yield from clean_stage(lab)
    clean_victim = lab.clean = lab.load(lab.results["victim"].tensors)

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        attacked = yield from attack.attack(clean_victim, lab.attacker, lab.pixels, c, lab.seed("attack"))
        return {}, attacked.model.state_dict()

    recipe = lab.recipe("attack", victim=lab.results["victim"].key, version=VERSION["attack"])
    recipe["parameters"].pop("attack_took")
    lab.results["attack"] = yield from lab.stages.stage("attack", "Implanting the backdoor", recipe, body)
    lab.victim = lab.load(lab.results["attack"].tensors)
    lab.keep_weights("attacked", lab.victim)
    yield from before_stage(lab)
    lab.took = lab.before.asr.original is not None and lab.before.asr.original.value >= c.attack_took
    if lab.took and c.detect:
        yield from detect_stage(lab)
        lab.took = lab.goal is not None


def clean_stage(lab: Context) -> Iterator[ev.Event]:
    """The clean victim: brought, shipped, or trained here (with checkpoints, so that a stop costs a minute)."""
    c = lab.config
    path = Path(c.weights) if c.weights else shipped_weights(c.data, c.victim)
    if path is not None:

        def read(scribe: Scribe) -> Generator[ev.Event, None, Made]:
            yield ev.Note(f"The clean victim is {path.name}.")
            state = weights.read(path)
            lab.load(state)  # raises where they do not fit
            return {"weights": path.name}, state

        digest = weights.digest(path)
        lab.results["victim"] = yield from lab.stages.stage(
            "victim", "Loading the clean victim", {"weights": digest, "victim": c.victim}, read, keep=False
        )
        return

    recipe = lab.recipe(victim=c.victim, epochs=c.clean_epochs)
    checkpoint = lab.store.cache / f"training-{key_of(recipe)}.pt"

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        yield ev.Note(f"No weights are shipped for {c.victim} on {c.data}, so a clean victim is trained first.")
        trained = yield from clean.train(
            lab.dataset, c.victim, c.clean_epochs, lab.seed("victim"), lab.compute, checkpoint
        )
        return {"weights": "trained here"}, trained.model.state_dict()

    lab.results["victim"] = yield from lab.stages.stage("victim", "Training a clean victim", recipe, body)
    checkpoint.unlink(missing_ok=True)


def before_stage(lab: Context) -> Iterator[ev.Event]:
    """The clean and the backdoored victim measured; the landscape, which also fixes the scatter's axes."""
    c = lab.config
    original = None if c.suspect else lab.pixels
    goal = c.target if lab.goal is None or not c.suspect else lab.goal

    # Where no class was found there is none whose worst trigger could be asked.
    first = 0 if c.suspect and lab.goal is None else c.worst_images

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        bench = lab.bench(goal)
        each = c.landscape_images or 2  # the axes need a map, if a rough one
        networks = {"clean": (lab.frozen_clean, c.landscape_images), "before": (lab.frozen, each)}
        asked = {name: (network, mapped) for name, (network, mapped) in networks.items() if network is not None}
        pace = Pace("before", sum(bench.size(original is not None, 0, 0, first, n) for _, n in asked.values()))
        value: dict[str, Any] = {"clean": None}
        kept: dict[str, dict[str, torch.Tensor]] = {"clean": {}, "before": {}}
        for name, (network, mapped) in asked.items():
            work = bench.evaluate(network, original, None, 0, first, mapped, kept[name])
            value[name] = (yield from follow(pace, work)).to_json()
            yield ev.Evaluated(name, value[name])
        landscape = kept["before"]["landscape"].numpy()
        maps = {"clean_asr": kept["clean"]["landscape"]} if "landscape" in kept["clean"] else {}
        lab.fix_axes(landscape)
        axes, tsne = lab.axes, lab.tsne
        scribe.save(
            "axes.npz",
            {
                **{name: found.numpy().astype(np.float32) for name, found in maps.items()},
                "codes_asr": landscape.astype(np.float32),
                "codes_images": np.array(min(each, len(bench.selects)), np.int32),
                "pca": axes.place(flat_panel(c.size)),
                "tsne": tsne.places,
                "pca_bounds": np.array(axes.bounds, np.float32),
                "tsne_bounds": np.array(tsne.bounds, np.float32),
            },
        )
        yield ev.Axes("axes.npz", [float(e) for e in axes.explained])
        if original is not None:
            marked = codes.from_hex(c.trigger)
            for name, trigger in (("original", marked), ("inverse", codes.invert(marked))):
                yield mark(name, trigger, axes, tsne)
        return value, kept["before"]

    recipe = lab.recipe(
        "attack",
        "measure",
        *(("search",) if c.suspect else ()),
        victim=lab.results["attack"].key,
        target=as_key(goal),
        clean=lab.results["victim"].key if lab.clean is not None else "",
        version=VERSION["before"],
    )
    lab.results["before"] = yield from lab.stages.stage("before", "Measuring the backdoor", recipe, body)
