"""Step 1 of the defence as a stage: every class is searched, and the strongest one is taken for the target."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from mesa_core import events as ev
from mesa_core import triggers as codes
from mesa_core.apply import opacities
from mesa_core.apply.places import Box
from mesa_core.config import SHIPPED
from mesa_core.config.placing import covers
from mesa_core.experiment.context import VERSION, Context
from mesa_core.experiment.stages import Made, Scribe
from mesa_core.measures import premise
from mesa_core.measures.bench import CHUNK
from mesa_core.measures.by_opacity import read
from mesa_core.measures.conclusion import CANNOT, conclusion
from mesa_core.measures.verdict import USUAL, Detection, limit
from mesa_core.method import covering, detection, placed, sized
from mesa_core.method.surrogate import towards
from mesa_core.store.error_rates import worth
from mesa_core.victims.weights import WeightsError
from mesa_core.words import duration, share

TRIAL = 32  # images by which is told how long a plan will take


def detect_stage(lab: Context) -> Iterator[ev.Event]:
    """Step 1: which class, if any?"""

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        yield from _premise(lab)
        if lab.config.plans:
            yield _cost(lab)
        search = covering.find(lab.frozen, lab.defender, lab.dataset.classes, lab.config, lab.seed("detect"))
        verdict = yield from _shown(search, scribe)
        found = verdict.target
        name = "no class" if found is None else f"class {found} ({lab.dataset.classes[found]})"
        yield ev.Note(f"Detection: {name} looks attacked.")
        if verdict.places is not None:
            place = verdict.place
            if place is not None:
                yield ev.Note(
                    f"Its triggers work at row {place.row}, column {place.column}: {share(place.effective_asr)} there, "
                    f"{place.elsewhere:.1%} at the median place. Triggers are sampled and stamped there."
                )
            yield ev.Note(verdict.places.words)
        if verdict.sizes is not None:
            yield ev.Note(verdict.sizes.words)
        if verdict.opacities is not None:
            yield ev.Note(verdict.opacities.words)
        if lab.config.plans:
            yield ev.Note(f"{conclusion(verdict, covers(lab.config), worth=worth(lab.config))} {CANNOT}")
        others = [lab.dataset.classes[s] for s in verdict.suspects if s != found]
        if others:
            yield ev.Note(
                f"Above the threshold as well: {', '.join(others)}. Only the strongest class is repaired; examine the "
                "repaired network again with mesa-lab detect."
            )
        return {"detection": verdict.to_json()}, {}

    size = {} if lab.config.search_sizes else lab.sized  # a search over sizes does not ask for the configured one
    recipe = lab.recipe("detect", "mesa", victim=lab.results["attack"].key, version=VERSION["detect"], **size)
    for name in ("beta", "mesa_steps", "mesa_batch", "gamma"):
        recipe["parameters"].pop(name)
    if len(lab.dataset.classes) > detection.WHOLE:  # then not every class is searched to the end
        recipe["rounds"] = [detection.WHOLE, detection.KEPT, detection.FIRST, detection.FEW]
    if lab.config.plans:
        recipe["each"] = detection.EACH
    side = min(lab.image_size)
    if lab.config.search_sizes:
        recipe["sizes"] = [sized.VERSION, side] if side > USUAL else sized.VERSION
    elif lab.config.size > codes.SIZE:
        recipe["limit"] = [limit(0.0, lab.config.size, side)]
    if lab.config.search_opacities:
        recipe["parameters"].pop("search_opacity", None)  # the list says it
    out = yield from lab.stages.stage("detect", "Searching every class for triggers", recipe, body)
    stored = Detection.from_json(out.value["detection"])
    verdict = stored.judged()  # one that was kept before may have gone by the plain ASR
    if verdict.target != stored.target:
        name = "no class" if verdict.target is None else f"class {verdict.target}"
        yield ev.Note(f"By the effective ASR {name} looks attacked.")
    lab.results["detect"] = replace(out, value={"detection": verdict.to_json()})
    lab.goal, lab.box = verdict.target, verdict.box
    if verdict.opacities is not None and verdict.opacities.believed is not None:
        lab.cover(read(verdict.opacities.believed))
    if verdict.sizes is not None and verdict.sizes.believed is not None and verdict.target is not None:
        yield from _believe(lab, verdict.sizes.believed)
    if verdict.astray is not None and verdict.target is None and lab.config.suspect:
        # Its own law is sampled, at its own size.
        lab.goal = verdict.goal(len(lab.dataset.classes))
        lab.resize(codes.size_of(verdict.astray.trigger))


def _believe(lab: Context, size: int) -> Iterator[ev.Event]:
    """Go on with triggers of the size that the search believes; a run that planted one keeps its size, to be compared with it."""
    if size == lab.config.size:
        return
    if lab.config.suspect:
        lab.resize(size)
        return
    own = lab.config.size
    yield ev.Note(
        f"Triggers of {own}×{own} pixels are sampled and stamped all the same, so that they can be compared with the planted one."
    )
    if lab.box is not None:  # the places from which the one covers the middle of the other
        whole, by = Box.everywhere(lab.image_size, own), (size - own) // 2
        row, column = min(max(lab.box.top + by, 0), whole.bottom), min(max(lab.box.left + by, 0), whole.right)
        lab.box = Box(row, column, row, column)


def _cost(lab: Context) -> ev.Note:
    """What a plan will take at most, in images and, by a short trial, in time, before it starts."""
    c, count, images = lab.config, len(lab.dataset.classes), len(lab.defender)
    usual = count * c.detect_batch * c.detect_steps
    if c.search_sizes:
        looks, passes = sized.cost(c, lab.image_size, count, images)
        more, _ = sized.cost_if_found(c, lab.image_size, count, images)
        besides = f", and {more:,} more where a class is found, whose size is then made out"
    else:
        (looks, passes), besides = detection.cost(c, lab.image_size, count, images), ""
    times = len(opacities.listed(c.search_opacities, c.search_opacity))  # of each nothing is left out
    looks, passes = times * looks, times * passes
    return ev.Note(
        f"The plan ({covers(c)}) takes at most {looks:,} images with their gradient and {passes:,} without{besides}; the search "
        f"of one size at random places takes {usual:,} with their gradient. By a first trial about "
        f"{duration(looks * _seconds(lab))} are needed for the gradients."
    )


def _seconds(lab: Context) -> float:
    """Seconds that one image with its gradient takes here, by the second of two small batches; passing it whole, so no less."""
    surrogate, draw = towards(0, lab.frozen, lab.defender, 1), lab.compute.generator(0)
    size, took = lab.config.size, 0.0
    for _ in range(2):
        began = time.monotonic()
        triggers = torch.rand(1, TRIAL, 3, size, size, generator=draw, device=lab.compute.device).requires_grad_()
        (slope,) = torch.autograd.grad(surrogate(triggers, draw).sum(), triggers)
        slope.sum().item()  # waits for the device
        took = time.monotonic() - began
    return took / TRIAL


def _premise(lab: Context) -> Iterator[ev.Event]:
    """Whether a brought network classifies these images at all. Raises WeightsError where it does not."""
    if not lab.config.suspect:
        return
    draw = torch.Generator().manual_seed(lab.seed("premise"))
    index = torch.randperm(len(lab.defender), generator=draw)[: premise.MOST].to(lab.defender.labels.device)
    images, labels = lab.defender.images[index], lab.defender.labels[index]
    with torch.no_grad():
        logits = [lab.frozen.logits(lab.frozen.inputs(part)) for part in images.split(CHUNK)]
    predicted = torch.cat(logits).argmax(1).cpu().numpy()
    found = premise.judge(predicted, labels.cpu().numpy(), lab.dataset.classes)
    if found.refusal:
        raise WeightsError(f"{Path(lab.config.suspect).name} {found.refusal}")
    if lab.config.suspect == SHIPPED:  # of any other it was told as its units were found
        yield ev.Note(f"The network classifies {share(found.accuracy)} of the defender's images rightly.")
    if found.warning:
        yield ev.Note(found.warning)


def _shown(search: Generator[detection.News, None, Detection], scribe: Scribe) -> Generator[ev.Event, None, Detection]:
    """Pass a search's progress on and keep its glimpses: the last in detect.npz, passing ones in detect-live.npz, and where
    something answers in places-live.npz."""
    while True:
        try:
            news = next(search)
        except StopIteration as done:
            return done.value
        if isinstance(news, placed.Answering):
            scribe.run.write_arrays("places-live.npz", {"places": news.places})
        elif not isinstance(news, detection.Glimpse):
            yield news
        elif news.measured:
            scribe.save("detect.npz", news.arrays)
        else:  # overwritten each time, and no part of the result
            scribe.run.write_arrays("detect-live.npz", news.arrays)
