"""The experiment: the stages in order, as an iterator of typed events.

    data -> clean victim -> attack (eq. 1) -> [detection] -> MESA (Alg. 1, 2) -> repair (eq. 5) -> evaluation

`execute` is the one path that the command line and the dashboard's worker share. The defender's stages are given
the backdoored victim, the defender's images and (unless detection is on) the target class, and nothing else of the
attack; what a stage sees can be read off its arguments.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mesa_core import attack, clean, coverage, detection, devices, embedding, mesa, modes, submodels, weights
from mesa_core import entropy as entropies
from mesa_core import events as ev
from mesa_core import repair as repairs
from mesa_core import triggers as codes
from mesa_core.assets import shipped_weights
from mesa_core.baselines import neural_cleanse, point, random
from mesa_core.config import ConfigError, ExperimentConfig, make_config
from mesa_core.data import DataError, Dataset, Splits, load_data, split
from mesa_core.evaluation import Bench, finish
from mesa_core.images import Normalise
from mesa_core.pacing import Pace, follow
from mesa_core.results import assemble, versions
from mesa_core.settle import require_settled
from mesa_core.stages import Output, Scribe, Stages, StopRequested, seed_of
from mesa_core.store import Run, Store, StoreError
from mesa_core.surrogate import Surrogate
from mesa_core.victims import build

POOL = 2048  # triggers that a repair draws from
SHOWN_IMAGES = 2  # images a trigger behind the colour of a dot while MESA trains
PLAIN = (ConfigError, DataError, StoreError, weights.WeightsError)  # errors whose message is for people
VERSION = {"attack": 1, "before": 1, "detect": 1, "mesa": 1, "measure": 2, "point": 1, "repair": 1, "after": 1}
NAMES = {
    "mesa": "MESA's triggers",
    "point": "one reversed trigger",
    "random": "random black-and-white triggers",
    "uniform": "randomly coloured triggers",
    "neural_cleanse": "Neural Cleanse's mask",
    "ideal": "the original trigger (oracle)",
    "control": "clean images alone (control)",
}


def execute(run: Run, store: Store, watch: Callable[[ev.Event], None] | None = None) -> str:
    """Run, or go on with, a run; returns its state: finished, failed or stopped.

    Appends every event to the run and hands it to `watch`. Raises StoreError if another process holds the run.
    """
    with run.lease() as writer:

        def tell(event: ev.Event) -> None:
            writer.append(event)
            if watch is not None:
                watch(event)

        stage = ""
        try:
            for event in experiment(run, store):
                stage = getattr(event, "stage", stage)
                tell(event)
            return "finished"
        except (StopRequested, KeyboardInterrupt):
            tell(ev.Stopped(stage))
            return "stopped"
        except PLAIN as error:
            tell(ev.Failed(str(error)))
        except torch.cuda.OutOfMemoryError:
            tell(ev.Failed("The graphics card's memory is full; choose smaller batches, or device cpu."))
        except Exception as error:
            with contextlib.suppress(OSError):  # the folder may be what is missing
                (run.path / "error.txt").write_text(traceback.format_exc(), "utf-8")
            tell(
                ev.Failed(
                    f"Something went wrong in the program ({type(error).__name__}: {error}); error.txt in the "
                    "run's folder has the details."
                )
            )
        return "failed"


def experiment(run: Run, store: Store) -> Iterator[ev.Event]:
    """All stages of a run, in order; writes result.json at the end."""
    began = time.monotonic()
    config, compute, calibration = resolve(run, store)
    lab = Lab(config, compute, store, run)
    if calibration:
        yield ev.Note(calibration)
    yield from lab.prepare()
    yield from lab.victim_stages()
    before = lab.results["before"].value
    if lab.took:
        yield from lab.defence_stages()
        for name in ("mesa", *[b for b in order(config.baselines) if b != "mesa"]):
            yield from lab.repair_stages(name)
        if config.repair_each_beta:
            for level in config.beta:
                yield from lab.repair_stages(f"beta.{level:g}")
    elif config.suspect:
        yield ev.Note("No class stands out: no backdoor of this kind was found, and nothing is repaired.")
    elif lab.target is None:
        yield ev.Note("Detection found no attacked class, so the defence ends here and nothing is repaired.")
    else:
        share = before["before"]["asr"]["original"]["value"]
        yield ev.Note(
            f"The attack did not take: the original trigger succeeds on {share:.1%} only, below "
            f"{config.attack_took:.0%}. Nothing is repaired. Raise the poison ratio or the epochs of the "
            "attack."
        )
    result = assemble(
        config,
        devices.hardware(compute),
        versions(),
        lab.stages.timings,
        lab.stages.reused,
        {name: out.value for name, out in lab.results.items()},
    )
    run.write_result(result)
    yield ev.Finished(round(time.monotonic() - began, 2))


def order(baselines: tuple[str, ...]) -> list[str]:
    """Baselines in the order in which they are run, the most telling first."""
    return [name for name in NAMES if name in baselines]


def resolve(run: Run, store: Store) -> tuple[ExperimentConfig, devices.Compute, str]:
    """Turn what is 'auto' about the computing into a setting and write that into the run; a run that has begun keeps its own."""
    given, known = run.config(), run.resolved()
    if known is not None:
        config = make_config(given)
        compute = devices.resolve(known["device"], known["precision"], known["memory"], known["threads"], config.victim)
        return config, compute, ""
    config = require_settled(make_config(given))
    try:
        compute, said = devices.remembered(
            store.cache, config.device, config.precision, config.memory, config.threads, config.victim
        )
    except ValueError as error:
        raise ConfigError(str(error)) from None
    run.write_config(
        config.to_dict(),
        {
            "device": compute.device.type,
            "precision": compute.precision,
            "memory": compute.memory,
            "threads": torch.get_num_threads(),
        },
    )
    return config, compute, said


@dataclass
class Lab:
    """What the stages of one run share. Later stages read earlier ones' outputs from `results`."""

    config: ExperimentConfig
    compute: devices.Compute
    store: Store
    run: Run

    def __post_init__(self) -> None:
        c = self.config
        defences = 1 + len([b for b in c.baselines if b != "mesa"]) + (len(c.beta) if c.repair_each_beta else 0)
        extra = ("point" in c.baselines) + ("neural_cleanse" in c.baselines)
        seeds = c.point_seeds - 1 if "point" in c.baselines else 0
        self.searches = c.detect or bool(c.suspect)
        count = 3 + self.searches + 1 + 2 + extra + 2 * (defences + seeds)
        self.stages = Stages(self.run, self.store, count)
        self.results: dict[str, Output] = {}
        self.target: int | None = None if self.searches else c.target  # what the defender takes for the target
        self.pixels = torch.from_numpy(codes.from_hex(c.trigger))

    # -- data and what is the same for all stages
    def prepare(self) -> Iterator[ev.Event]:
        """The data stage; not kept under a key, since data has a cache of its own."""
        c = self.config

        def body(scribe: Scribe) -> Iterator[ev.Event]:
            yield ev.Note(f"Reading {c.data}.")
            self.dataset: Dataset = load_data(c.data, c.data_dir, cache=self.store.cache)
            self.splits: Splits = split(self.dataset, c.seed)
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
        self.normalise = Normalise(self.dataset.mean, self.dataset.std)
        self.attacker = self.splits.attacker.to(self.compute.device)
        self.defender = self.splits.defender.to(self.compute.device)

    def recipe(self, *groups: str, **more: Any) -> dict[str, Any]:
        """What influences a stage: the parameters of its groups, the settings, the data, the seed."""
        from mesa_core.config import params

        chosen = {name: value for name, value in self.config.to_dict().items() if params()[name].group in groups}
        settings = {
            "device": self.compute.device.type,
            "precision": self.compute.precision,
            "memory": self.compute.memory,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }
        return {
            "parameters": chosen,
            "seed": self.config.seed,
            "settings": settings,
            "data": self.dataset.fingerprint,
            **more,
        }

    def seed(self, stage: str) -> int:
        return seed_of(self.config.seed, stage)

    def model(self, state: Mapping[str, Tensor]) -> nn.Module:
        """A victim with these weights, on the device."""
        return weights.load_into(build(self.config.victim, len(self.dataset.classes)), state).to(self.compute.device)

    def bench(self, target: int) -> Bench:
        """The evaluation's bench; the same for all victims of a run."""
        return Bench(
            self.splits.evaluation, target, self.normalise, self.compute, self.seed("bench"), self.config.eval_images
        )

    # -- the attacker's side
    def victim_stages(self) -> Iterator[ev.Event]:
        """Clean victim, attack, and what both are worth before any defence (with detection, also its verdict)."""
        c = self.config
        if c.suspect:
            self.clean, self.took = None, True
            path = Path(c.suspect)
            state = weights.read(path)
            self.victim = self.model(state).eval()
            key = hashlib.sha256(path.read_bytes()).hexdigest()[:24]
            self.results["attack"] = Output(key, {}, state)
            yield from self.detect_stage()
            self.took = self.target is not None
            yield from self.before_stage()
            return
        yield from self.clean_stage()
        self.clean = self.model(self.results["victim"].tensors).eval()

        def body(scribe: Scribe) -> Iterator[ev.Event]:
            model = yield from attack.attack(
                self.clean, self.attacker, self.pixels, self.normalise, c, self.compute, self.seed("attack")
            )
            return {}, model.state_dict()

        recipe = self.recipe("attack", victim=self.results["victim"].key, version=VERSION["attack"])
        recipe["parameters"].pop("attack_took")
        self.results["attack"] = yield from self.stages.stage("attack", "Implanting the backdoor", recipe, body)
        self.victim = self.model(self.results["attack"].tensors).eval()
        self.keep_weights("attacked", self.victim)
        yield from self.before_stage()
        original = self.results["before"].value["before"]["asr"]["original"]
        self.took = original["value"] >= c.attack_took
        if self.took and c.detect:
            yield from self.detect_stage()
            self.took = self.target is not None

    def clean_stage(self) -> Iterator[ev.Event]:
        """The clean victim: brought, shipped, or trained here (with checkpoints, so that a stop costs a minute)."""
        c = self.config
        path = Path(c.weights) if c.weights else shipped_weights(c.data, c.victim)
        if path is not None:

            def read(scribe: Scribe) -> Iterator[ev.Event]:
                yield ev.Note(f"The clean victim is {path.name}.")
                state = weights.read(path)
                self.model(state)  # raises where they do not fit
                return {"weights": path.name}, state

            digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            self.results["victim"] = yield from self.stages.stage(
                "victim", "Loading the clean victim", {"weights": digest, "victim": c.victim}, read, keep=False
            )
            return

        def body(scribe: Scribe) -> Iterator[ev.Event]:
            yield ev.Note(f"No weights are shipped for {c.victim} on {c.data}, so a clean victim is trained first.")
            checkpoint = self.store.cache / f"training-{c.data}-{c.victim}.pt"
            model = yield from clean.train(
                self.dataset, c.victim, c.clean_epochs, self.seed("victim"), self.compute, checkpoint
            )
            return {"weights": "trained here"}, model.state_dict()

        recipe = self.recipe(victim=c.victim, epochs=c.clean_epochs)
        self.results["victim"] = yield from self.stages.stage("victim", "Training a clean victim", recipe, body)

    def before_stage(self) -> Iterator[ev.Event]:
        """The clean and the backdoored victim measured; the landscape, which also fixes the scatter's axes."""
        c = self.config
        original = None if c.suspect else self.pixels
        target = c.target if self.target is None or not c.suspect else self.target

        def body(scribe: Scribe) -> Iterator[ev.Event]:
            bench = self.bench(target)
            each = c.landscape_images or 2
            size = bench.size(original is not None, 0, 0, c.worst_images)
            pace = Pace("before", size * (1 if self.clean is None else 2) + codes.CODES * each)
            value: dict[str, Any] = {"clean": None}
            victim = self.compute.freeze(self.victim)
            if self.clean is not None:
                value["clean"] = yield from follow(
                    pace, bench.evaluate(self.compute.freeze(self.clean), original, None, 0, c.worst_images)
                )
                yield ev.Evaluated("clean", value["clean"])
            value["before"] = yield from follow(pace, bench.evaluate(victim, original, None, 0, c.worst_images))
            yield ev.Evaluated("before", value["before"])
            landscape = yield from follow(pace, bench.landscape(victim, each))
            axes, tsne = scatter_axes(landscape, self.seed("axes"))
            scribe.save(
                "axes.npz",
                {
                    "codes_asr": landscape.astype(np.float32),
                    "pca": axes.place(flat_codes()),
                    "tsne": tsne.places,
                    "pca_bounds": np.float32(axes.bounds),
                    "tsne_bounds": np.float32(tsne.bounds),
                },
            )
            yield ev.Axes("axes.npz", [float(e) for e in axes.explained])
            if original is not None:
                marked = self.pixels.numpy()
                for name, trigger in (("original", marked), ("inverse", codes.invert(marked))):
                    yield mark(name, trigger, axes, tsne)
            return value, {"landscape": torch.from_numpy(landscape)}

        recipe = self.recipe(
            "attack",
            "measure",
            victim=self.results["attack"].key,
            target=target,
            clean=self.results["victim"].key if self.clean is not None else "",
            version=VERSION["before"],
        )
        self.results["before"] = yield from self.stages.stage("before", "Measuring the backdoor", recipe, body)

    # -- the defender's side
    def detect_stage(self) -> Iterator[ev.Event]:
        """Step 1: which class, if any?"""

        def body(scribe: Scribe) -> Iterator[ev.Event]:
            verdict = yield from detection.detect(
                self.compute.freeze(self.victim),
                self.defender,
                self.dataset.classes,
                self.normalise,
                self.compute,
                self.config,
                self.seed("detect"),
            )
            found = verdict["target"]
            name = "no class" if found is None else f"class {found} ({self.dataset.classes[found]})"
            yield ev.Note(f"Detection: {name} looks attacked.")
            return {"detection": verdict}, {}

        recipe = self.recipe("detect", "mesa", victim=self.results["attack"].key, version=VERSION["detect"])
        for name in ("beta", "mesa_steps", "mesa_batch", "gamma"):
            recipe["parameters"].pop(name)
        out = yield from self.stages.stage("detect", "Searching every class for triggers", recipe, body)
        self.results["detect"], self.target = out, out.value["detection"]["target"]

    def defence_stages(self) -> Iterator[ev.Event]:
        """MESA's sub-models, and what they are worth."""
        c, levels = self.config, list(self.config.beta)
        landscape = self.results["before"].tensors["landscape"].numpy()
        self.axes, self.tsne = scatter_axes(landscape, self.seed("axes"))
        frozen = self.compute.freeze(self.victim)

        def train(scribe: Scribe) -> Iterator[ev.Event]:
            yield from ()
            group = submodels.make(c, levels, c.mesa_batch, self.compute.device, self.seed("mesa"))
            surrogate = self.surrogate(frozen, len(levels))
            generator, pace, place = self.compute.generator(self.seed("mesa")), Pace("mesa", c.mesa_steps), None
            for step in mesa.train(group, surrogate, c.mesa_steps, generator):
                if step.done % self.snapshot_every() == 0 or step.done == step.total:
                    place, file = self.snapshot(scribe, group, surrogate, step.done, place)
                    yield ev.Snapshot(step.done, file, levels)
                if step.diagnostics is not None and pace.due(step.done):
                    yield pace.progress(step.done, **metrics(step.diagnostics, levels))
            pool = group.sample(POOL, generator)
            return {}, {"pool": pool, **{f"group.{k}": v for k, v in group.state().items()}}

        recipe = self.recipe(
            "mesa",
            victim=self.results["attack"].key,
            target=self.target,
            every=c.snapshot_every,
            shown=c.snapshot_samples,
            axes=self.results["before"].key,
            version=VERSION["mesa"],
        )
        recipe["parameters"].pop("gamma")
        self.results["mesa"] = yield from self.stages.stage("mesa", "Sampling the triggers (MESA)", recipe, train)
        yield from self.measure_stage(levels)

    def measure_stage(self, levels: list[float]) -> Iterator[ev.Event]:
        """Every sub-model measured, the skipping rule, the mixture, and the mixture's ASR on both victims."""
        c, frozen = self.config, self.compute.freeze(self.victim)

        def body(scribe: Scribe) -> Iterator[ev.Event]:
            pool = self.results["mesa"].tensors["pool"].to(self.compute.device)  # (N, POOL, 3, s, s)
            take = min(c.samples, POOL)
            bench = self.bench(self.target)
            own = Bench(self.defender, self.target, self.normalise, self.compute, self.seed("own"), 2000)
            landscape = self.results["before"].tensors["landscape"].numpy() if c.landscape_images else None
            pace = Pace("measure", (len(levels) * 2 + 3) * take * c.sample_images)
            plain, own_plain = finish(bench.plain(frozen)), finish(own.plain(frozen))
            entries, asrs, upper, defended = [], [], [], []
            for i, beta in enumerate(levels):
                chosen = pool[i, :take]
                rule, _, _ = yield from follow(pace, own.of_samples(frozen, own_plain, chosen, c.sample_images))
                mean, _, each = yield from follow(pace, bench.of_samples(frozen, plain, chosen, c.sample_images))
                upper.append(rule.high), defended.append(rule.value), asrs.append(each)
                flat = chosen.cpu().numpy().reshape(take, -1)  # (S, 27)
                labels = modes.find_modes(flat)
                entries.append(
                    {
                        "kind": c.kind,
                        "beta": beta,
                        "kept": True,
                        "mean_asr": mean.to_json(),
                        "defender_asr": rule.to_json(),
                        "entropy": entropies.entropy_json(flat),
                        **self.coverage(landscape, flat, each),
                        "modes": modes.summarise(flat, each, labels),
                    }
                )
            kept, desperate = mesa.keep(levels, upper, defended)
            for entry, stays in zip(entries, kept, strict=True):
                entry["kept"] = stays
            if desperate:
                yield ev.Note("Every sub-model stays below its level, so only the best one is used.")
            elif not all(kept):
                gone = ", ".join(f"{b:g}" for b, k in zip(levels, kept, strict=True) if not k)
                yield ev.Note(f"Skipped, because its samples stay below the level: β = {gone}.")
            gamma = mesa.weights(kept, [None] * len(levels) if c.gamma == "entropy" else None)
            yield ev.Submodels(entries)
            host = torch.Generator().manual_seed(self.seed("mixture"))
            source = torch.multinomial(torch.tensor(gamma, dtype=torch.float64), POOL, True, generator=host)
            mixed = pool[source.to(pool.device), torch.arange(POOL, device=pool.device)]
            chosen = mixed[:take]
            value: dict[str, Any] = {"submodels": entries, "gamma": gamma, "desperate": desperate}
            truth = self.bench(c.target) if not c.suspect else bench
            for name, model in (("clean", self.clean), ("before", self.victim)):
                value[name] = None
                if model is not None:
                    model = self.compute.freeze(model)
                    plain = finish(truth.plain(model))
                    asr, effective, each = yield from follow(
                        pace, truth.of_samples(model, plain, chosen, c.sample_images)
                    )
                    value[name] = {"asr": asr.to_json(), "effective_asr": effective.to_json()}
                    told = {
                        k: {**v} if isinstance(v, dict) else v for k, v in self.results["before"].value[name].items()
                    }
                    told["asr"]["sampled"], told["effective_asr"]["sampled"] = asr.to_json(), effective.to_json()
                    yield ev.Evaluated(name, told)
            flat = chosen.cpu().numpy().reshape(take, -1)
            value.update(self.coverage(landscape, flat, each))
            noise = random.uniform_colours(take, torch.Generator().manual_seed(self.seed("noise")))
            asr, _, each = yield from follow(
                pace, truth.of_samples(model, plain, noise.to(pool.device), c.sample_images)
            )
            value["uniform_noise"] = {
                "mean_asr": asr.to_json(),
                **self.coverage(landscape, noise.flatten(1).numpy(), each),
            }
            self.save_samples(scribe, pool[:, :take], asrs)
            return value, {"mixture": mixed}

        recipe = self.recipe(
            "measure",
            mesa=self.results["mesa"].key,
            clean=self.clean is not None,
            gamma=c.gamma,
            target=self.target,
            truth=c.target,
            version=VERSION["measure"],
            before=self.results["before"].key,
        )
        self.results["measure"] = yield from self.stages.stage(
            "measure", "Measuring the sampled triggers", recipe, body
        )

    def repair_stages(self, name: str) -> Iterator[ev.Event]:
        """One defence: its pool of triggers, the repair, and what came of it."""
        if name == "point":
            yield from self.point_stage()
            for i in range(self.config.point_seeds):
                yield from self.repair_with(
                    "point" if i == 0 else f"point_{i + 1}",
                    self.results["reverse"].tensors["triggers"][i : i + 1],
                    self.results["reverse"].key,
                )
            return
        if name == "neural_cleanse":
            yield from self.cleanse_stage()
            found = self.results["cleanse"].tensors
            stamp = neural_cleanse.unlearn(
                found["mask"].to(self.compute.device),
                found["pattern"].to(self.compute.device),
                self.config.repair_ratio,
                self.normalise,
                self.seed("repair"),
            )
            yield from self.repair_with(name, stamp, self.results["cleanse"].key)
            return
        host = torch.Generator().manual_seed(self.seed("pool"))
        pools: dict[str, Callable[[], tuple[Tensor | None, str]]] = {
            "mesa": lambda: (self.results["measure"].tensors["mixture"], self.results["measure"].key),
            "random": lambda: (random.black_and_white(POOL, host), "random"),
            "uniform": lambda: (random.uniform_colours(POOL, host), "uniform"),
            "ideal": lambda: (self.pixels[None], self.config.trigger),
            "control": lambda: (None, "none"),
        }
        if name.startswith("beta."):
            level = [f"{b:g}" for b in self.config.beta].index(name.removeprefix("beta."))
            pool, key = self.results["mesa"].tensors["pool"][level], f"{self.results['mesa'].key} {level}"
        elif name == "ideal" and self.config.suspect:
            return  # nobody knows the original
        else:
            pool, key = pools[name]()
        yield from self.repair_with(name, pool, key)

    def repair_with(self, name: str, pool: Any, key: str) -> Iterator[ev.Event]:
        """Repair with one pool, then evaluate."""
        c, words = self.config, NAMES.get(name.split("_")[0] if name.startswith("point") else name, name)

        def mend(scribe: Scribe) -> Iterator[ev.Event]:
            model = yield from repairs.repair(
                self.victim, self.defender, pool, self.normalise, c, self.compute, self.seed("repair")
            )
            return {}, model.state_dict()

        recipe = self.recipe("repair", victim=self.results["attack"].key, pool=key, version=VERSION["repair"])
        recipe["parameters"].pop("repair_each_beta")
        out = yield from self.stages.stage(f"repair.{name}", f"Retraining with {words}", recipe, mend)
        self.results[f"repair.{name}"] = out
        repaired = self.model(out.tensors)
        if name == "mesa":
            self.keep_weights("repaired", repaired)
        model = self.compute.freeze(repaired)

        def body(scribe: Scribe) -> Iterator[ev.Event]:
            bench = self.bench(c.target if not c.suspect else self.target)
            mixture = self.results["measure"].tensors["mixture"][: min(c.samples, POOL)]
            original = None if c.suspect else self.pixels
            pace = Pace("after", bench.size(original is not None, len(mixture), c.sample_images, c.worst_images))
            value = yield from follow(pace, bench.evaluate(model, original, mixture, c.sample_images, c.worst_images))
            yield ev.Evaluated(f"after.{name}", value)
            return {"after": value}, {}

        recipe = self.recipe(
            "measure",
            repair=out.key,
            samples_of=self.results["measure"].key,
            target=c.target,
            trigger=c.trigger,
            version=VERSION["after"],
        )
        self.results[f"after.{name}"] = yield from self.stages.stage(
            f"after.{name}", f"Measuring: {words}", recipe, body
        )

    def point_stage(self) -> Iterator[ev.Event]:
        """The point baseline's reversed triggers, marked in the scatter."""
        c = self.config

        def body(scribe: Scribe) -> Iterator[ev.Event]:
            found = yield from point.reverse(
                self.surrogate(self.compute.freeze(self.victim), 1),
                c.point_seeds,
                c.mesa_batch,
                c.point_steps,
                c.point_lr,
                self.compute.generator(self.seed("point")),
            )
            for i, trigger in enumerate(found.cpu().numpy()):
                yield mark("point" if i == 0 else f"point {i + 1}", trigger, self.axes, self.tsne)
            return {}, {"triggers": found}

        recipe = self.recipe(
            "baselines",
            batch=c.mesa_batch,
            victim=self.results["attack"].key,
            target=self.target,
            version=VERSION["point"],
            axes=self.results["before"].key,
        )
        recipe["parameters"].pop("baselines")
        self.results["reverse"] = yield from self.stages.stage(
            "point", "Reversing one trigger (point defence)", recipe, body
        )

    def cleanse_stage(self) -> Iterator[ev.Event]:
        """Neural Cleanse over all classes; the repair uses the class that the defender takes for the target."""
        c = self.config

        def body(scribe: Scribe) -> Iterator[ev.Event]:
            found = yield from neural_cleanse.reverse(
                self.compute.freeze(self.victim),
                self.defender.images,
                len(self.dataset.classes),
                self.normalise,
                self.compute,
                c.detect_batch,
                c.detect_steps,
                self.compute.generator(self.seed("cleanse")),
            )
            index = neural_cleanse.anomaly_index(found.norms)
            return (
                {"norms": found.norms, "anomaly_index": index, "alarm": neural_cleanse.ALARM},
                {"mask": found.masks[self.target], "pattern": found.patterns[self.target]},
            )

        recipe = self.recipe("detect", victim=self.results["attack"].key, target=self.target)
        self.results["cleanse"] = yield from self.stages.stage("neural_cleanse", "Neural Cleanse", recipe, body)

    # -- small parts
    def keep_weights(self, name: str, model: nn.Module) -> None:
        """A victim's weights in the run's folder, for whoever wants to go on with them."""
        weights.save(model, self.run.path / "weights" / f"{name}.safetensors")

    def surrogate(self, frozen: nn.Module, groups: int) -> Surrogate:
        targets = torch.full((groups,), self.target, device=self.compute.device)
        return Surrogate(
            frozen, self.defender.images, self.normalise, self.compute, targets, self.config.images_per_trigger
        )

    def snapshot_every(self) -> int:
        """Steps between snapshots; never more than two hundred of them."""
        return max(self.config.snapshot_every, -(-self.config.mesa_steps // 200))

    @torch.no_grad()
    def snapshot(
        self, scribe: Scribe, group: submodels.SubModels, surrogate: Surrogate, step: int, place: np.ndarray | None
    ) -> tuple[np.ndarray, str]:
        """Sample from fixed noise, colour by F on a few images, place on the fixed axes, save."""
        generator = self.compute.generator(self.seed("snapshot"))
        triggers = group.sample(self.config.snapshot_samples, generator)  # (N, n, 3, s, s)
        shown = Surrogate(**{**surrogate.__dict__, "per_trigger": SHOWN_IMAGES})
        success = shown(triggers, generator)
        flat = triggers.flatten(0, 1).flatten(1).cpu().numpy()  # (N*n, 27)
        place = self.tsne.frame(flat, place)
        file = f"snapshot-{step:06d}.npz"
        scribe.save(
            file,
            {
                "triggers": np.rint(flat * 255).astype(np.uint8),
                "level": np.repeat(np.arange(len(triggers)), triggers.shape[1]).astype(np.uint8),
                "asr": success.flatten().float().cpu().numpy().astype(np.float16),
                "pca": self.axes.place(flat),
                "tsne": place.astype(np.float32),
            },
        )
        return place, file

    def save_samples(self, scribe: Scribe, pool: Tensor, asrs: list[np.ndarray]) -> None:
        """The measured samples of every sub-model, with their modes."""
        flat = pool.flatten(0, 1).flatten(1).cpu().numpy()  # (N, S, 3, s, s) -> (N*S, 27)
        scribe.save(
            "samples.npz",
            {
                "triggers": np.rint(flat * 255).astype(np.uint8),
                "level": np.repeat(np.arange(len(pool)), pool.shape[1]).astype(np.uint8),
                "asr": np.concatenate(asrs).astype(np.float16),
                "pca": self.axes.place(flat),
                "tsne": self.tsne.frame(flat, None).astype(np.float32),
                "mode": modes.find_modes(flat).astype(np.int16),
            },
        )

    def coverage(self, landscape: np.ndarray | None, flat: np.ndarray, each: np.ndarray) -> dict[str, Any]:
        """Recall and precision by level; no recall where the landscape was not measured."""
        rounded = codes.round_to_codes(flat.reshape(-1, 3, codes.SIZE, codes.SIZE))
        return coverage.by_level(landscape, rounded, each, self.config.sample_images)


def metrics(diagnostics: submodels.Diagnostics, levels: list[float]) -> dict[str, float]:
    """What is drawn as curves: for every level its mean F, hinge and information."""
    rows = {"asr": diagnostics.success, "hinge": diagnostics.hinge, "information": diagnostics.information}
    return {f"{name}_{beta:g}": v for name, row in rows.items() for beta, v in zip(levels, row.tolist(), strict=True)}


def flat_codes() -> np.ndarray:
    """The 512 black-and-white triggers, `(512, 27)`."""
    return codes.all_codes().reshape(codes.CODES, -1)


def scatter_axes(landscape: np.ndarray, seed: int) -> tuple[embedding.PcaAxes, embedding.TsneMap]:
    """The fixed axes of one victim, from the ASR of the 512."""
    return embedding.fit_pca(flat_codes(), landscape), embedding.TsneMap.fit(landscape, seed)


def mark(name: str, trigger: np.ndarray, axes: embedding.PcaAxes, tsne: embedding.TsneMap) -> ev.Mark:
    """A trigger to be marked in the scatter."""
    flat = trigger.reshape(1, -1)
    return ev.Mark(
        name,
        codes.to_hex(trigger),
        [float(v) for v in axes.place(flat)[0]],
        [float(v) for v in tsne.place_first(flat)[0]],
    )


def settings_of(compute: devices.Compute) -> dict[str, Any]:
    """The resolved settings, for people."""
    return {k: str(v) for k, v in asdict(compute).items()}
