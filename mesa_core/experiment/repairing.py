"""Step 2 for MESA and for every defence beside it: a pool of triggers, the repair, and what came of it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mesa_core import defences
from mesa_core import events as ev
from mesa_core.defences import DEFENCES
from mesa_core.experiment.bringing import heal
from mesa_core.experiment.context import VERSION, Context
from mesa_core.experiment.judging import cost_of, go_on
from mesa_core.experiment.pools import Pool
from mesa_core.experiment.stages import Made, Scribe
from mesa_core.measures.bench import Plain
from mesa_core.measures.intervals import proportion
from mesa_core.measures.submodel import Submodel
from mesa_core.method import repair as repairs
from mesa_core.pacing import Pace, follow
from mesa_core.registry import load


def order(baselines: tuple[str, ...]) -> list[str]:
    """Baselines in the order in which they are run, that of `DEFENCES`, the most telling first."""
    return [name for name in DEFENCES if name in baselines]


def repair_stages(lab: Context, name: str) -> Iterator[ev.Event]:
    """One defence: its pools of triggers, the repair with each, and what came of it."""
    found = yield from load(DEFENCES[name].pools)(lab)
    for pool in found:
        yield from repair_with(lab, pool)


def repair_with(lab: Context, pool: Pool) -> Iterator[ev.Event]:
    """Repair with one pool, then evaluate."""
    c, name, (kind, _) = lab.config, pool.name, defences.split(pool.name)
    words = DEFENCES[kind].stamps if kind in DEFENCES else name

    def mend(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        rule = lab.searched if pool.rule is None else pool.rule
        mended = yield from repairs.repair(lab.victim, lab.defender, pool.stamps, c, lab.seed("repair"), rule=rule)
        return {}, mended.model.state_dict()

    recipe = lab.recipe("repair", victim=lab.results["attack"].key, pool=pool.key, version=VERSION["repair"])
    recipe["parameters"].pop("repair_each_beta")
    recipe["parameters"].pop("repair_kind", None)  # said by the pool
    out = yield from lab.stages.stage(f"repair.{name}", f"Retraining with {words}", recipe, mend)
    if name == "mesa" and c.judges:
        out = yield from go_on(lab, pool, out)
    lab.results[f"repair.{name}"] = out
    repaired = lab.load(out.tensors)
    if name == "mesa":
        lab.keep_weights("repaired", repaired)
        if (told := heal(lab, out.tensors)) is not None:
            yield told

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        bench, frozen = lab.bench(c.target if not c.suspect else lab.wanted), repaired.freeze()
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
        value = replace(value, change=bench.change(lab.results["before"].tensors, kept)).to_json()
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
    if name == "mesa" and c.judges:
        yield cost_of(lab)


def _medoids(lab: Context) -> Tensor | None:
    """The modes' triggers of all sub-models, in their order, `(m, k, s, s)`; None where there are none."""
    entries = map(Submodel.from_json, lab.results["measure"].value["submodels"])
    found = [mode.pixels for entry in entries for mode in entry.modes]
    return torch.from_numpy(np.stack(found)) if found else None
