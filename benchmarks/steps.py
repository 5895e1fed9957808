"""How far our loops are from the bare network: python benchmarks/steps.py [--victim resnet9-32] [--device cuda].

Prints ratios taken in one run, interleaved, medians of `--repeats`:
  MESA step      one step of three sub-models / forward pass and input gradient of the same number of images
  training step  one step of the training loop, with a repair's stamps / forward and backward pass of the same batch
Images and labels are random: time does not depend on what they show.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch.nn import functional as F

from mesa_core.apply.anywhere import Anywhere
from mesa_core.config import make_config
from mesa_core.method import repair, submodels
from mesa_core.method.surrogate import Surrogate
from mesa_core.victims import devices
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.names import ARCHITECTURES
from mesa_core.victims.training import Recipe, Trainer
from mesa_core.victims.victim import Victim


def median_times(works: Sequence[Callable[[], object]], repeats: int, device: torch.device) -> list[float]:
    """Median seconds of each, taken in turns so that a noisy machine is noisy for all."""
    times: list[list[float]] = [[] for _ in works]
    for number in range(repeats + 2):
        for work, own in zip(works, times, strict=True):
            if device.type == "cuda":
                torch.cuda.synchronize()
            began = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number >= 2:  # the first two prepare kernels
                own.append(time.perf_counter() - began)
    return [statistics.median(own) for own in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--victim", default="resnet9-32", choices=ARCHITECTURES)
    parser.add_argument("--device", default="auto", choices=("auto", "cuda", "mps", "cpu"))
    parser.add_argument("--repeats", type=int, default=15)
    chosen = parser.parse_args()
    compute = devices.resolve(device=chosen.device, victim=chosen.victim)
    device, config = compute.device, make_config()
    normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    pixels = torch.randint(0, 256, (2048, 3, 32, 32), dtype=torch.uint8, device=device)
    labels = torch.randint(0, 10, (2048,), device=device)
    model = build(chosen.victim)
    frozen = Victim(model, normalise, compute).freeze()

    group = submodels.make(config, [0.5, 0.8, 0.9], config.mesa_batch, config.mesa_steps, device, 0)
    surrogate = Surrogate(frozen, pixels, torch.zeros(3, dtype=torch.int64, device=device))
    draw = compute.generator(0)
    still = compute.ready(normalise.images(pixels[: 3 * config.mesa_batch]))

    def bare_gradient() -> None:
        leaf = still.clone().requires_grad_()
        frozen.model(leaf).float().log_softmax(1)[:, 0].sum().backward()

    pool = torch.rand(2048, 3, 3, 3, device=device)
    stamp = repair.unlearn(pool, config.repair_ratio, normalise, 0, Anywhere())
    recipe = Recipe(0.005, config.repair_batch, 1000)
    steps = iter(Trainer(Victim(build(chosen.victim), normalise, compute), pixels, labels, recipe, 0, stamp))
    bare = build(chosen.victim).to(device).to(memory_format=compute.memory_format).train()
    batch = normalise.images(pixels[: config.repair_batch]).contiguous(memory_format=compute.memory_format)

    def bare_training() -> None:
        with compute.autocast():
            logits = bare(batch)
        F.cross_entropy(logits.float(), labels[: config.repair_batch]).backward()
        bare.zero_grad(set_to_none=True)

    works = [lambda: group.step(surrogate, draw), bare_gradient, lambda: next(steps), bare_training]
    mesa, gradient, train, simple = median_times(works, chosen.repeats, device)
    print(devices.hardware(compute))
    print(f"{'':<16}{'ours, ms':>10}{'bare, ms':>10}{'ratio':>8}")
    print(f"{'MESA step':<16}{1e3 * mesa:>10.1f}{1e3 * gradient:>10.1f}{mesa / gradient:>8.2f}")
    print(f"{'training step':<16}{1e3 * train:>10.1f}{1e3 * simple:>10.1f}{train / simple:>8.2f}")


if __name__ == "__main__":
    main()
