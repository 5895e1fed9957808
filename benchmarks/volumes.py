"""Log-volumes of valid sets by importance sampling from a run's flows: python benchmarks/volumes.py RUN [SAMPLES].

The run must be of the kind flow and lie in the store whole. F is that of `mesa-lab reference` (the same images and
places), so the figures can be held against the reference's, which are printed beside them where there is one.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from mesa_core.config import make_config
from mesa_core.data import load_data, split
from mesa_core.events import StageDone
from mesa_core.keys import seed_of
from mesa_core.method import submodels
from mesa_core.method.submodels.base import part
from mesa_core.method.submodels.flow import Flow
from mesa_core.reference import importance, record
from mesa_core.reference.options import Options
from mesa_core.reference.success import FixedSuccess
from mesa_core.store import Store, home
from mesa_core.victims import devices, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim


def main(name: str, count: int = 2000) -> None:
    store = Store(home())
    run = store.open(name)
    config, known = make_config(run.config()), run.resolved()
    if known is None:
        sys.exit(f"{name} has not begun.")
    events = [event for _, event in run.events()]
    keys = {event.stage: event.key for event in events if isinstance(event, StageDone)}
    compute = devices.resolve(known["device"], known["precision"], known["memory"], known["threads"], config.victim)
    dataset = load_data(config.data, config.data_dir, cache=store.cache)
    images, normalise = split(dataset, config.seed).defender.images, Normalise(dataset.mean, dataset.std)
    state = weights.read(run.path / "weights" / "attacked.safetensors")
    model = weights.load_into(build(config.victim, len(dataset.classes)), state)
    frozen = Victim(model, normalise, compute).freeze()
    place = record.find(store, events, config.target, config.size)
    exact = record.read(place) if place else None
    fixed = int(exact.told["options"]["images"]) if exact else Options().images
    seed = seed_of(config.seed, "reference")
    success = FixedSuccess(frozen, images, config.target, seed, fixed, config.size)
    betas = list(config.beta)
    flows = submodels.make(config, betas, config.mesa_batch, config.mesa_steps, compute.device, 0)
    if not isinstance(flows, Flow):
        sys.exit(f"{name} is of the kind {config.kind}; only flow knows its density.")
    held = load_file(store.stages / f"mesa-{keys['mesa']}" / "tensors.safetensors")
    flows.load(part(held, "group"))
    with torch.no_grad():  # the flows themselves, not thinned: their densities are positive everywhere
        noise = torch.rand(len(betas), count, flows.dim, generator=torch.Generator().manual_seed(1))
        x, _ = flows.flow(noise.to(flows.betas.device))
    pooled = x.flatten(0, 1)  # (N, n, d) -> (N*n, d), an even mixture
    with torch.no_grad():
        each = flows.flow.log_density(pooled.expand(len(betas), -1, -1)).double().cpu().numpy()
    values, mixed = success.value(pooled).cpu().numpy(), importance.of_mixture(each)
    for beta, entropy in zip(betas, flows.entropy(), strict=True):
        found = exact.level(beta) if exact else None
        told: dict[str, Any] = {"beta": beta, "entropy of the thinned flow": entropy and entropy["value"]}
        told["importance sampling"] = importance.log_volume(mixed, values >= beta)
        told["nested sampling"] = found[2].log_volume.to_json() if found else None
        if found:  # mean of -log q over the exact samples, less their entropy: how far the flow is from the law
            places = torch.from_numpy(found[0]).to(pooled.device).expand(len(betas), -1, -1)
            with torch.no_grad():
                cross = -flows.flow.log_density(places.clamp(1e-4, 1 - 1e-4))[betas.index(beta)].mean()
            told["divergence of the flow, nats"] = round(float(cross) - found[2].log_volume.value, 2)
        told["looks"] = len(pooled)
        index = betas.index(beta)
        own = values[index * count : (index + 1) * count]
        told["share of the flow's own samples in the set"] = round(float(np.mean(own >= beta)), 3)
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *(int(v) for v in sys.argv[2:]))
