"""What a scan's search costs, beside one training pass of the same network: python benchmarks/scan_cost.py --data-dir DIR

The shipped ResNet-9 on CIFAR-10, its ten classes searched at once by all defaults of a scan; then the same network with 33
and 190 further classes that it never answers, as most classes of a large network have no trigger. The pass is 50,000
images through the training loop, timed over a part of it, in turns with the searches; one thread. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mesa_core import api
from mesa_core.data import load_data, split
from mesa_core.store import Store, home
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import clean, devices
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Recipe, Trainer
from mesa_core.victims.victim import Victim

STEPS, PASS = 25, 50_000  # timed steps of training, images of a pass


class More(nn.Module):
    """A network with further classes, which it answers as good as never, and which still hang on the image."""

    def __init__(self, inner: nn.Module, more: int) -> None:
        super().__init__()
        self.inner, self.more = inner, more

    def forward(self, images: Tensor) -> Tensor:
        logits = self.inner(images)  # (n, 10)
        others = logits.repeat(1, -(-self.more // logits.shape[1]))[:, : self.more] * 0.1 - 15
        return torch.cat([logits, others], 1)  # (n, 10 + more)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default="")
    parser.add_argument("--victim", default="resnet9-32")
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    dataset = load_data("cifar10", asked.data_dir, cache=Store(home()).cache)
    compute = devices.resolve("cpu", "auto", "auto", 1, asked.victim)
    weights = shipped_weights("cifar10", asked.victim)
    assert weights is not None, "the shipped victims are resnet9-16 and resnet9-32"
    network = clean.load(weights, asked.victim, 10)
    normalise, images = Normalise(dataset.mean, dataset.std), split(dataset, 0).defender
    trainer = iter(
        Trainer(
            Victim(build(asked.victim), normalise, compute),
            dataset.train.images,
            dataset.train.labels,
            Recipe(0.05, 128, 60.0),
            0,
        )
    )
    next(trainer)
    took: dict[str, list[float]] = {}
    for _ in range(asked.rounds):
        began = time.monotonic()
        for _ in range(STEPS):
            next(trainer)
        took.setdefault("pass", []).append((time.monotonic() - began) * PASS / (128 * STEPS))
        for more in (0, 33, 190):
            victim = Victim(More(network, more) if more else network, normalise, compute)
            began = time.monotonic()
            api.detect(victim, images, progress=None)
            took.setdefault(str(10 + more), []).append(time.monotonic() - began)
    whole = statistics.median(took["pass"])
    ratios = {name: round(statistics.median(each) / whole, 2) for name, each in took.items()}
    print(json.dumps({"seconds": took, "over a pass": ratios, "hardware": devices.hardware(compute)}))


if __name__ == "__main__":
    main()
