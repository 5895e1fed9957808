"""Step 2 of the defence up to the repair: MESA's sub-models, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mesa_core import events as ev
from mesa_core import opacity
from mesa_core import triggers as codes
from mesa_core.apply.plan import ANYWHERE
from mesa_core.config import ExperimentConfig
from mesa_core.disk.untrusted import MOST_JSON, Refused, digest
from mesa_core.experiment.context import VERSION, VERSION_OF_KIND, Context
from mesa_core.experiment.snapshots import metrics, save_samples, snapshot
from mesa_core.experiment.stages import Made, Scribe
from mesa_core.measures import breadth, coverage, modes, nesting
from mesa_core.measures import entropy as entropies
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.intervals import Measured
from mesa_core.measures.submodel import Spread, Submodel
from mesa_core.method import mesa, staircase, submodels
from mesa_core.method.baselines import random
from mesa_core.method.submodels.base import SubModels
from mesa_core.method.surrogate import Surrogate
from mesa_core.pacing import Pace, follow
from mesa_core.reference import record
from mesa_core.store import StoreError
from mesa_core.store.results import Noise

MOST_SNAPSHOTS = 200
POOL = 2048  # triggers that a repair draws from, or as many as are measured, if those are more
OWN_IMAGES = 2000  # of the defender's, on which the skipping rule is decided


NO_RECALL = (
    "There is no recall, and no exact distribution beside them: both are of opaque triggers. Entropy, dimensions and nesting are "
    "of all numbers of a trigger, four a cell; the picture places it as it looks on mid-grey."
)


def opaque(c: ExperimentConfig) -> bool:
    """Whether triggers are sampled without opacities of their own."""
    return c.cell == codes.COLOURS


def pool_size(c: ExperimentConfig) -> int:
    """Triggers that are drawn of each sub-model, once for all uses."""
    return max(POOL, c.samples)


def defence_stages(lab: Context) -> Iterator[ev.Event]:
    """MESA's sub-models, and what they are worth."""
    c, levels = lab.config, list(lab.config.beta)

    def train(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        place, every = None, max(c.snapshot_every, -(-c.mesa_steps // MOST_SNAPSHOTS))

        def draw(group: SubModels, surrogate: Surrogate, done: int) -> Iterator[ev.Event]:
            nonlocal place
            if done % every == 0 or done == c.mesa_steps:
                place, file = snapshot(lab, scribe, group, surrogate, done, place)
                yield ev.Snapshot(done, file, levels)

        group, generator = yield from trained(lab, c, "mesa", draw)
        pool = group.sample(pool_size(c), generator)
        told = {"entropy": group.entropy()}
        return told, {"pool": pool, **{f"group.{k}": v for k, v in group.state().items()}}

    recipe = lab.recipe(
        "mesa",
        victim=lab.results["attack"].key,
        target=lab.target,
        every=c.snapshot_every,
        pool=pool_size(c),
        shown=c.snapshot_samples,
        axes=lab.results["before"].key,
        version=VERSION_OF_KIND.get(c.kind, VERSION["mesa"]),
    )
    recipe["parameters"].pop("gamma")
    lab.results["mesa"] = yield from lab.stages.stage("mesa", "Sampling the triggers (MESA)", recipe, train)
    yield from measure_stage(lab, levels)


def trained(
    lab: Context,
    c: ExperimentConfig,
    name: str,
    draw: Callable[[SubModels, Surrogate, int], Iterator[ev.Event]] | None = None,
) -> Generator[ev.Event, None, tuple[SubModels, torch.Generator]]:
    """A sub-model of the kind of `c` a level, trained on the network that the defence finds, and the generator to draw with.

    `draw` is given both, and the steps done, after each step; `name` is the stage's.
    """
    levels = list(c.beta)
    group = submodels.make(c, levels, c.mesa_batch, c.mesa_steps, lab.compute.device, lab.seed("mesa"))
    gradients = len(levels) * c.mesa_batch * c.mesa_steps * c.images_per_trigger
    surrogate = lab.surrogate(len(levels)).expecting(gradients, c.size)
    generator, pace = lab.compute.generator(lab.seed("mesa")), Pace(name, c.mesa_steps)
    for step in mesa.train(group, surrogate, c.mesa_steps, generator):
        if draw is not None:
            yield from draw(group, surrogate, step.done)
        if step.diagnostics is not None and pace.due(step.done):
            yield pace.progress(step.done, **metrics(step.diagnostics, levels))
    return group, generator


def measure_stage(lab: Context, levels: list[float]) -> Iterator[ev.Event]:
    """Every sub-model measured, the skipping rule, the mixture, and the mixture's ASR on both victims."""
    c = lab.config

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        pool = lab.results["mesa"].tensors["pool"].to(lab.compute.device)  # (N, POOL, 3, s, s)
        take = c.samples
        pace = Pace("measure", (len(levels) * 2 + 3) * take * c.sample_images)
        found, rates, own_asr = yield from _each_level(lab, pool[:, :take], levels, pace)
        known = [None if entry.density is None else entry.density.value for entry in found]
        mixing = staircase.mixing(levels, own_asr, known, c.gamma == "entropy")
        wide = _breadth(lab, pool[:, :take])
        each = zip(found, mixing.kept, wide, strict=True)
        entries = [replace(entry, kept=stays, **vars(more)).to_json() for entry, stays, more in each]
        yield from _told(mixing, levels, c.search_places)
        if c.gamma == "entropy" and mixing.by_entropy is None:
            yield ev.Note("A sub-model's entropy could not be told, so all that are kept get the same weight.")
        yield ev.Submodels(entries)
        mixed = mesa.mix(pool, mixing.gamma, pool_size(c), lab.seed("mixture"))
        value: dict[str, Any] = {"submodels": entries, "gamma": mixing.gamma}
        value |= {"gamma_exact": mixing.by_entropy, "best_only": mixing.best_only}
        value |= yield from _mixture(lab, mixed[:take], pace)
        save_samples(lab, scribe, pool[:, :take], rates)
        return value, {"mixture": mixed}

    recipe = lab.recipe(
        "measure",
        mesa=lab.results["mesa"].key,
        clean=lab.clean is not None,
        gamma=c.gamma,
        target=lab.target,
        truth=c.target,
        version=VERSION["measure"],
        before=lab.results["before"].key,
        reference=_digest_of_reference(lab),
    )
    lab.results["measure"] = yield from lab.stages.stage("measure", "Measuring the sampled triggers", recipe, body)


def reference_folder(lab: Context) -> Path | None:
    """Where the exact reference of the attacked network lies, if somebody has made one; None where a backdoor has no one target."""
    if not isinstance(lab.wanted, int):
        return None
    return record.lying(lab.store, lab.results["attack"].key, lab.wanted, lab.config.size)


def _digest_of_reference(lab: Context) -> str:
    place = reference_folder(lab) if opaque(lab.config) else None  # else it is not looked at
    try:
        return "" if place is None else digest(place / "reference.json", MOST_JSON)[:16]
    except (OSError, Refused):
        return ""


def _each_level(
    lab: Context, pool: Tensor, levels: list[float], pace: Pace
) -> Generator[ev.Event, None, tuple[list[Submodel], list[np.ndarray], list[Measured]]]:
    """What is known of each sub-model; each sample's ASR; and each level's ASR on the defender's own images.

    The skipping rule is the defender's, so it looks at the defender's images; all that is reported comes from the others.
    """
    c, frozen, bench = lab.config, lab.frozen, lab.bench(lab.wanted)
    own = Bench(lab.defender, lab.wanted, lab.seed("own"), OWN_IMAGES, rule=lab.searched, absent=bool(c.suspect))
    plain, own_plain = finish(bench.plain(frozen)), finish(own.plain(frozen))
    entries: list[Submodel] = []
    rates, own_asr = [], []
    known = lab.results["mesa"].value.get("entropy") or [None] * len(levels)
    reference = below = None  # below: the samples of the level beneath
    if not opaque(c):
        yield ev.Note(f"{opacity.told(codes.unflatten(_flat(pool.flatten(0, 1))))} {NO_RECALL}")
    try:
        place = reference_folder(lab) if opaque(c) else None
        reference = None if place is None else record.read(place)
    except StoreError as error:  # a yardstick that is broken must not stop a run
        yield ev.Note(str(error))
    for samples, beta, density in zip(pool, levels, known, strict=True):
        rule, _, _ = yield from follow(pace, own.of_samples(frozen, own_plain, samples, c.sample_images))
        mean, _, each = yield from follow(pace, bench.of_samples(frozen, plain, samples, c.sample_images))
        own_asr.append(rule)
        rates.append(each)
        flat = _flat(samples)
        covered = _covered(lab, flat, each)
        entries.append(
            Submodel(
                kind=c.kind,
                beta=beta,
                kept=True,
                mean_asr=mean.rounded(),
                defender_asr=rule.rounded(),
                entropy=entropies.entropy_of(flat),
                density=None if density is None else Spread.from_json(density),
                recall=covered.recall,
                precision=covered.precision,
                modes=modes.summarise(flat, each, modes.find_modes(flat), c.sample_images),
                nested=None if below is None else nesting.inside(flat, below).rounded(),
                reference=None if reference is None else record.beside(reference, beta, flat),
            )
        )
        below = flat
    return entries, rates, own_asr


def _told(mixing: staircase.Mixing, levels: list[float], looked_at: str) -> Iterator[ev.Event]:
    """The skipping rule's outcome in words, where it skipped any; and what else to look at, where only random places were."""
    if mixing.best_only:
        yield ev.Note("Every sub-model stays below its level, so only the best one is used.")
        if looked_at == ANYWHERE:
            yield ev.Note(
                "Triggers that work at one place only are found by --search-places plan, not at random places."
            )
    elif not all(mixing.kept):
        gone = ", ".join(f"{b:g}" for b, k in zip(levels, mixing.kept, strict=True) if not k)
        yield ev.Note(f"Skipped, because its samples stay below the level: β = {gone}.")


def _breadth(lab: Context, pool: Tensor) -> list[breadth.Breadth]:
    """How wide each level's samples lie and how they nest, from the samples as they will be stored."""
    flat = [_flat(samples) for samples in pool]  # (S, d) each
    stored = [np.rint(samples * 255).astype(np.uint8) for samples in flat]
    return breadth.of_levels(stored, [lab.axes.place(opacity.seen_flat(samples)) for samples in flat])


def _flat(samples: Tensor) -> np.ndarray:
    """Triggers `(S, k, s, s)` as rows `(S, d)`."""
    return samples.flatten(1).cpu().numpy()


def _mixture(lab: Context, samples: Tensor, pace: Pace) -> Generator[ev.Event, None, dict[str, Any]]:
    """The mixture's ASR on the clean and the backdoored victim, its coverage, and uniform noise beside it."""
    c = lab.config
    value: dict[str, Any] = {}
    bench = lab.bench(lab.wanted if c.suspect else c.target)
    for name, frozen in (("clean", lab.frozen_clean), ("before", lab.frozen)):
        value[name] = None
        if frozen is None:
            continue
        plain = finish(bench.plain(frozen))
        asr, effective, each = yield from follow(pace, bench.of_samples(frozen, plain, samples, c.sample_images))
        value[name] = {"asr": asr.to_json(), "effective_asr": effective.to_json()}
        bare = Evaluation.from_json(lab.results["before"].value[name])
        yield ev.Evaluated(name, bare.with_samples(asr, effective).to_json())
    value |= _covered(lab, _flat(samples), each).to_json()
    noise = random.uniform_colours(len(samples), torch.Generator().manual_seed(lab.seed("noise")), c.size, c.cell)
    asr, _, each = yield from follow(
        pace, bench.of_samples(lab.frozen, plain, noise.to(samples.device), c.sample_images)
    )
    covered = _covered(lab, _flat(noise), each)
    value["uniform_noise"] = Noise(asr, recall=covered.recall, precision=covered.precision).to_json()
    return value


def _covered(lab: Context, flat: np.ndarray, each: np.ndarray) -> coverage.Coverage:
    """Recall and precision by level of samples `(S, d)` with ASR `(S,)`; no recall without a landscape.

    Nor against a panel that is drawn: samples that round to other valid triggers would count as having missed it. Nor where
    opacities are sampled: the panel is opaque, and a sample that lets the image through is none of it.
    """
    c, landscape = lab.config, None
    own = c.suspect or lab.target == c.target  # the landscape is of the class that the samples are for
    if c.landscape_images and own and not codes.drawn(c.size) and opaque(c):
        landscape = lab.results["before"].tensors["landscape"].numpy()
    rounded = codes.round_to_codes(codes.unflatten(flat))
    return coverage.by_level(landscape, rounded, each, c.sample_images, c.landscape_images)
