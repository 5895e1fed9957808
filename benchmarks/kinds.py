"""What each kind of sub-model costs: python benchmarks/kinds.py [ROUNDS], on the road signs with the shipped clean victim.

Processor seconds of a whole training of the fast protocol (three levels, 200 steps) and of 1,000 samples a level, in
turns; medians, and ratios to `mine`. Processor time, so that other work on the cores matters less. Every kind asks the
victim for the same number of gradients. Prints one JSON line.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import torch

from mesa_core.config import make_config
from mesa_core.data import load_data, split
from mesa_core.kinds import KINDS
from mesa_core.method import mesa, submodels
from mesa_core.method.surrogate import Surrogate
from mesa_core.store import Store, home
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import devices, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim


def main(rounds: int = 3) -> None:
    torch.set_num_threads(1)
    config = make_config(data="signs")
    compute = devices.resolve("cpu", "auto", "auto", 1, config.victim)
    dataset = load_data("signs", "", cache=Store(home()).cache)
    images = split(dataset, 0).defender.images
    shipped = shipped_weights("signs", config.victim)
    if shipped is None:
        sys.exit(f"No weights of a clean {config.victim} are shipped.")
    state = weights.read(shipped)
    model = weights.load_into(build(config.victim, len(dataset.classes)), state)
    frozen = Victim(model, Normalise(dataset.mean, dataset.std), compute).freeze()
    targets = torch.zeros(len(config.beta), dtype=torch.long)
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind in KINDS:
            made = make_config(data="signs", kind=kind)
            began, draw = time.process_time(), torch.Generator().manual_seed(0)
            plain = Surrogate(frozen, images, targets)
            surrogate = plain.expecting(made.mesa_steps * made.mesa_batch * len(made.beta), made.size)
            group = submodels.make(made, list(made.beta), made.mesa_batch, made.mesa_steps, compute.device, 0)
            for _ in mesa.train(group, surrogate, made.mesa_steps, draw):
                pass
            group.sample(1000, draw)
            took[kind].append(time.process_time() - began)
    medians = {kind: statistics.median(each) for kind, each in took.items()}
    ratios = {kind: round(value / medians["mine"], 2) for kind, value in medians.items()}
    gradients = make_config(data="signs")
    print(
        json.dumps(
            {
                "gradients": gradients.mesa_steps * gradients.mesa_batch * len(gradients.beta),
                "seconds": {kind: [round(v, 1) for v in each] for kind, each in took.items()},
                "over mine": ratios,
                "hardware": devices.hardware(compute),
            }
        )
    )


if __name__ == "__main__":
    main(*(int(v) for v in sys.argv[1:]))
