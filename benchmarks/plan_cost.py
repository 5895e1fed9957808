"""What the whole plan of places and sizes takes beside a search of one size at random places: python benchmarks/plan_cost.py

Both search the shipped ResNet-9-16 of the road signs, which nobody attacked, so that nothing ends them early, with all
defaults, by turns in one process. For more classes the network gets a linear layer of random weights; what a search takes
hangs on the number of classes and hardly on what they are.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mesa_core.config import ExperimentConfig, make_config
from mesa_core.data import load_data, split
from mesa_core.measures.bench import finish
from mesa_core.method import detection, sized
from mesa_core.store import Store, home
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import clean, devices
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

ONE = make_config({"data": "signs", "detect": True})
PLAN = make_config({"data": "signs", "detect": True, "search_places": "plan", "search_sizes": "small-to-large"})


def network(classes: int, compute: devices.Compute, normalise: Normalise) -> Victim:
    """The shipped network, with a random last layer where it has another number of classes."""
    file = shipped_weights("signs", "resnet9-16")
    assert file is not None, "the product ships it"
    model = clean.load(file, "resnet9-16", 10)
    if classes != 10:
        torch.manual_seed(0)
        last = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)][-1]
        old = model.get_submodule(last)
        assert isinstance(old, nn.Linear)
        fresh = nn.Linear(old.in_features, classes, bias=old.bias is not None)
        setattr(model.get_submodule(last.rpartition(".")[0]), last.rpartition(".")[2], fresh)
    return Victim(model.to(compute.device), normalise, compute)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 20, 40])
    parser.add_argument("--times", type=int, default=3, help="how often each is timed, by turns; the median is told")
    parser.add_argument("--tiny", action="store_true", help="a few steps; its figures mean nothing")
    asked = parser.parse_args()
    compute = devices.resolve("auto", threads=1)
    dataset = load_data("signs", cache=Store(home()).cache)
    defender, normalise = split(dataset, 0).defender.to(compute.device), Normalise(dataset.mean, dataset.std)
    small = {"detect_steps": 4, "detect_batch": 4, "hidden": 16} if asked.tiny else {}
    print("| classes | one size, s | whole plan, s | ratio | gradients, ratio |\n" + "|" + " --- |" * 5)
    for classes in asked.classes:
        victim = network(classes, compute, normalise).freeze()
        names = tuple(map(str, range(classes)))
        taken: dict[str, list[float]] = {"one": [], "plan": []}
        for turn in range(asked.times):
            for name, config in (("one", ONE), ("plan", PLAN)):
                own: ExperimentConfig = make_config({**config.to_dict(), **small})
                began = time.monotonic()
                finish(sized.find(victim, defender, names, own, turn))
                taken[name].append(time.monotonic() - began)
        one, plan = median(taken["one"]), median(taken["plan"])
        size = dataset.size, dataset.size
        looks = sized.cost(PLAN, size, classes, len(defender))[0] / detection.cost(ONE, size, classes, len(defender))[0]
        print(f"| {classes} | {one:.1f} | {plan:.1f} | {plan / one:.2f} | {looks:.2f} |", flush=True)


if __name__ == "__main__":
    main()
