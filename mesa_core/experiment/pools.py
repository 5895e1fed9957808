"""What each defence stamps: its pool of triggers, or a stamp of another form, found by a stage of its own where it searches."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mesa_core import events as ev
from mesa_core.apply.rule import Apply
from mesa_core.experiment import second_kind
from mesa_core.experiment.context import VERSION, Context
from mesa_core.experiment.sampling import pool_size
from mesa_core.experiment.snapshots import mark
from mesa_core.experiment.stages import Made, Scribe
from mesa_core.method.baselines import neural_cleanse, point, random
from mesa_core.triggers import COLOURS
from mesa_core.victims.training import Stamp


@dataclass(frozen=True)
class Pool:
    """For one repair: its name among the run's, what it stamps, and what tells that in its key.

    `stamps` are triggers `(m, 3, s, s)`, a stamp of another form, or None where nothing is stamped; `rule` is how they are put
    on images, None as the defender assumes.
    """

    name: str
    stamps: Tensor | Stamp | None
    key: str
    rule: Apply | None = None


Pools = Generator[ev.Event, None, list[Pool]]


def mesa(lab: Context) -> Pools:
    """The mixture of MESA's sub-models: of those that are seen, or of a second kind that the repair has to itself."""
    if lab.config.two_kinds:
        strong = yield from second_kind.stage(lab)
        return [Pool("mesa", strong.tensors["mixture"], strong.key)]
    measured = lab.results["measure"]
    return [Pool("mesa", measured.tensors["mixture"], measured.key)]


def one_level(lab: Context, beta: float) -> Pool:
    """The samples of one level's sub-model alone."""
    sampled = lab.results["mesa"]
    level = lab.config.beta.index(beta)
    return Pool(f"beta.{beta:g}", sampled.tensors["pool"][level], f"{sampled.key} {level}")


def black_and_white(lab: Context) -> Pools:
    """Random black-and-white triggers, which any defender can draw."""
    yield from ()
    drawn = random.black_and_white(pool_size(lab.config), _host(lab), lab.config.size)
    return [Pool("random", drawn, f"random{_other_size(lab)}")]


def colours(lab: Context) -> Pools:
    """Random triggers of any colour, and of any opacity where opacities are sampled."""
    yield from ()
    drawn = random.uniform_colours(pool_size(lab.config), _host(lab), lab.config.size, lab.config.cell)
    own = "" if lab.config.cell == COLOURS else " and opacities"
    return [Pool("uniform", drawn, f"uniform{_other_size(lab)}{own}")]


def original(lab: Context) -> Pools:
    """The attacker's own trigger, an oracle's; nothing where a network was brought, since nobody knows it."""
    yield from ()
    return [] if lab.config.suspect else [Pool("ideal", lab.pixels[None], lab.config.trigger, lab.rule)]


def nothing(lab: Context) -> Pools:
    """Clean images alone, the control."""
    yield from ()
    return [Pool("control", None, "none")]


def point_triggers(lab: Context) -> Pools:
    """Reversed triggers, each for a repair of its own."""
    yield from point_stage(lab)
    found = lab.results["reverse"]
    each = enumerate(found.tensors["triggers"].split(1))
    return [Pool("point" if i == 0 else f"point_{i + 1}", trigger, found.key) for i, trigger in each]


def mask(lab: Context) -> Pools:
    """Neural Cleanse's mask and pattern for the class that the defender takes for the target; none where there is no one class."""
    if not isinstance(lab.wanted, int):
        yield ev.Note("Neural Cleanse seeks one target class, and this backdoor has none; it is left out.")
        return []
    yield from cleanse_stage(lab, lab.wanted)
    found = lab.results["cleanse"]
    mask, pattern = (found.tensors[name].to(lab.compute.device) for name in ("mask", "pattern"))
    stamp = neural_cleanse.unlearn(mask, pattern, lab.config.repair_ratio, lab.normalise, lab.seed("repair"))
    return [Pool("neural_cleanse", stamp, found.key)]


def _host(lab: Context) -> torch.Generator:
    return torch.Generator().manual_seed(lab.seed("pool"))


def _other_size(lab: Context) -> str:
    """In a key: the size of random triggers, where it does not go without saying."""
    return f" {lab.config.size}x{lab.config.size}" if lab.sized else ""


def point_stage(lab: Context) -> Iterator[ev.Event]:
    """The point baseline's reversed triggers, marked in the scatter."""
    c = lab.config

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        found = yield from point.reverse(
            lab.surrogate(1),
            c.point_seeds,
            c.mesa_batch,
            c.point_steps,
            c.point_lr,
            lab.compute.generator(lab.seed("point")),
            c.size,
            c.cell,
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


def cleanse_stage(lab: Context, target: int) -> Iterator[ev.Event]:
    """Neural Cleanse over all classes; the repair uses the class that the defender takes for the `target`."""
    c = lab.config

    def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
        found = yield from neural_cleanse.reverse(
            lab.frozen,
            lab.defender.images,
            len(lab.dataset.classes),
            c.detect_batch,
            c.detect_steps,
            lab.compute.generator(lab.seed("cleanse")),
        )
        index = neural_cleanse.anomaly_index(found.norms)
        return (
            {"norms": found.norms, "anomaly_index": index, "alarm": neural_cleanse.ALARM},
            {"mask": found.masks[target], "pattern": found.patterns[target]},
        )

    recipe = lab.recipe("detect", victim=lab.results["attack"].key, target=lab.target)
    lab.results["cleanse"] = yield from lab.stages.stage("neural_cleanse", "Neural Cleanse", recipe, body)
