"""What an exact map of places costs, against passing every stamped image whole: python benchmarks/place_map.py

One trigger, every place (900 for 3x3 on 32x32 images), on 64 images or as many as are said, by the shipped clean network of
the signs, in fp32 and in bf16. The two ways are taken in turns and their times on the processor compared, on one thread, so
that other work on the machine disturbs both alike. Both maps are shown to be equal, answer by answer.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from mesa_core.data import load_data, split
from mesa_core.measures.bench import MEMORY, Bench, finish
from mesa_core.measures.place_map import PlaceMap, place_map
from mesa_core.store import Store, home
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import weights
from mesa_core.victims.architectures import build
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim


def mapped(victim: Victim, bench: Bench, images: int) -> tuple[PlaceMap, float]:
    """The map of a white square, and the seconds that it took on the processor, what the clean images cost included."""
    plain = finish(bench.plain(victim))
    began = time.process_time()
    found = finish(place_map(bench, victim, plain, torch.ones(1, 3, 3, 3), images))[0]
    return found, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="a network; without it the shipped one")
    parser.add_argument("--victim", default="resnet9-16")
    parser.add_argument("--target", type=int, default=0)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = load_data("signs", "", cache=Store(home()).cache)
    path = Path(given.weights) if given.weights else shipped_weights("signs", given.victim)
    assert path is not None, "no weights are shipped for this victim; name a file"
    images = split(data, 0).evaluation
    for precision in ("fp32", "bf16"):
        model = weights.load_into(build(given.victim, len(data.classes)), weights.read(path))
        compute = Compute(torch.device("cpu"), precision, "nhwc")
        victim = Victim(model, Normalise(data.mean, data.std), compute).freeze()
        times: dict[str, list[float]] = {"whole": [], "ours": []}
        for _ in range(given.rounds):
            whole, seconds = mapped(victim, Bench(images, given.target, 0, 4 * given.images, memory=0), given.images)
            times["whole"].append(seconds)
            ours, seconds = mapped(
                victim, Bench(images, given.target, 0, 4 * given.images, memory=MEMORY), given.images
            )
            times["ours"].append(seconds)
        middle = {name: float(np.median(each)) for name, each in times.items()}
        differ = int(np.abs(whole.hits - ours.hits).sum())
        print(
            f"{given.victim} {precision}: {whole.hits.size} places, {whole.images} images; whole {middle['whole']:.1f} s, "
            f"ours {middle['ours']:.1f} s, {middle['ours'] / middle['whole']:.2f} of it; {differ} answers differ of "
            f"{whole.hits.size * whole.images:,}; largest difference of the lead {np.abs(whole.lead - ours.lead).max():.1e}"
        )


if __name__ == "__main__":
    main()
