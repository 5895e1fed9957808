"""Step 1 of the defence as a stage: every class is searched, and the strongest one is taken for the target."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from mesa_core import events as ev
from mesa_core.experiment.context import VERSION, Context
from mesa_core.experiment.stages import Made, Scribe
from mesa_core.measures.verdict import Detection
from mesa_core.method import detection


def detect_stage(lab: Context) -> Iterator[ev.Event]:
    """Step 1: which class, if any?"""

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        search = detection.detect(lab.frozen, lab.defender, lab.dataset.classes, lab.config, lab.seed("detect"))
        verdict = yield from _shown(search, scribe)
        found = verdict.target
        name = "no class" if found is None else f"class {found} ({lab.dataset.classes[found]})"
        yield ev.Note(f"Detection: {name} looks attacked.")
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
    out = yield from lab.stages.stage("detect", "Searching every class for triggers", recipe, body)
    lab.results["detect"], lab.target = out, Detection.from_json(out.value["detection"]).target


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
