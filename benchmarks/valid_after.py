"""What is left of the whole valid distribution after each repair: python benchmarks/valid_after.py RUN...

Needs runs whose attacked network has a reference (`mesa-lab reference`), in the store with their stages. Every defence of
a run is measured on the reference's samples of every level: their mean ASR, and the worst one. Half of the
evaluation images selects that one (all on a few images, the highest on more), the other half measures it. Prints one
JSON line a run, defence and level.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from mesa_core import triggers
from mesa_core.config import make_config
from mesa_core.data import load_data, split
from mesa_core.events import StageDone
from mesa_core.keys import seed_of
from mesa_core.measures.bench import Bench, finish
from mesa_core.reference import record
from mesa_core.store import Store, home
from mesa_core.victims import devices, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

FIRST, SECOND, STAY = 16, 128, 24  # images a sample in two rounds, and how many samples the second has


def worst(victim: Victim, select: Bench, measure: Bench, samples: Tensor) -> dict[str, object]:
    """The samples' mean ASR on `select`, and the ASR on `measure` of the one that is highest on `select`."""
    plain = finish(select.plain(victim))
    mean, _, rates = finish(select.of_samples(victim, plain, samples, FIRST))
    stay = samples[torch.from_numpy(np.argsort(-rates, kind="stable")[:STAY].copy())]
    _, _, rates = finish(select.of_samples(victim, plain, stay, SECOND))
    asr, _ = finish(measure.of_trigger(victim, finish(measure.plain(victim)), stay[int(rates.argmax())]))
    return {"mean": mean.to_json(), "worst": asr.to_json(), "samples": len(samples)}


def measured(name: str, store: Store) -> Iterator[dict[str, object]]:
    run = store.open(name)
    config, known = make_config(run.config()), run.resolved()
    events = [event for _, event in run.events()]
    place = record.find(store, events, config.target, config.size)
    exact = record.read(place) if place else None
    if exact is None or known is None:
        sys.exit(f"{name} has no reference; make one with: mesa-lab reference --run {name}")
    compute = devices.resolve(known["device"], known["precision"], known["memory"], known["threads"], config.victim)
    dataset = load_data(config.data, config.data_dir, cache=store.cache)
    images, normalise = split(dataset, config.seed).evaluation, Normalise(dataset.mean, dataset.std)
    half = len(images) // 2
    halves = [type(images)(images.images[part], images.labels[part]) for part in (slice(half), slice(half, None))]
    seed = seed_of(config.seed, "valid after")
    select, measure = (Bench(one, config.target, seed, side=config.size) for one in halves)
    states = {"before": weights.read(run.path / "weights" / "attacked.safetensors")}
    for event in events:
        if isinstance(event, StageDone) and event.stage.startswith("repair."):
            states[event.stage.removeprefix("repair.")] = load_file(
                store.stages / f"{event.stage.replace('.', '-')}-{event.key}" / "tensors.safetensors"
            )
    for defence, state in states.items():
        model = weights.load_into(build(config.victim, len(dataset.classes)), state)
        frozen = Victim(model, normalise, compute).freeze()
        for beta in config.beta:
            found = exact.level(beta)
            if found is None:
                continue
            samples = torch.from_numpy(triggers.unflatten(found[0]))
            told = worst(frozen, select, measure, samples)
            yield {
                "run": name,
                "kind": config.kind,
                "share": config.repair_ratio,
                "defence": defence,
                "beta": beta,
                **told,
            }


if __name__ == "__main__":
    for run_name in sys.argv[1:]:
        for line in measured(run_name, Store(home())):
            print(json.dumps(line), flush=True)
