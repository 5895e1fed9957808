"""A repair that judges itself: MESA is trained anew on the repaired network, and what it finds is repaired again.

It needs no oracle: neither the attacker's trigger nor a number of steps that somebody else found to be enough. The judge
looks at the defender's images only; what is reported of the network comes from images that neither has seen. For networks
that are scanned.
"""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from mesa_core import events as ev
from mesa_core.experiment.context import VERSION, VERSION_OF_KIND, Context
from mesa_core.experiment.pools import Pool
from mesa_core.experiment.sampling import OWN_IMAGES, pool_size
from mesa_core.experiment.stages import Made, Output, Scribe
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.intervals import Measured
from mesa_core.measures.verdict import Judged, Round
from mesa_core.method import mesa, submodels
from mesa_core.method import repair as repairs
from mesa_core.method.surrogate import towards
from mesa_core.pacing import Pace, follow

CLEAR = 0.05  # effective ASR that no sub-model may exceed on a network that counts as repaired


def go_on(lab: Context, pool: Pool, first: Output) -> Generator[ev.Event, None, Output]:
    """Judge the first repair, and repair again until it holds or `repair_rounds` are over; returns the last repair."""
    c = lab.config
    steps = repairs.recipe_of(c, len(lab.defender)).steps(len(lab.defender))
    assert isinstance(pool.stamps, Tensor), "MESA's pool are triggers"
    repaired, stamps, keys = first, [pool.stamps], [pool.key]
    rounds: list[Round] = []
    for number in range(1, c.repair_rounds + 1):
        found = yield from _judge(lab, repaired, number)
        rounds.append(Round(steps, [Measured.from_json(one) for one in found.value["effective_asr"]]))
        if rounds[-1].worst.value <= CLEAR or number == c.repair_rounds:
            break
        stamps.append(found.tensors["pool"])
        keys.append(found.key)
        repaired = yield from _repair_again(lab, repaired, stamps, keys, number + 1)
    judged = Judged(rounds[-1].worst.value <= CLEAR, CLEAR, rounds)
    lab.results["judged"] = Output("", judged.to_json(), {})
    yield ev.Judged(judged.healed, rounds[-1].worst.value, len(rounds), judged.words)
    return repaired


def cost_of(lab: Context) -> ev.Note:
    """What the repair cost in accuracy, on images that it has not seen."""
    after = Evaluation.from_json(lab.results["after.mesa"].value["after"])
    assert after.change is not None, "it is told of every repair"
    change, was = after.change.clean_accuracy, lab.before.clean_accuracy
    return ev.Note(
        f"The repair changed the accuracy by {100 * change.value:+.1f} points ({100 * change.low:+.1f} to "
        f"{100 * change.high:+.1f}, n={change.n}): {was.value:.1%} before, {after.clean_accuracy.value:.1%} after."
    )


def _judge(lab: Context, repaired: Output, number: int) -> Generator[ev.Event, None, Output]:
    """MESA anew on the repaired network: value `effective_asr` of each level, tensor `pool` `(m, k, s, s)` of its samples."""
    c, levels, what = lab.config, list(lab.config.beta), f"judge {number}"

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        frozen, device = lab.load(repaired.tensors).freeze(), lab.compute.device
        group = submodels.make(c, levels, c.mesa_batch, c.mesa_steps, device, lab.seed(what), False)
        surrogate = towards(lab.wanted, frozen, lab.defender, len(levels), c.images_per_trigger, lab.searched)
        surrogate = surrogate.expecting(len(levels) * c.mesa_batch * c.mesa_steps * c.images_per_trigger, c.size)
        generator, pace = lab.compute.generator(lab.seed(what)), Pace("judge", c.mesa_steps)
        for step in mesa.train(group, surrogate, c.mesa_steps, generator):
            if step.diagnostics is not None and pace.due(step.done):
                yield pace.progress(step.done, highest=step.diagnostics.success.max().item())
        pool = group.sample(max(c.samples, pool_size(c) // len(levels)), generator)  # (N, n, 3, s, s)
        own = Bench(lab.defender, lab.wanted, lab.seed("own"), OWN_IMAGES, rule=lab.searched, absent=True)
        plain = finish(own.plain(frozen))
        pace = Pace("judge", len(levels) * c.samples * min(c.sample_images, len(own.others)))
        rates = []
        for samples in pool[:, : c.samples]:
            _, effective, _ = yield from follow(pace, own.of_samples(frozen, plain, samples, c.sample_images))
            rates.append(effective.to_json())
        return {"effective_asr": rates}, {"pool": pool.flatten(0, 1)}

    recipe = lab.recipe(
        "mesa",
        repair=repaired.key,
        target=lab.target,
        number=number,
        samples=c.samples,
        images=c.sample_images,
        pool=pool_size(c),
        version=[VERSION["judge"], VERSION_OF_KIND.get(c.kind, VERSION["mesa"])],
        **lab.sized,
    )
    recipe["parameters"].pop("gamma")
    label = f"Judging the repair: MESA anew, round {number}"
    return (yield from lab.stages.stage(f"judge.{number}", label, recipe, body))


def _repair_again(
    lab: Context, repaired: Output, stamps: list[Tensor], keys: list[str], number: int
) -> Generator[ev.Event, None, Output]:
    """Repair the repaired network with all triggers that were found so far, those of each round alike."""

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        most = max(map(len, stamps))
        pool = torch.cat([one.repeat(-(-most // len(one)), 1, 1, 1)[:most] for one in stamps])
        seed = lab.seed(f"repair {number}")
        victim, rule = lab.load(repaired.tensors), lab.searched
        mended = yield from repairs.repair(victim, lab.defender, pool, lab.config, seed, rule=rule)
        return {}, mended.model.state_dict()

    recipe = lab.recipe("repair", victim=repaired.key, pool=keys, number=number, version=VERSION["repair"])
    recipe["parameters"].pop("repair_each_beta")
    recipe["parameters"].pop("repair_kind", None)  # said by the pool
    label = f"Retraining again with what was left, round {number}"
    return (yield from lab.stages.stage(f"repair.mesa.{number}", label, recipe, body))
