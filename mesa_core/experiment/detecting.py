"""Step 1 of the defence as a stage: every class is searched, and the strongest one is taken for the target."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from mesa_core import events as ev
from mesa_core.apply import plan
from mesa_core.config import SHIPPED
from mesa_core.experiment.context import VERSION, Context
from mesa_core.experiment.stages import Made, Scribe
from mesa_core.measures import premise
from mesa_core.measures.bench import CHUNK
from mesa_core.measures.verdict import Detection
from mesa_core.method import detection, placed
from mesa_core.victims.weights import WeightsError
from mesa_core.words import share


def detect_stage(lab: Context) -> Iterator[ev.Event]:
    """Step 1: which class, if any?"""

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        yield from _premise(lab)
        if plan.several(lab.config.search_places):
            yield _cost(lab)
        search = detection.detect(lab.frozen, lab.defender, lab.dataset.classes, lab.config, lab.seed("detect"))
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
        others = [lab.dataset.classes[s] for s in verdict.suspects if s != found]
        if others:
            yield ev.Note(
                f"Above the threshold as well: {', '.join(others)}. Only the strongest class is repaired; examine the "
                "repaired network again with mesa-lab detect."
            )
        return {"detection": verdict.to_json()}, {}

    recipe = lab.recipe("detect", "mesa", victim=lab.results["attack"].key, version=VERSION["detect"], **lab.sized)
    for name in ("beta", "mesa_steps", "mesa_batch", "gamma"):
        recipe["parameters"].pop(name)
    if len(lab.dataset.classes) > detection.WHOLE:  # then not every class is searched to the end
        recipe["rounds"] = [detection.WHOLE, detection.KEPT, detection.FIRST, detection.FEW]
    out = yield from lab.stages.stage("detect", "Searching every class for triggers", recipe, body)
    stored = Detection.from_json(out.value["detection"])
    verdict = stored.judged()  # one that was kept before may have gone by the plain ASR
    if verdict.target != stored.target:
        name = "no class" if verdict.target is None else f"class {verdict.target}"
        yield ev.Note(f"By the effective ASR {name} looks attacked.")
    lab.results["detect"] = replace(out, value={"detection": verdict.to_json()})
    lab.target, lab.box = verdict.target, verdict.box


def _cost(lab: Context) -> ev.Note:
    """What a plan of places will take at most, before it starts."""
    c, count = lab.config, len(lab.dataset.classes)
    looks, passes = placed.cost(c, lab.image_size, count)
    usual = count * c.detect_batch * c.detect_steps
    return ev.Note(
        f"The plan of places ({c.search_places.replace(',', ', ')}) takes at most {looks:,} images with their gradient and "
        f"{passes:,} without, beside {usual:,} with their gradient at random places."
    )


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


def _shown(
    search: Generator[ev.Progress | detection.Glimpse, None, Detection], scribe: Scribe
) -> Generator[ev.Event, None, Detection]:
    """Pass a search's progress on and keep its glimpses: the last in detect.npz, passing ones in detect-live.npz."""
    while True:
        try:
            news = next(search)
        except StopIteration as done:
            return done.value
        if not isinstance(news, detection.Glimpse):
            yield news
        elif news.measured:
            scribe.save("detect.npz", news.arrays)
        else:  # overwritten each time, and no part of the result
            scribe.run.write_arrays("detect-live.npz", news.arrays)
