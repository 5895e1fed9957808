"""The ten-line way: attack a network of one's own, sample its triggers, find its target class, repair it, measure it.

Any `torch.nn.Module` that returns logits, images of any size, any number of classes. What a function does not name is a
parameter of `ExperimentConfig`, given by its name: `sample(..., alpha=1.0, kind="particles")`.

>>> from mesa_core import Victim, attack, evaluate, repair, sample
>>> import torch
>>> images, labels = torch.rand(60, 3, 16, 16), torch.arange(60) % 3
>>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.AdaptiveMaxPool2d(1),
...                             torch.nn.Flatten(), torch.nn.Linear(8, 3))
>>> victim = attack(Victim(model), (images, labels), trigger=495, target=0, attack_epochs=1.0, progress=None)
>>> found = sample(victim, (images, labels), target=0, mesa_steps=2, progress=None)
>>> found.triggers.shape[2:]
torch.Size([3, 3, 3])
>>> healed = repair(victim, (images, labels), found, repair_epochs=1.0, progress=None)
>>> 0 <= evaluate(healed.victim, (images, labels), target=0, trigger=495).asr.value <= 1
True
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from mesa_core import triggers as codes
from mesa_core.apply import rule_of
from mesa_core.bars import Bar, automatic
from mesa_core.config import ConfigError, ExperimentConfig, make_config
from mesa_core.data.given import image_set
from mesa_core.data.types import ImageSet
from mesa_core.events import Progress
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.intervals import Measured
from mesa_core.measures.verdict import Detection
from mesa_core.method import attack as attacks
from mesa_core.method import detection, mesa, submodels
from mesa_core.method import repair as repairs
from mesa_core.method.surrogate import Surrogate
from mesa_core.pacing import Pace
from mesa_core.pictures.thumbnails import trigger_svg
from mesa_core.victims.victim import Victim

Trigger = Tensor | np.ndarray | int | str
"""A tensor or array `(3, s, s)` in [0, 1], a code from 0 to 511, or hex colours in a string, row by row."""
Tell = Callable[[Progress], None]
HELD = 5  # without images of their own, every fifth of the defender's is kept for before and after
DRAWN = 16  # triggers of a level in a notebook's picture
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Evaluation:
    """What a network is worth, on images that are not of the target class (accuracy: on all).

    `asr` is the ASR of the trigger, or of the sampled triggers where those were given; None where neither was.
    """

    accuracy: Measured
    target_accuracy: Measured
    natural_rate: Measured
    asr: Measured | None = None
    effective_asr: Measured | None = None

    def __repr__(self) -> str:
        told = f"accuracy {_share(self.accuracy)}"
        return told if self.asr is None else f"{told}, ASR {_share(self.asr)}"


@dataclass(frozen=True)
class Samples:
    """The sub-models of one network: `triggers` `(levels, n, 3, s, s)` in [0, 1], and how often each level succeeds.

    `asr` is measured on the defender's images; `kept` are the levels that Algorithm 1 does not skip, `gamma` their weights
    in the mixture.
    """

    levels: tuple[float, ...]
    triggers: Tensor
    asr: tuple[Measured, ...]
    kept: tuple[bool, ...]
    gamma: tuple[float, ...]
    target: int

    def mixture(self, n: int = 2048, seed: int = 0) -> Tensor:
        """`n` triggers `(n, 3, s, s)` of the mixture."""
        return mesa.mix(self.triggers.cpu(), self.gamma, n, seed, anew=True)

    def __repr__(self) -> str:
        each = zip(self.levels, self.asr, self.kept, strict=True)
        rows = [f"  β = {b:g}: ASR {_share(m)}{'' if k else ', skipped'}" for b, m, k in each]
        return "\n".join([f"Samples for class {self.target}, {self.triggers.shape[1]} a level", *rows])

    def _repr_html_(self) -> str:
        rows = []
        for level, measured, drawn in zip(self.levels, self.asr, self.triggers.cpu().numpy(), strict=True):
            pictures = " ".join(trigger_svg(one, 32) for one in drawn[:DRAWN])
            rows.append(f"<p>β = {level:g}: ASR {_share(measured)}<br>{pictures}</p>")
        return "".join(rows)


@dataclass(frozen=True)
class Found:
    """A search over all classes: `target` is the class that looks attacked, None where none does.

    `asr` and `triggers` `(classes, n, 3, s, s)` are by class: how often the triggers found for it succeed.
    """

    target: int | None
    asr: tuple[Measured, ...]
    threshold: float
    triggers: Tensor

    def __repr__(self) -> str:
        said = "no class looks attacked" if self.target is None else f"class {self.target} looks attacked"
        best = sorted(range(len(self.asr)), key=lambda c: -self.asr[c].value)[:3]
        return f"Found: {said}; highest " + ", ".join(f"class {c} {_share(self.asr[c])}" for c in best)

    def _repr_html_(self) -> str:
        best = sorted(range(len(self.asr)), key=lambda c: -self.asr[c].value)[:3]
        rows = []
        for c in best:
            pictures = " ".join(trigger_svg(one, 32) for one in self.triggers[c].cpu().numpy()[:DRAWN])
            rows.append(f"<p>class {c}: ASR {_share(self.asr[c])}<br>{pictures}</p>")
        return "".join(rows)


@dataclass(frozen=True)
class Repaired:
    """A repair: the new network, and what both are worth, the ASR being that of the triggers that were stamped.

    Measured on images that the repair was not given.
    """

    victim: Victim
    before: Evaluation
    after: Evaluation

    def __repr__(self) -> str:
        return f"Repaired\n  before: {self.before!r}\n  after:  {self.after!r}"


# -- the five verbs
def attack(
    victim: Victim, data: Any, trigger: Trigger, target: int, *, seed: int = 0,
    progress: Tell | str | None = "auto", **parameters: Any,
) -> Victim:  # fmt: skip
    """Implant a backdoor in a copy of `victim` (eq. 1) and return the copy.

    `data` are the attacker's images (see `image_set`), `target` the class that stamped ones are to get. `progress` is
    called with each report; "auto" draws a bar on a terminal and in a notebook, None says nothing. Raises ConfigError or
    DataError, in one sentence.
    """
    images, classes = _asked(victim, data)
    config = _config(parameters, seed=seed, target=_class(target, classes), trigger=_hex(trigger))
    pixels = torch.from_numpy(codes.from_hex(config.trigger))
    _fits(config.size, images)
    return _run(attacks.attack(victim, images, pixels, config, seed), progress, "attack")


def sample(
    victim: Victim, data: Any, target: int, *, n: int = 512, size: int = 3, seed: int = 0,
    progress: Tell | str | None = "auto", **parameters: Any,
) -> Samples:  # fmt: skip
    """MESA (Algorithms 1 and 2): train a sub-model a level β and draw `n` triggers of each.

    `data` are the defender's images, `target` the class that triggers are sought for, `size` their side in pixels.
    """
    images, classes = _asked(victim, data)
    config = _config(parameters, seed=seed, target=_class(target, classes), trigger=_blank(size))
    _fits(size, images)
    return _run(_sampled(victim.freeze(), images, config, n), progress, "sample")


def detect(
    victim: Victim, data: Any, *, size: int = 3, seed: int = 0, progress: Tell | str | None = "auto", **parameters: Any
) -> Found:
    """Step 1 of the defence: search all classes at once for triggers, on the defender's images `data`."""
    images, classes = _asked(victim, data)
    config = _config(parameters, seed=seed, trigger=_blank(size), detect=True)
    _fits(size, images)
    names = tuple(str(c) for c in range(classes))
    seen: list[Tensor] = []

    def work() -> Generator[Progress, None, Detection]:
        search = detection.detect(victim.freeze(), images, names, config, seed)
        while True:
            try:
                news = next(search)
            except StopIteration as done:
                return done.value
            if isinstance(news, Progress):
                yield news
            elif news.measured:
                flat = torch.from_numpy(news.arrays["triggers"]).float() / 255
                seen.append(flat.view(classes, -1, 3, size, size))  # (C, n, 3*s*s) -> (C, n, 3, s, s)

    verdict = _run(work(), progress, "detect")
    asr = tuple(one.asr for one in verdict.classes)
    return Found(verdict.target, asr, config.detect_threshold, seen[-1])


def repair(
    victim: Victim, data: Any, triggers: Samples | Tensor, *, target: int | None = None, test: Any = None, seed: int = 0,
    progress: Tell | str | None = "auto", **parameters: Any,
) -> Repaired:  # fmt: skip
    """Step 2 of the defence (eq. 5): retrain a copy of `victim` on the defender's images, some of them stamped.

    `triggers` are `Samples`, or `(m, 3, s, s)` in [0, 1] with the `target` they are for. Before and after are measured on
    `test`; without it on every fifth of `data`, which the repair then does not see.
    """
    images, classes = _asked(victim, data)
    if isinstance(triggers, Samples):
        pool, wanted = triggers.mixture(seed=seed), triggers.target
    else:
        pool, wanted = _pool(triggers), _class(target, classes)
    _fits(pool.shape[-1], images)
    config = _config(parameters, seed=seed, target=wanted, trigger=_blank(pool.shape[-1]))
    held = torch.arange(len(images), device=images.labels.device) % HELD == 0
    shown = _asked(victim, test)[0] if test is not None else images.take(held)
    own = images if test is not None else images.take(~held)
    bench = Bench(shown, wanted, seed, side=pool.shape[-1], rule=rule_of(config.apply))
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
    images, classes = _asked(victim, data)
    config = _config(parameters, seed=seed, target=_class(target, classes))
    stamps = None
    if trigger is not None:
        stamps = torch.from_numpy(codes.from_hex(_hex(trigger)))[None].to(victim.compute.device)
    elif samples is not None:
        stamps = samples.mixture(256, seed).to(victim.compute.device)
    if stamps is not None:
        _fits(stamps.shape[-1], images)
    return _measured(Bench(images, target, seed, rule=rule_of(config.apply)), victim.freeze(), stamps, config)


# -- parts
def _sampled(frozen: Victim, images: ImageSet, config: ExperimentConfig, n: int) -> Generator[Progress, None, Samples]:
    compute, levels = frozen.compute, list(config.beta)
    rule = rule_of(config.apply)
    group = submodels.make(config, levels, config.mesa_batch, config.mesa_steps, compute.device, config.seed)
    targets = torch.full((len(levels),), config.target, device=compute.device)
    surrogate = Surrogate(frozen, images.images, targets, config.images_per_trigger, rule=rule)
    surrogate = surrogate.expecting(len(levels) * config.mesa_batch * config.mesa_steps, config.size)
    generator, pace = compute.generator(config.seed), Pace("sample", config.mesa_steps)
    bench = Bench(images, config.target, config.seed, rule=rule)
    plain = finish(bench.plain(frozen))

    def measure(samples: Tensor) -> Measured:
        return finish(bench.of_samples(frozen, plain, samples, config.sample_images))[0]

    work = mesa.mesa(group, levels, surrogate, config.mesa_steps, n, measure, generator)
    while True:
        try:
            step = next(work)
        except StopIteration as done:
            found: mesa.Sampled = done.value
            break
        if step.diagnostics is not None and pace.due(step.done):
            yield pace.progress(step.done, asr=step.diagnostics.success.mean().item())
    kept, gamma = tuple(found.mixing.kept), tuple(found.mixing.gamma)
    return Samples(config.beta, found.pool, tuple(found.asr), kept, gamma, config.target)


def _measured(bench: Bench, frozen: Victim, stamps: Tensor | None, config: ExperimentConfig) -> Evaluation:
    plain = finish(bench.plain(frozen))
    told = bench.accuracy(plain)
    asr = effective = None
    if stamps is not None and len(stamps) == 1:
        asr, effective = finish(bench.of_trigger(frozen, plain, stamps[0]))
    elif stamps is not None:
        asr, effective, _ = finish(bench.of_samples(frozen, plain, stamps, config.sample_images))
    return Evaluation(told.clean, told.target, told.natural, asr, effective)


def _asked(victim: Victim, data: Any) -> tuple[ImageSet, int]:
    """The images on the victim's device, and how many classes it tells apart."""
    if not isinstance(victim, Victim):
        raise ConfigError(
            f"The first argument is a {type(victim).__name__}; give Victim(model), with Normalise(mean, std)."
        )
    images = image_set(data).to(victim.compute.device)
    classes = _classes(victim, images)
    return image_set(images, classes=classes), classes


@torch.no_grad()
def _classes(victim: Victim, images: ImageSet) -> int:
    """How many logits it gives for real images. Raises ConfigError where it gives none."""
    was = victim.model.training
    victim.model.eval()
    try:
        logits = victim.model(victim.normalise.images(images.images[:2]))
    except (RuntimeError, TypeError, ValueError) as error:
        size = "x".join(map(str, images.images.shape[1:]))
        raise ConfigError(f"The network does not take images of {size}: {str(error).splitlines()[0]}") from None
    finally:
        victim.model.train(was)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or logits.shape[1] < 2:
        told = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ConfigError(f"The network returns {told} for two images; it must return logits (2, classes).")
    if next(victim.model.parameters(), None) is None:
        raise ConfigError("The network has no parameters, so there is nothing that an attack or a repair could change.")
    return logits.shape[1]


def _config(given: dict[str, Any], **more: Any) -> ExperimentConfig:
    return make_config({"data": "auto", **given, **more})


def _class(target: Any, classes: int) -> int:
    if isinstance(target, bool) or not isinstance(target, (int, np.integer)) or not 0 <= int(target) < classes:
        raise ConfigError(f"target is {target!r}; give a class from 0 to {classes - 1}.")
    return int(target)


def _hex(trigger: Trigger) -> str:
    """A trigger as hex colours. Raises ConfigError."""
    try:
        if isinstance(trigger, str):
            return codes.to_hex(codes.from_hex(trigger))
        if isinstance(trigger, (int, np.integer)):
            return codes.to_hex(codes.from_code(int(trigger)))
        pixels = np.asarray(trigger.cpu() if isinstance(trigger, Tensor) else trigger, np.float32)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    fits = pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.shape[1] == pixels.shape[2] in codes.SIZES
    if not fits or not (pixels.min() >= 0 and pixels.max() <= 1):
        sides = ", ".join(map(str, codes.SIZES))
        raise ConfigError(f"A trigger is (3, s, s) with s one of {sides} and values in [0, 1], not {pixels.shape}.")
    return codes.to_hex(pixels)


def _pool(triggers: Any) -> Tensor:
    if not isinstance(triggers, Tensor) or triggers.ndim != 4 or triggers.shape[1] != 3 or not len(triggers):
        raise ConfigError("triggers are Samples, or a tensor (m, 3, s, s) with values in [0, 1].")
    if not (triggers.min() >= 0 and triggers.max() <= 1):
        raise ConfigError(f"The triggers lie from {triggers.min():.3g} to {triggers.max():.3g}; give them in [0, 1].")
    return triggers.float()


def _blank(size: int) -> str:
    """A black trigger of this size: what it says is the size that is sought."""
    if size not in codes.SIZES:
        raise ConfigError(f"size is {size!r}; choose one of {', '.join(map(str, codes.SIZES))}.")
    return codes.to_hex(np.zeros((3, size, size), np.float32))


def _fits(size: int, images: ImageSet) -> None:
    height, width = images.images.shape[-2:]
    if size > min(height, width):
        raise ConfigError(f"A trigger of {size} pixels does not fit on images of {height}x{width}.")


def _run(work: Generator[Any, None, Answer], progress: Tell | str | None, what: str) -> Answer:
    tell = automatic(what) if progress == "auto" else progress
    if tell is not None and not callable(tell):
        raise ConfigError("progress is a function, None, or 'auto'.")
    try:
        return finish(work, tell)
    finally:
        if isinstance(tell, Bar):
            tell.close()


def _share(measured: Measured) -> str:
    """'97.1 % (96.0–98.0), n = 1,096'."""
    low, high = 100 * measured.low, 100 * measured.high
    return f"{100 * measured.value:.1f} % ({low:.1f}–{high:.1f}), n = {measured.n:,}"
