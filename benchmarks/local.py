"""What it saves to compute again only what a patch can change: python benchmarks/local.py [--victims NAME ...]

How that is done, and to which depths, is told in `mesa_core.victims.windows`.

Measured are images for a second of CPU time, one thread, all ways in turns, medians of --repeats, by pieces of so many
images: the forward pass (an ASR), and with the gradient with respect to the triggers (F of a sub-model). `plain` is
what the engine does where `Local` does not serve: take uint8 images, normalise, stamp, and through the network;
`Local` starts from the same choice of images, triggers and places, so its gathering is in its time (in pieces of at
most 256). `bare` is the network alone, on images that are stamped already. Keeping the clean maps costs `kept_bytes` an
image and one clean pass, `keeping`, as a share of `plain`'s time for as many images. Ratios are to `plain` with its
best piece.

With --engine it is the engine's own work instead, with the maps of clean images and without, in turns: the worst of 512
on a bench of signs, --steps steps of each kind of sub-model, the point baseline, and F with its gradient as a
reference asks it. Building the maps is in the times. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from mesa_core.apply.stamping import apply, random_locations
from mesa_core.config import make_config
from mesa_core.data import signs, split
from mesa_core.kinds import KINDS
from mesa_core.measures.bench import MEMORY, Bench, finish
from mesa_core.method import submodels
from mesa_core.method.baselines import point
from mesa_core.method.surrogate import Surrogate
from mesa_core.reference.success import FixedSuccess
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import devices
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim
from mesa_core.victims.weights import load_into, read
from mesa_core.victims.windows import DEPTHS, Local, bytes_per_image

SIZES = ("resnet9-16", "resnet9-32")  # weights of which are shipped
WAYS = (False, True)  # without the maps of clean images, and with them


def median_times(works: dict[Any, Callable[[], Any]], repeats: int) -> dict[Any, float]:
    """Median seconds of CPU time of each, taken in turns; on a shared machine the others' time does not count."""
    times: dict[Any, list[float]] = {name: [] for name in works}
    for number in range(repeats + 1):
        for name, work in works.items():
            began = time.process_time()
            work()
            if number:  # the first prepares kernels
                times[name].append(time.process_time() - began)
    return {name: statistics.median(own) for name, own in times.items()}


def measure(victim: str, precision: str, count: int, pieces: list[int], repeats: int) -> dict[str, Any]:
    """Images a second of every way, and how far `Local` agrees, for one shipped network in one precision."""
    compute = devices.Compute(torch.device("cpu"), precision, "nhwc")
    path = shipped_weights("signs", victim) or shipped_weights("cifar10", victim)
    assert path is not None
    normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    frozen = Victim(load_into(build(victim), read(path), path.name), normalise, compute).freeze()
    model = frozen.model
    pixels = signs.load(lambda *_: None, train=10, test=count).test.images  # time does not depend on what they show
    draw = torch.Generator().manual_seed(0)
    picks = torch.randint(len(pixels), (count,), generator=draw)
    at = random_locations(count, (32, 32), 3, draw)
    triggers = torch.rand(count, 3, 3, 3, generator=draw).round_().requires_grad_()
    kept = {depth: Local(frozen, pixels, depth) for depth in DEPTHS}

    def stamped() -> Tensor:
        return compute.ready(apply(frozen.inputs(pixels[picks]), normalise.triggers(triggers), at))

    def plain(piece: int) -> Tensor:
        return torch.cat([model(x) for x in stamped().split(piece)])

    still = stamped().detach()

    def bare(piece: int) -> Tensor:
        return torch.cat([model(x) for x in still.split(piece)])

    def locally(depth: str, piece: int) -> Tensor:
        parts = zip(picks.split(piece), normalise.triggers(triggers).split(piece), at.split(piece), strict=True)
        return torch.cat([kept[depth](*part) for part in parts])

    def gradient(way: Callable[[int], Tensor], piece: int) -> None:
        way(piece).float().softmax(1)[:, 0].sum().backward()
        triggers.grad = None

    ways: dict[str, Callable[[int], Tensor]] = {"plain": plain, "bare": bare}
    ways |= {depth: partial(locally, depth) for depth in DEPTHS}
    every = list(product(ways, pieces))
    with torch.no_grad():
        whole, parts = plain(64), {depth: locally(depth, 64) for depth in DEPTHS}
        forward = median_times({(name, piece): partial(ways[name], piece) for name, piece in every}, repeats)
        once = median_times({depth: partial(Local, frozen, pixels, depth) for depth in DEPTHS}, 3)
    backward = median_times(
        {(name, piece): partial(gradient, ways[name], piece) for name, piece in every if name != "bare"}, repeats
    )
    best = min(forward["plain", piece] for piece in pieces)

    def told(took: dict[Any, float]) -> dict[str, Any]:
        least = min(took["plain", piece] for piece in pieces)
        return {
            f"{n}, {p}": {"per_second": round(count / t), "ratio": round(least / t, 2)} for (n, p), t in took.items()
        }

    return {
        "victim": victim,
        "precision": precision,
        "forward": told(forward),
        "gradient": told(backward),
        "keeping": {depth: round(t / best * count / len(pixels), 2) for depth, t in once.items()},
        "kept_bytes": {depth: bytes_per_image(int(victim.split("-")[1]), depth, compute.dtype) for depth in DEPTHS},
        "same_class": {depth: (x.argmax(1) == whole.argmax(1)).float().mean().item() for depth, x in parts.items()},
        "logits_differ_by": {depth: (x - whole).abs().max().item() for depth, x in parts.items()},
        "logits_up_to": whole.abs().max().item(),
        "images": count,
        "hardware": devices.hardware(compute),
    }


def engine(victim: str, precision: str, steps: int, kinds: list[str], repeats: int) -> dict[str, Any]:
    """CPU seconds of the engine's own work with the maps of clean images and without, and whether the figures agree."""
    compute = devices.Compute(torch.device("cpu"), precision, "nhwc")
    path = shipped_weights("signs", victim) or shipped_weights("cifar10", victim)
    assert path is not None
    dataset = signs.load(lambda *_: None)
    parts, normalise = split(dataset, 0), Normalise(dataset.mean, dataset.std)
    frozen = Victim(load_into(build(victim), read(path), path.name), normalise, compute).freeze()
    config, levels = make_config({"data": "signs"}), [0.5, 0.8, 0.9]
    answers: dict[tuple[str, bool], Any] = {}

    def surrogate(groups: int) -> Surrogate:
        return Surrogate(frozen, parts.defender.images, torch.zeros(groups, dtype=torch.int64))

    def worst(ours: bool) -> None:
        bench = Bench(parts.evaluation, 0, 0, memory=MEMORY if ours else 0)
        answers["worst", ours] = finish(bench.evaluate(frozen, None, None, 0, config.worst_images)).asr.worst

    def train(kind: str, ours: bool) -> None:
        own = make_config({"data": "signs", "kind": kind})
        group = submodels.make(own, levels, own.mesa_batch, steps, compute.device, 0)
        asked, draw = surrogate(len(levels)), compute.generator(0)
        asked = asked.expecting(len(levels) * own.mesa_batch * steps, 3) if ours else asked
        answers[kind, ours] = [group.step(asked, draw).success.tolist() for _ in range(steps)]

    def reverse(ours: bool) -> None:
        with patch.object(Surrogate, "expecting", Surrogate.expecting if ours else lambda self, *_: self):
            work = point.reverse(surrogate(1), 1, config.mesa_batch, steps, config.point_lr, compute.generator(0))
            answers["point", ours] = finish(work).tolist()

    def refer(ours: bool) -> None:
        success = FixedSuccess(frozen, parts.defender.images, 0, 0)
        success.local = success.local if ours else None
        answers["reference", ours] = [part.tolist() for part in success.slope(torch.rand(256, 27, generator=seeded()))]

    def seeded() -> torch.Generator:
        return torch.Generator().manual_seed(0)

    works: dict[str, Callable[[bool], None]] = {"worst": worst, "reference": refer, "point": reverse}
    works |= {kind: partial(train, kind) for kind in kinds}
    took = median_times({(name, ours): partial(work, ours) for name, work in works.items() for ours in WAYS}, repeats)
    told = {
        name: {
            "plain_s": round(took[name, False], 3),
            "local_s": round(took[name, True], 3),
            "ratio": round(took[name, False] / took[name, True], 2),
            "same": answers[name, False] == answers[name, True],
        }
        for name in works
    }
    sizes = {"defender": len(parts.defender), "evaluation": len(parts.evaluation), "steps": steps}
    return {"victim": victim, "precision": precision, **told, **sizes, "hardware": devices.hardware(compute)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--victims", nargs="+", default=SIZES, choices=SIZES)
    parser.add_argument("--precisions", nargs="+", default=["bf16", "fp32"], choices=tuple(devices.DTYPES))
    parser.add_argument("--pieces", nargs="+", type=int, default=[64, 256, 512])
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--engine", action="store_true", help="the engine's own work instead")
    parser.add_argument("--steps", type=int, default=60, help="of sub-models and of the point baseline, with --engine")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS, help="of sub-models, with --engine")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for victim in chosen.victims:
        for precision in chosen.precisions:
            if chosen.engine:
                found = engine(victim, precision, chosen.steps, chosen.kinds, chosen.repeats)
            else:
                found = measure(victim, precision, chosen.images, chosen.pieces, chosen.repeats)
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
