"""What all stages of one run share: the settings, the data, the victims, the seeds and the recipes of their keys."""

from __future__ import annotations

import contextlib
import functools
import queue
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mesa_core import events as ev
from mesa_core import triggers as codes
from mesa_core.apply import whose
from mesa_core.apply.places import Box
from mesa_core.apply.rule import Apply
from mesa_core.brought import kept
from mesa_core.brought.networks import Network
from mesa_core.config import ConfigError, ExperimentConfig, params
from mesa_core.config.placing import fits as fits_places
from mesa_core.data import Dataset, Splits, load_data, split, split_brought
from mesa_core.defences import DEFENCES
from mesa_core.experiment.stages import Made, Output, Scribe, Stages
from mesa_core.keys import seed_of
from mesa_core.measures.bench import Bench
from mesa_core.measures.evaluation import Evaluation
from mesa_core.measures.goal import Goal, as_key
from mesa_core.method.surrogate import Surrogate, towards
from mesa_core.opacity import Opacity
from mesa_core.pacing import Pace
from mesa_core.pictures.axes import PcaAxes, TsneMap, scatter_axes
from mesa_core.store import Run, Store
from mesa_core.victims import devices, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

VERSION = {
    "attack": 1,
    "before": 6,
    "detect": 3,
    "mesa": 3,
    "measure": 5,
    "point": 2,
    "repair": 2,
    "after": 5,
    "judge": 1,
}
DEFENDERS = {
    "detect",
    "mesa",
    "baselines",
    "repair",
    "search",
}  # groups of parameters whose stages follow the defender's rule
VERSION_OF_KIND = {"particles": 4, "flow": 6}  # of "mesa", where a kind was changed since


def computing(config: ExperimentConfig, store: Store) -> tuple[devices.Compute, str]:
    """Where and how to compute, as the configuration says or as is best here, and what was measured to tell it ('': nothing).

    Raises ConfigError for a device that is not there.
    """
    try:
        return devices.remembered(
            store.cache, config.device, config.precision, config.memory, config.threads, config.victim
        )
    except ValueError as error:
        raise ConfigError(str(error)) from None


@dataclass
class Context:
    """What the stages of one run share. Later stages read earlier ones' outputs from `results`.

    `clean` and `victim` are the networks before and after the attack, `took` whether there is something to defend
    against, `target` the class that the defender takes for the attacked one (None: not known yet, or none).
    """

    config: ExperimentConfig
    compute: devices.Compute
    store: Store
    run: Run
    between: Callable[[], Any] | None = None
    dataset: Dataset = field(init=False)
    clean: Victim | None = field(init=False, default=None)  # None where the network was brought
    victim: Victim = field(init=False)
    network: Network | None = field(init=False, default=None)  # the one that was brought
    took: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        c = self.config
        defences = 1 + len([b for b in c.baselines if b != "mesa"]) + (len(c.beta) if c.repair_each_beta else 0)
        asked = [DEFENCES[name] for name in c.baselines]
        extra = sum(one.searches for one in asked)
        seeds = sum(getattr(c, one.seeds) - 1 for one in asked if one.seeds)
        self.searches = c.detect or bool(c.suspect)
        rounds = max(0, 2 * c.repair_rounds - 1) if c.judges else 0  # at most
        count = 3 + self.searches + 1 + 2 + c.two_kinds + extra + 2 * (defences + seeds) + rounds
        count += bool(c.place_images or c.plans)  # the maps of places
        self.stages = Stages(self.run, self.store, count, self.between)
        self.results: dict[str, Output] = {}
        self.goal: Goal | None = None if self.searches else c.target  # what the defender takes for the target
        self.rule, self.squares = whose.attackers(c), whose.squares(c)
        self.box: Box | None = None  # the places at which a search by a plan found something
        self.pixels = torch.from_numpy(codes.pixels_of(c.trigger))  # of transparent cells `rule` knows
        self._axes: tuple[PcaAxes, TsneMap] | None = None  # of the scatter; fixed once the backdoor is measured

    @property
    def wanted(self) -> Goal:
        """The class that triggers are sought for, or of an all-to-all backdoor one for each, once that is known."""
        assert self.goal is not None, "no stage that needs a target runs without one"
        return self.goal

    @property
    def target(self) -> int | list[int] | None:
        """The same as keys tell it; None before it is known, and where nothing was found."""
        return as_key(self.goal)

    @functools.cached_property
    def frozen(self) -> Victim:
        """`victim` as searches and measures ask it, made once for all stages."""
        return self.victim.freeze()

    @functools.cached_property
    def frozen_clean(self) -> Victim | None:
        """`clean` likewise."""
        return None if self.clean is None else self.clean.freeze()

    @property
    def before(self) -> Evaluation:
        """What the network is worth that the defence finds, once that is measured."""
        return Evaluation.from_json(self.results["before"].value["before"])

    @property
    def axes(self) -> PcaAxes:
        """The scatter's linear axes."""
        return self._both_axes()[0]

    @property
    def tsne(self) -> TsneMap:
        """The scatter's curved ones."""
        return self._both_axes()[1]

    def _both_axes(self) -> tuple[PcaAxes, TsneMap]:
        """Both; made again from the landscape where the stage that fixes them was found in the store."""
        if self._axes is None:
            self.fix_axes(self.results["before"].tensors["landscape"].numpy())
        assert self._axes is not None
        return self._axes

    def resize(self, size: int) -> None:
        """Go on with triggers of another size, which a search believes in; the run's settings say so from then on."""
        if size == self.config.size:
            return
        trigger = codes.to_hex(codes.chequer(size))
        self.config = replace(self.config, trigger=trigger)
        self.pixels = torch.from_numpy(codes.from_hex(trigger))
        self.run.write_config(self.config.to_dict(), self.run.resolved())

    def cover(self, opacity: Opacity) -> None:
        """Go on with triggers that cover so much of what is beneath them; the run's settings say so from then on."""
        if opacity != self.config.search_opacity:
            self.config = replace(self.config, search_opacity=opacity)
            self.run.write_config(self.config.to_dict(), self.run.resolved())

    def fix_axes(self, landscape: np.ndarray) -> None:
        """Fix them by the ASR of the 512 `(512,)`."""
        self._axes = scatter_axes(landscape, self.seed("axes"), self.config.size)

    # -- data and what is the same for all stages
    def prepare(self) -> Iterator[ev.Event]:
        """The data stage; not kept under a key, since data has a cache of its own."""
        c = self.config

        def body(scribe: Scribe) -> Generator[ev.Event, None, Made]:
            yield ev.Note(f"Reading {c.data}.")
            self.dataset = yield from self._read()
            for text in self.dataset.seen.told():
                yield ev.Note(text)
            brought = c.judges and c.data == "folder"
            self.splits: Splits = (split_brought if brought else split)(self.dataset, c.seed)
            return {
                "fingerprint": self.dataset.fingerprint,
                "classes": list(self.dataset.classes),
                "sizes": {name: len(getattr(self.splits, name)) for name in ("attacker", "defender", "evaluation")},
            }, {}

        self.results["data"] = yield from self.stages.stage("data", "Reading the images", {}, body, keep=False)
        if not 0 <= c.target < len(self.dataset.classes):
            raise ConfigError(
                f"target is {c.target}, but {c.data} has the classes 0 to {len(self.dataset.classes) - 1}."
            )
        fits_places(c, self.image_size)
        self.normalise = Normalise(self.dataset.mean, self.dataset.std)
        self.evaluation = self.splits.evaluation.to(self.compute.device)
        self.bench(c.target)  # raises, before any work, where there are too few images to measure on
        self.attacker = self.splits.attacker.to(self.compute.device)
        self.defender = self.splits.defender.to(self.compute.device)

    def _read(self) -> Generator[ev.Event, None, Dataset]:
        """Read the data in a thread, so that progress is told and Stop is heard meanwhile."""
        news: queue.SimpleQueue[tuple[str, int, int]] = queue.SimpleQueue()
        pace, c = Pace("data", 1), self.config
        with ThreadPoolExecutor(1) as pool:
            tell = lambda *what: news.put(what)
            work = pool.submit(load_data, c.data, c.data_dir, cache=self.store.cache, progress=tell, **c.reading)
            while not work.done():
                with contextlib.suppress(queue.Empty):
                    _, done, pace.total = news.get(timeout=0.1)
                    if pace.due(done):
                        yield pace.progress(done)
        return work.result()

    def recipe(self, *groups: str, **more: Any) -> dict[str, Any]:
        """What influences a stage: the parameters of its groups, the settings, the data, the seed."""
        groups = (*groups, "apply")  # decides all stages; left out of a key while it is the paper's own rule
        if DEFENDERS & set(groups):
            groups = (*groups, "search")  # likewise
            more = {**self.placed, **more}
        chosen = {name: value for name, value in self.config.to_dict().items() if params()[name].group in groups}
        settings = {
            "device": self.compute.device.type,
            "precision": self.compute.precision,
            "memory": self.compute.memory,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }
        if self.compute.device.type == "cuda":  # another card rounds in another way
            settings["card"] = torch.cuda.get_device_name(self.compute.device)
        return {
            "parameters": chosen,
            "seed": self.config.seed,
            "settings": settings,
            "data": self.dataset.fingerprint,
            **more,
        }

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the images, in pixels."""
        height, width = self.dataset.test.images.shape[-2:]
        return height, width

    @property
    def searched(self) -> Apply:
        """How the defender puts triggers on images: as he assumes, or where he found that they work."""
        return whose.defenders(self.config, self.image_size, self.box)

    @property
    def placed(self) -> dict[str, list[int]]:
        """For recipes: the places at which a search by a plan found something; none go without saying."""
        return {} if self.box is None else {"places": list(astuple(self.box))}

    @property
    def sized(self) -> dict[str, int]:
        """For recipes in which no earlier key says the size of triggers; 3x3 goes without saying, as it always did."""
        return {} if self.config.size == codes.SIZE else {"size": self.config.size}

    def seed(self, stage: str) -> int:
        return seed_of(self.config.seed, stage)

    def load(self, state: Mapping[str, Tensor]) -> Victim:
        """A victim with these weights, on the device."""
        if self.network is not None:
            model = weights.load_into(self.network.fresh(), state)
        else:
            model = weights.load_into(build(self.config.victim, len(self.dataset.classes)), state)
        return Victim(model.to(self.compute.device).eval(), self.normalise, self.compute)

    def bench(self, target: Goal) -> Bench:
        """The evaluation's bench; the same for all victims of a run."""
        c, searched = self.config, self.searched
        # Of what was brought nobody knows the attacker's.
        rule, original = (searched, None) if c.suspect else (self.squares, self.rule)
        return Bench(
            self.evaluation,
            target,
            self.seed("bench"),
            c.eval_images,
            c.size,
            rule=rule,
            absent=bool(c.suspect),
            searched=searched,
            original=original,
        )

    # -- small parts
    def keep_weights(self, name: str, victim: Victim) -> None:
        """A victim's weights in the run's folder, for whoever wants to go on with them."""
        told = None
        if self.network is not None:
            told = kept.metadata(self.network, self.normalise)
        weights.save(victim.model, self.run.path / "weights" / f"{name}.safetensors", metadata=told)

    def surrogate(self, groups: int) -> Surrogate:
        """F of as many groups of triggers on the network that the defence finds, by the defender's images."""
        return towards(
            self.wanted, self.frozen, self.defender, groups, self.config.images_per_trigger, rule=self.searched
        )
