"""Step 2 for MESA and for every defence beside it: a pool of triggers, the repair, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mesa_core import events as ev
from mesa_core import repair as repairs
from mesa_core import triggers as codes
from mesa_core.baselines import neural_cleanse, point, random
from mesa_core.evaluation import Plain
from mesa_core.experiment.defended import pool_size
from mesa_core.experiment.lab import VERSION, Lab
from mesa_core.experiment.pictures import mark
from mesa_core.intervals import proportion
from mesa_core.pacing import Pace, follow
from mesa_core.stages import Scribe

NAMES = {
    "mesa": "MESA's triggers",
    "point": "one reversed trigger",
    "random": "random black-and-white triggers",
    "uniform": "randomly coloured triggers",
    "neural_cleanse": "Neural Cleanse's mask",
    "ideal": "the original trigger (oracle)",
    "control": "clean images alone (control)",
}


def order(baselines: tuple[str, ...]) -> list[str]:
    """Baselines in the order in which they are run, the most telling first."""
    return [name for name in NAMES if name in baselines]


def repair_stages(lab: Lab, name: str) -> Iterator[ev.Event]:
    """One defence: its pool of triggers, the repair, and what came of it."""
    if name == "point":
        yield from point_stage(lab)
        for i in range(lab.config.point_seeds):
            yield from repair_with(
                lab,
                "point" if i == 0 else f"point_{i + 1}",
                lab.results["reverse"].tensors["triggers"][i : i + 1],
                lab.results["reverse"].key,
            )
        return
    if name == "neural_cleanse":
        yield from cleanse_stage(lab)
        found = lab.results["cleanse"].tensors
        stamp = neural_cleanse.unlearn(
            found["mask"].to(lab.compute.device),
            found["pattern"].to(lab.compute.device),
            lab.config.repair_ratio,
            lab.normalise,
            lab.seed("repair"),
        )
        yield from repair_with(lab, name, stamp, lab.results["cleanse"].key)
        return
    host = torch.Generator().manual_seed(lab.seed("pool"))
    count, side = pool_size(lab.config), lab.config.size
    other = f" {side}x{side}" if lab.sized else ""
    pools: dict[str, Callable[[], tuple[Tensor | None, str]]] = {
        "mesa": lambda: (lab.results["measure"].tensors["mixture"], lab.results["measure"].key),
        "random": lambda: (random.black_and_white(count, host, side), f"random{other}"),
        "uniform": lambda: (random.uniform_colours(count, host, side), f"uniform{other}"),
        "ideal": lambda: (lab.pixels[None], lab.config.trigger),
        "control": lambda: (None, "none"),
    }
    if name.startswith("beta."):
        level = [f"{b:g}" for b in lab.config.beta].index(name.removeprefix("beta."))
        pool, key = lab.results["mesa"].tensors["pool"][level], f"{lab.results['mesa'].key} {level}"
    elif name == "ideal" and lab.config.suspect:
        return  # nobody knows the original
    else:
        pool, key = pools[name]()
    yield from repair_with(lab, name, pool, key)


def repair_with(lab: Lab, name: str, pool: Any, key: str) -> Iterator[ev.Event]:
    """Repair with one pool, then evaluate."""
    c, words = lab.config, NAMES.get(name.split("_")[0] if name.startswith("point") else name, name)

    def mend(scribe: Scribe) -> Iterator[ev.Event]:
        mended = yield from repairs.repair(lab.victim, lab.defender, pool, c, lab.seed("repair"))
        return {}, mended.model.state_dict()

    recipe = lab.recipe("repair", victim=lab.results["attack"].key, pool=key, version=VERSION["repair"])
    recipe["parameters"].pop("repair_each_beta")
    out = yield from lab.stages.stage(f"repair.{name}", f"Retraining with {words}", recipe, mend)
    lab.results[f"repair.{name}"] = out
    repaired = lab.load(out.tensors)
    if name == "mesa":
        lab.keep_weights("repaired", repaired)
    frozen = repaired.freeze()

    def body(scribe: Scribe) -> Iterator[ev.Event]:
        bench = lab.bench(c.target if not c.suspect else lab.target)
        mixture = lab.results["measure"].tensors["mixture"][: c.samples]
        original = None if c.suspect else lab.pixels
        each = c.landscape_images if name == "mesa" else 0
        sizes = (c.sample_images, c.worst_images, each)
        medoids = _medoids(lab) if each else None
        marked = 0 if medoids is None else each * len(medoids)
        pace = Pace("after", bench.size(original is not None, len(mixture), *sizes) + marked)
        kept: dict[str, Tensor] = {}
        value = yield from follow(pace, bench.evaluate(frozen, original, mixture, *sizes, kept))
        if each:
            scribe.save("landscape-after.npz", {"codes_asr": kept["landscape"].numpy().astype(np.float32)})
        value["change"] = bench.change(lab.results["before"].tensors, kept)
        yield ev.Evaluated(f"after.{name}", value)
        whole: dict[str, Any] = {"after": value}
        if medoids is not None:
            plain = Plain(kept["predicted"])
            _, _, rates = yield from follow(pace, bench.of_samples(frozen, plain, medoids, each))
            n = min(each, len(bench.others))
            whole["modes"] = [proportion(round(float(rate) * n), n).to_json() for rate in rates]
        return whole, {}

    recipe = lab.recipe(
        "measure",
        repair=out.key,
        samples_of=lab.results["measure"].key,
        target=c.target,
        trigger=c.trigger,
        before=lab.results["before"].key,
        version=VERSION["after"],
    )
    lab.results[f"after.{name}"] = yield from lab.stages.stage(f"after.{name}", f"Measuring: {words}", recipe, body)


def _medoids(lab: Lab) -> Tensor | None:
    """The modes' triggers of all sub-models, in their order, `(m, 3, s, s)`; None where there are none."""
    found = [mode["trigger"] for entry in lab.results["measure"].value["submodels"] for mode in entry["modes"]]
    return torch.from_numpy(np.stack([codes.from_hex(t) for t in found])) if found else None


def point_stage(lab: Lab) -> Iterator[ev.Event]:
    """The point baseline's reversed triggers, marked in the scatter."""
    c = lab.config

    def body(scribe: Scribe) -> Iterator[ev.Event]:
        found = yield from point.reverse(
            lab.surrogate(lab.victim.freeze(), 1),
            c.point_seeds,
            c.mesa_batch,
            c.point_steps,
            c.point_lr,
            lab.compute.generator(lab.seed("point")),
            c.size,
        )
        for i, trigger in enumerate(found.cpu().numpy()):
            yield mark("point" if i == 0 else f"point {i + 1}", trigger, lab.axes, lab.tsne)
        return {}, {"triggers": found}

    recipe = lab.recipe(
        "baselines",
        batch=c.mesa_batch,
        victim=lab.results["attack"].key,
        target=lab.target,
        version=VERSION["point"],
        axes=lab.results["before"].key,
    )
    recipe["parameters"].pop("baselines")
    lab.results["reverse"] = yield from lab.stages.stage("point", "Reversing one trigger (point defence)", recipe, body)


def cleanse_stage(lab: Lab) -> Iterator[ev.Event]:
    """Neural Cleanse over all classes; the repair uses the class that the defender takes for the target."""
    c = lab.config

    def body(scribe: Scribe) -> Iterator[ev.Event]:
        found = yield from neural_cleanse.reverse(
            lab.victim.freeze(),
            lab.defender.images,
            len(lab.dataset.classes),
            c.detect_batch,
            c.detect_steps,
            lab.compute.generator(lab.seed("cleanse")),
        )
        index = neural_cleanse.anomaly_index(found.norms)
        return (
            {"norms": found.norms, "anomaly_index": index, "alarm": neural_cleanse.ALARM},
            {"mask": found.masks[lab.target], "pattern": found.patterns[lab.target]},
        )

    recipe = lab.recipe("detect", victim=lab.results["attack"].key, target=lab.target)
    lab.results["cleanse"] = yield from lab.stages.stage("neural_cleanse", "Neural Cleanse", recipe, body)
