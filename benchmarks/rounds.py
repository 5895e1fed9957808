"""Do rounds of model, repair, model forget more than one round: python benchmarks/rounds.py RUN... --share 0.02 0.05

From the attacked network of a run of the store, by several plans of equal passes over the defender's images. A round
trains sub-models of the run's kind against the network as it then is, on the defender's images and for the run's target
class, adds their samples to those of the rounds before, and retrains on all of them. The controls tell what else could
be the cause: one round of as many passes, and the same triggers again after a fresh start of the learning rate.

Each plan's figures are those of the product (`Bench.evaluate`) on the evaluation images. Prints one line of JSON a
plan, and a Markdown table at the end; with --out the lines are appended to a file, and plans that are in it are not
carried out again. The images lie where the run says, or in --data-dir.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mesa_core import triggers
from mesa_core.config import make_config
from mesa_core.data import load_data, split
from mesa_core.experiment.sampling import OWN_IMAGES, POOL
from mesa_core.keys import seed_of
from mesa_core.measures.bench import Bench, finish
from mesa_core.method import mesa, staircase, submodels
from mesa_core.method.repair import repair
from mesa_core.method.surrogate import Surrogate
from mesa_core.store import Store, home
from mesa_core.victims import devices, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

FIRST = 32  # images a code in the first round of the worst of 512, as in the measure "full"
PLANS = {  # passes of each round, as shares of the budget, and whether each models the network anew
    "one round": ((1.0, True),),
    "two rounds, half the passes each": ((0.5, True), (0.5, True)),
    "the same triggers again, half the passes each": ((0.5, True), (0.5, False)),
    "four rounds, a quarter each": ((0.25, True),) * 4,
}


class Workbench:
    """What the plans of one run share: its attacked network, its images, its settings."""

    def __init__(self, name: str, store: Store, folder: str) -> None:
        run = store.open(name)
        self.config, known = make_config(run.config()), run.resolved() or {}
        compute = devices.resolve("cpu", known.get("precision", "fp32"), known.get("memory", "nchw"), 1, "")
        self.compute = compute
        self.dataset = load_data(self.config.data, folder or self.config.data_dir, cache=store.cache)
        self.splits = split(self.dataset, self.config.seed)
        model = build(self.config.victim, len(self.dataset.classes))
        self.attacked = Victim(model, Normalise(self.dataset.mean, self.dataset.std), compute)
        weights.load_into(model, weights.read(run.path / "weights" / "attacked.safetensors"), "attacked")
        self.bench = self._bench(self.splits.evaluation, "bench", self.config.eval_images)
        self.own = self._bench(self.splits.defender, "own", OWN_IMAGES)

    def _bench(self, images: Any, salt: str, limit: int) -> Bench:
        c = self.config
        return Bench(images, c.target, seed_of(c.seed, salt), limit, c.size)

    def model(self, victim: Victim, number: int) -> tuple[Tensor, list[float]]:
        """A pool of triggers for a victim as it is now, 1/N of each level that the rule keeps, and their ASR on own images."""
        c, frozen = self.config, victim.freeze()
        levels = list(c.beta)
        seed = seed_of(c.seed, "mesa") + number
        group = submodels.make(c, levels, c.mesa_batch, c.mesa_steps, self.compute.device, seed)
        targets = torch.full((len(levels),), c.target)
        defender = self.splits.defender.images
        surrogate = Surrogate(frozen, defender, targets, c.images_per_trigger)
        surrogate = surrogate.expecting(len(levels) * c.mesa_batch * c.mesa_steps * c.images_per_trigger, c.size)
        generator = self.compute.generator(seed)
        for _ in mesa.train(group, surrogate, c.mesa_steps, generator):
            pass
        pool = group.sample(POOL, generator)
        plain = finish(self.own.plain(frozen))
        measure = lambda samples: finish(self.own.of_samples(frozen, plain, samples, c.sample_images))[0]
        found = [measure(samples[: c.samples]) for samples in pool]
        kept, _ = staircase.keep(levels, [m.high for m in found], [m.value for m in found])
        host = torch.Generator().manual_seed(seed_of(c.seed, "mixture") + number)
        source = torch.multinomial(torch.tensor(staircase.weights(kept)), POOL, True, generator=host)
        return pool[source, torch.arange(POOL)], [round(m.value, 4) for m in found]

    def carry_out(self, plan: Sequence[tuple[float, bool]], share: float) -> dict[str, Any]:
        """One plan from the attacked network to the evaluation."""
        c, victim, pools, levels = replace(self.config, repair_ratio=share), self.attacked, [], []
        for number, (passes, anew) in enumerate(plan):
            if anew:
                pool, told = self.model(victim, number)
                pools.append(pool)
                levels.append(told)
            budget = replace(c, repair_epochs=c.repair_epochs * passes)
            seed = seed_of(c.seed, "repair") + number
            defender = self.splits.defender
            pool = torch.cat(pools)
            victim = finish(repair(victim, defender, pool, budget, seed))
        original = torch.from_numpy(triggers.from_hex(c.trigger))
        found = finish(self.bench.evaluate(victim.freeze(), original, None, 0, FIRST))
        return {"levels": levels, **found.to_json()}


def table(found: Sequence[dict[str, Any]]) -> str:
    share = lambda m: f"{100 * m['value']:.1f} ({100 * m['low']:.1f}–{100 * m['high']:.1f})"
    lines = ["| run | share | plan | original | worst of 512 | clean accuracy |", "|" + " --- |" * 6]
    for one in found:
        cells = [one["run"], f"{one['share']:g}", one["plan"], share(one["asr"]["original"])]
        cells += [share(one["asr"]["worst"]), share(one["clean_accuracy"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--share", type=float, nargs="+", default=[0.02], help="shares of stamped images")
    parser.add_argument("--plans", nargs="+", choices=list(PLANS), default=list(PLANS))
    parser.add_argument("--out", type=Path, help="a file of lines, which is gone on with")
    parser.add_argument("--data-dir", default="", help="where the images lie, if not where the run says")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    lines = chosen.out.read_text().splitlines() if chosen.out and chosen.out.is_file() else []
    key = lambda one: (one["run"], one["share"], one["plan"])
    done = {key(one): one for one in map(json.loads, lines)}
    wanted = [(run, share, plan) for run in chosen.runs for share in chosen.share for plan in chosen.plans]
    benches: dict[str, Workbench] = {}
    for run, share, plan in wanted:
        if (run, share, plan) in done:
            continue
        if run not in benches:
            benches = {run: Workbench(run, Store(home()), chosen.data_dir)}  # one run's at a time
        bench = benches[run]
        told = {"run": run, "share": share, "plan": plan, **bench.carry_out(PLANS[plan], share)}
        told["hardware"] = devices.hardware(bench.compute)
        done[run, share, plan] = told
        print(json.dumps(told), flush=True)
        if chosen.out:
            with chosen.out.open("a") as file:
                file.write(json.dumps(told) + "\n")
    print(table([done[one] for one in wanted]))


if __name__ == "__main__":
    main()
