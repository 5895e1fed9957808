"""The verbs of the public face: attack, sample, detect, repair, evaluate, places."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import torch
from torch import Tensor

from mesa_core import triggers as codes
from mesa_core.api.answers import Evaluation, Found, Repaired, Samples
from mesa_core.api.bars import Bar, automatic
from mesa_core.api.checks import Trigger, asked, assumed, blank, class_of, fits, hex_of, pool_of
from mesa_core.apply import whose
from mesa_core.apply.rule import Apply
from mesa_core.config import ConfigError, ExperimentConfig, make_config
from mesa_core.config.placing import covers
from mesa_core.config.placing import fits as fits_places
from mesa_core.data.types import ImageSet
from mesa_core.events import Progress
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.conclusion import conclusion
from mesa_core.measures.intervals import Measured
from mesa_core.measures.place_map import IMAGES, PlaceMap, passes, place_map
from mesa_core.method import attack as attacks
from mesa_core.method import covering, detection, mesa, submodels
from mesa_core.method import repair as repairs
from mesa_core.method.surrogate import towards
from mesa_core.pacing import Pace, follow, through
from mesa_core.victims.victim import Victim

Tell = Callable[[Progress], None]
TRIED = 500  # of the attacker's images, on which it is tried whether an attack took
HELD = 5  # without images of their own, every fifth of the defender's is kept for before and after
Answer = TypeVar("Answer")


def attack(
    victim: Victim, data: Any, trigger: Trigger, target: int, *, seed: int = 0,
    progress: Tell | str | None = "auto", **parameters: Any,
) -> Victim:  # fmt: skip
    """Implant a backdoor in a copy of `victim` (eq. 1) and return the copy.

    `data` are the attacker's images (see `image_set`), `target` the class that stamped ones are to get. `progress` is
    called with each report; "auto" draws a bar on a terminal and in a notebook, None says nothing. Raises ConfigError or
    DataError, in one sentence; warns where the trigger then succeeds on less than `attack_took` of some of these images.
    """
    images, classes = asked(victim, data)
    config = _config(parameters, seed=seed, target=class_of(target, classes), trigger=hex_of(trigger))
    pixels = torch.from_numpy(codes.pixels_of(config.trigger))
    fits(config.size, images)
    fits_places(config, tuple(images.images.shape[-2:]))
    attacked = _run(attacks.attack(victim, images, pixels, config, seed), progress, "attack")
    some = images.take(torch.arange(0, len(images), max(1, len(images) // TRIED), device=images.labels.device))
    if bool((some.labels == config.target).all()):
        return attacked  # none that it could send elsewhere
    bench = Bench(some, config.target, seed, rule=whose.attackers(config))
    asr = _measured(bench, attacked.freeze(), pixels[None].to(victim.compute.device), config).asr
    if asr is not None and asr.value < config.attack_took:
        warnings.warn(
            f"The attack did not take: the trigger succeeds on {asr.value:.1%} of {asr.n} images only. Raise attack_ratio, "
            "attack_epochs or attack_lr, or bring more images.",
            stacklevel=2,
        )
    return attacked


def sample(
    victim: Victim, data: Any, target: int, *, n: int = 512, size: int = 3, seed: int = 0,
    progress: Tell | str | None = "auto", **parameters: Any,
) -> Samples:  # fmt: skip
    """MESA (Algorithms 1 and 2): train a sub-model a level β and draw `n` triggers of each.

    `data` are the defender's images, `target` the class that triggers are sought for, `size` their side in pixels.
    """
    images, classes = asked(victim, data)
    config = _config(parameters, seed=seed, target=class_of(target, classes), trigger=blank(size))
    fits(size, images)
    return _run(_sampled(victim.freeze(), images, config, n), progress, "sample")


def detect(
    victim: Victim, data: Any, *, size: int = 3, seed: int = 0, progress: Tell | str | None = "auto", **parameters: Any
) -> Found:
    """Step 1 of the defence: search all classes at once for triggers, on the defender's images `data`.

    `size` is their side in pixels; with `search_sizes` (such as 'small-to-large') several are searched instead, and the
    triggers are of the one that is believed. What was looked for, and what that says, is in `words`.
    """
    images, classes = asked(victim, data)
    config = _config(parameters, seed=seed, trigger=blank(size), detect=True)
    fits(size, images)
    names = tuple(str(c) for c in range(classes))
    last: list[detection.Glimpse] = []  # the measured one comes last

    def told(news: detection.News) -> Progress | None:
        if isinstance(news, detection.Glimpse):
            last[:] = [news]
        return news if isinstance(news, Progress) else None

    search = covering.find(victim.freeze(), images, names, config, seed)
    verdict = _run(through(search, told), progress, "detect")
    flat = torch.from_numpy(last[0].arrays["triggers"]).float() / 255
    triggers = torch.from_numpy(codes.unflatten(flat.numpy()))  # (C, n, k*s*s) -> (C, n, k, s, s)
    rates = tuple(one.asr for one in verdict.classes)
    return Found(verdict.target, rates, verdict.threshold, triggers, conclusion(verdict, covers(config)))


def repair(
    victim: Victim, data: Any, triggers: Samples | Tensor, *, target: int | None = None, test: Any = None, seed: int = 0,
    progress: Tell | str | None = "auto", **parameters: Any,
) -> Repaired:  # fmt: skip
    """Step 2 of the defence (eq. 5): retrain a copy of `victim` on the defender's images, some of them stamped.

    `triggers` are `Samples`, or `(m, 3, s, s)` in [0, 1], or `(m, 4, s, s)` with opacities, with the `target` they are for. Before and after are measured on
    `test`; without it on every fifth of `data`, which the repair then does not see.
    """
    images, classes = asked(victim, data)
    if isinstance(triggers, Samples):
        pool, wanted = triggers.mixture(seed=seed), triggers.target
    else:
        pool, wanted = pool_of(triggers), class_of(target, classes)
    fits(pool.shape[-1], images)
    config = _config(assumed(parameters, pool), seed=seed, target=wanted, trigger=blank(pool.shape[-1]))
    if test is not None:
        shown, own = asked(victim, test)[0], images
    else:
        held = torch.arange(len(images), device=images.labels.device) % HELD == 0
        shown, own = images.take(held), images.take(~held)
    bench = Bench(shown, wanted, seed, side=pool.shape[-1], rule=_defenders(config, images))
    few = pool[:256].to(victim.compute.device)
    before = _measured(bench, victim.freeze(), few, config)
    mended = _run(repairs.repair(victim, own, pool, config, seed), progress, "repair")
    return Repaired(mended, before, _measured(bench, mended.freeze(), few, config))


def evaluate(
    victim: Victim, data: Any, target: int, *, trigger: Trigger | None = None, samples: Samples | None = None, seed: int = 0,
    **parameters: Any,
) -> Evaluation:  # fmt: skip
    """Accuracy of a network on `data`, and the ASR of a trigger or of samples, with 95 % intervals.

    Images and places follow from `seed`, so that two networks meet the same ones.
    """
    images, classes = asked(victim, data)
    sampled = samples.triggers[0] if samples is not None and trigger is None else None
    own = {} if trigger is None else {"trigger": hex_of(trigger)}
    config = _config(assumed(parameters, sampled), seed=seed, target=class_of(target, classes), **own)
    stamps = None
    if trigger is not None:
        stamps = torch.from_numpy(codes.pixels_of(config.trigger))[None].to(victim.compute.device)
    elif samples is not None:
        stamps = samples.mixture(256, seed).to(victim.compute.device)
    if stamps is not None:
        fits(stamps.shape[-1], images)
    fits_places(config, tuple(images.images.shape[-2:]))
    rule = _defenders(config, images) if samples is not None and trigger is None else whose.attackers(config)
    return _measured(Bench(images, target, seed, rule=rule), victim.freeze(), stamps, config)


def places(
    victim: Victim, data: Any, target: int, trigger: Trigger, *, images: int = IMAGES, seed: int = 0,
    progress: Tell | str | None = "auto", **parameters: Any,
) -> PlaceMap:  # fmt: skip
    """Where a trigger works: how often it sends images of `data` to `target`, for every place at which it fits.

    `images` are measured at each place; with `opacity` below 1 the trigger is blended.
    """
    shown, classes = asked(victim, data)
    config = _config(parameters, seed=seed, target=class_of(target, classes), trigger=hex_of(trigger))
    fits(config.size, shown)
    if images < 1:
        raise ConfigError("images must be at least 1.")
    frozen, bench = victim.freeze(), Bench(shown, config.target, seed, rule=whose.attackers(config), absent=True)
    plain = finish(bench.plain(frozen))
    pixels = torch.from_numpy(codes.pixels_of(config.trigger))[None].to(victim.compute.device)
    work, pace = place_map(bench, frozen, plain, pixels, images), Pace("places", passes(bench, 1, config.size, images))
    found: list[PlaceMap] = _run(follow(pace, work), progress, "places")
    return found[0]


# -- parts
def _sampled(frozen: Victim, images: ImageSet, config: ExperimentConfig, n: int) -> Generator[Progress, None, Samples]:
    compute, levels = frozen.compute, list(config.beta)
    rule = _defenders(config, images)
    group = submodels.make(config, levels, config.mesa_batch, config.mesa_steps, compute.device, config.seed)
    surrogate = towards(config.target, frozen, images, len(levels), config.images_per_trigger, rule)
    surrogate = surrogate.expecting(len(levels) * config.mesa_batch * config.mesa_steps, config.size)
    generator, pace = compute.generator(config.seed), Pace("sample", config.mesa_steps)
    bench = Bench(images, config.target, config.seed, rule=rule)
    plain = finish(bench.plain(frozen))

    def measure(samples: Tensor) -> Measured:
        return finish(bench.of_samples(frozen, plain, samples, config.sample_images))[0]

    def told(step: mesa.MesaStep) -> Progress | None:
        if step.diagnostics is None or not pace.due(step.done):
            return None
        return pace.progress(step.done, asr=step.diagnostics.success.mean().item())

    work = mesa.mesa(group, levels, surrogate, config.mesa_steps, n, measure, generator)
    found = yield from through(work, told)
    kept, gamma = tuple(found.mixing.kept), tuple(found.mixing.gamma)
    return Samples(config.beta, found.pool, tuple(found.asr), kept, gamma, config.target)


def _defenders(config: ExperimentConfig, images: ImageSet) -> Apply:
    """How the defender puts triggers on images of this size. Raises ConfigError for a place that lies beyond them."""
    fits_places(config, tuple(images.images.shape[-2:]))
    return whose.defenders(config, tuple(images.images.shape[-2:]))


def _measured(bench: Bench, frozen: Victim, stamps: Tensor | None, config: ExperimentConfig) -> Evaluation:
    plain = finish(bench.plain(frozen))
    told = bench.accuracy(plain)
    asr = effective = None
    if stamps is not None and len(stamps) == 1:
        asr, effective = finish(bench.of_trigger(frozen, plain, stamps[0]))
    elif stamps is not None:
        asr, effective, _ = finish(bench.of_samples(frozen, plain, stamps, config.sample_images))
    return Evaluation(told.clean, told.target, told.natural, asr, effective)


def _run(work: Generator[Any, None, Answer], progress: Tell | str | None, what: str) -> Answer:
    tell = automatic(what) if progress == "auto" else progress
    if tell is not None and not callable(tell):
        raise ConfigError("progress is a function, None, or 'auto'.")
    try:
        return finish(work, tell)
    finally:
        if isinstance(tell, Bar):
            tell.close()


def _config(given: dict[str, Any], **more: Any) -> ExperimentConfig:
    return make_config({"data": "auto", **given, **more})
