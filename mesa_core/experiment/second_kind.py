"""A second kind of sub-model whose samples the repair stamps, where the kind that is looked at is not the strongest there."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from mesa_core import events as ev
from mesa_core.config import ExperimentConfig
from mesa_core.experiment.context import VERSION, VERSION_OF_KIND, Context
from mesa_core.experiment.sampling import OWN_IMAGES, pool_size, trained
from mesa_core.experiment.stages import Made, Output, Scribe
from mesa_core.measures.bench import Bench, finish
from mesa_core.method import mesa, staircase
from mesa_core.pacing import Pace, follow

NAME = "mesa.repair"  # the stage


def stage(lab: Context) -> Generator[ev.Event, None, Output]:
    """Train the sub-models of `repair_kind`, at that kind's usual α, and mix their samples: tensor `mixture` `(n, 3, s, s)`.

    Nothing but the defender's images decides, as for the kind that is seen; nothing is drawn of it.
    """
    c, levels = replace(lab.config, kind=lab.config.repair_kind, alpha=ExperimentConfig.alpha), list(lab.config.beta)

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        group, generator = yield from trained(lab, c, NAME)
        pool = group.sample(pool_size(c), generator)  # (N, n, 3, s, s)
        own = Bench(lab.defender, lab.wanted, lab.seed("own"), OWN_IMAGES, rule=lab.searched, absent=bool(c.suspect))
        plain, asr = finish(own.plain(lab.frozen)), []
        pace = Pace(NAME, len(levels) * c.samples * c.sample_images)
        for samples in pool[:, : c.samples]:
            rate, _, _ = yield from follow(pace, own.of_samples(lab.frozen, plain, samples, c.sample_images))
            asr.append(rate)
        known = [None if told is None else told["value"] for told in group.entropy()]
        mixing = staircase.mixing(levels, asr, known, c.gamma == "entropy")
        mixed = mesa.mix(pool, mixing.gamma, pool_size(c), lab.seed("mixture"))
        return {"asr": [rate.to_json() for rate in asr], "gamma": mixing.gamma}, {"mixture": mixed}

    recipe = lab.recipe(
        "mesa",
        victim=lab.results["attack"].key,
        target=lab.target,
        pool=[pool_size(c), c.samples, c.sample_images],
        version=[VERSION_OF_KIND.get(c.kind, VERSION["mesa"]), VERSION["measure"]],
    )
    recipe["parameters"] |= {"kind": c.kind, "alpha": c.alpha}
    out = yield from lab.stages.stage(NAME, f"Sampling triggers for the repair ({c.kind})", recipe, body)
    rates = ", ".join(f"{rate['value']:.0%}" for rate in out.value["asr"])
    yield ev.Note(
        f"The repair stamps the triggers of another kind, {c.kind}: {rates} on the defender's images by level."
    )
    return out
