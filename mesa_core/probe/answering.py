"""Answers to `questions`: what triggers do to a few evaluation images, before and after the repair.

Networks and evaluation images of the last few runs stay loaded, so that an answer costs two or three small passes.
No global random state is touched, so answering between the steps of a run does not change its figures.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mesa_core import triggers as codes
from mesa_core.apply import whose
from mesa_core.apply.places import Box
from mesa_core.apply.rule import Apply
from mesa_core.apply.shaped import shaped
from mesa_core.brought import files, kept, networks
from mesa_core.config import ConfigError, ExperimentConfig, make_config
from mesa_core.data import DataError, Dataset, load_data, split, split_brought
from mesa_core.keys import seed_of
from mesa_core.measures.bench import Bench, Plain, finish
from mesa_core.measures.goal import Goal
from mesa_core.measures.intervals import Measured
from mesa_core.probe import pictures, questions
from mesa_core.store import Run, Store, StoreError
from mesa_core.victims import devices, weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.victim import Victim

MOST_LOADED = 4  # runs whose networks stay in memory
PASSES = 256  # stamped images behind an answer's ASR
MOST_RATES = 20  # sets of triggers whose ASR is remembered
MOST_ALONE = 1200  # images on which one trigger alone is measured
FILES = {"before": "attacked", "after": "repaired"}


@dataclass
class Loaded:
    """A run's bench and its networks, each with the time stamp of the file it came from."""

    bench: Bench
    normalise: Normalise
    compute: devices.Compute
    classes: tuple[str, ...]
    config: ExperimentConfig
    models: dict[str, tuple[float, Victim]] = field(default_factory=dict)
    rates: dict[tuple[str, Any], np.ndarray] = field(default_factory=dict)  # by network and triggers


class Probe:
    """Answers the questions of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.runs: OrderedDict[str, Loaded] = OrderedDict()
        self.data: tuple[str, Dataset] | None = None

    def answer_all(self) -> int:
        """Answer what waits; returns how many. Never raises for a question's sake."""
        count = 0
        while self.answer_next():
            count += 1
        return count

    def answer_next(self) -> bool:
        """Answer the next question, if one waits. Never raises for a question's sake."""
        for number in questions.waiting(self.store.root):
            question = questions.take(self.store.root, number)
            if question is None:
                continue
            try:
                questions.reply(self.store.root, number, self.answer(question))
            except (questions.Refused, StoreError, ConfigError, DataError, weights.WeightsError) as error:
                questions.refuse(self.store.root, number, str(error))
            except (RuntimeError, ValueError, KeyError, TypeError, OSError) as error:
                questions.refuse(self.store.root, number, f"The networks of this run cannot be asked ({error}).")
            return True
        return False

    @torch.no_grad()
    def answer(self, question: questions.Question) -> dict[str, np.ndarray]:
        """Images, classes, probabilities and ASR as arrays; the names with `before` and `after` for each network."""
        run = self.store.open(question.run)
        loaded = self._load(run)
        bench = loaded.bench
        if question.pictures:
            if not isinstance(bench.target, int):
                raise questions.Refused("An all-to-all backdoor has no target class, so the stage cannot show it.")
            units = kept.of(run.path / "weights" / f"{FILES['before']}.safetensors", loaded.normalise).normalise
            return pictures.pictures(bench, units, loaded.classes, question.images)
        flat = torch.tensor(question.triggers, dtype=torch.float32) / 255
        cell, size = codes.form_of(flat.shape[1])
        triggers = flat.view(-1, cell, size, size)
        rule = bench.rule if cell == codes.COLOURS else bench.searched  # only who searches knows opacities of pixels
        chosen = pictures.spread(bench, question.images, question.draw)
        own = triggers[torch.arange(len(chosen)) % len(triggers)].to(bench.images.device)
        corner = pictures.corners(bench, len(chosen), question.draw, size, rule)
        clean = bench.images[chosen]
        pixels = (own * 255).round().to(torch.uint8)
        mask = np.array(question.shape, bool).reshape(size, size) if question.shape else None
        # Only who searches knows opacities of pixels.
        rule = shaped(bench.rule if cell == codes.COLOURS else bench.searched, mask)
        stamped = rule(clean, pixels, corner.to(clean.device))
        found: dict[str, np.ndarray] = {
            "classes": np.array(loaded.classes),
            "clean": clean.cpu().numpy(),
            "stamped": stamped.cpu().numpy(),
            "label": bench.labels[chosen].cpu().numpy(),
            "corner": corner.numpy(),
            "target": np.array(bench.target) if isinstance(bench.target, int) else bench.wanted[chosen].cpu().numpy(),
        }
        each = max(4, PASSES // len(triggers)) if len(triggers) > 1 else PASSES
        for name in FILES:
            model = self._model(run, loaded, name)
            if model is None:
                continue
            for what, images in (("plain", clean), ("stamped", stamped)):
                share = self._through(model, images).softmax(1)
                found[f"{name}_{what}_class"] = share.argmax(1).cpu().numpy()
                found[f"{name}_{what}_p"] = share.amax(1).cpu().numpy()
                found[f"{name}_{what}_target_p"] = share.gather(1, bench.wanted[chosen][:, None])[:, 0].cpu().numpy()
            if question.rates:
                key = (name, (question.triggers, question.shape))
                if key not in loaded.rates:  # other images of the same triggers change no rate
                    loaded.rates = dict(list(loaded.rates.items())[-MOST_RATES:])
                    loaded.rates[key] = _row(self._asr(bench, model, triggers, each, None if mask is None else rule))
                found[f"{name}_asr"] = loaded.rates[key]
        return found

    # -- parts
    def _through(self, victim: Victim, images: Tensor) -> Tensor:
        return victim.logits(victim.inputs(images)).float()

    def _asr(self, bench: Bench, model: Victim, triggers: Tensor, each: int, rule: Apply | None) -> Measured:
        """ASR on the bench's own draws; one opaque trigger alone is measured just as the run's figures are, one that has a shape
        by its own `rule`.

        The natural rate is not asked, so no image is left out.
        """
        nothing = Plain(torch.full((len(bench.images),), -1, device=bench.images.device))
        stamps = triggers.to(bench.images.device)
        alone = len(stamps) == 1 and stamps.shape[1] == codes.COLOURS
        if alone and len(bench.others) <= MOST_ALONE:
            work = bench.of_trigger(model, nothing, stamps[0], rule=rule)
        else:
            work = bench.of_samples(model, nothing, stamps, min(each, len(bench.others)), rule)
        return finish(work)[0]

    def _load(self, run: Run) -> Loaded:
        if not (run.path / "weights" / "attacked.safetensors").is_file():
            raise questions.Refused("The networks of this run are not here, so they cannot be asked.")
        if run.name in self.runs:
            self.runs.move_to_end(run.name)
            return self.runs[run.name]
        config, known = make_config(run.config()), run.resolved() or {}
        compute = devices.Compute(
            devices.pick_device(known.get("device", "cpu")), known.get("precision", "fp32"), known.get("memory", "nchw")
        )
        what = f"{config.data} {config.data_dir} {config.reading}"
        if self.data is None or self.data[0] != what:
            self.data = (what, load_data(config.data, config.data_dir, cache=self.store.cache, **config.reading))
        dataset = self.data[1]
        parts = (split_brought if config.suspect else split)(dataset, config.seed)
        images = parts.evaluation.to(compute.device)
        normalise = Normalise(dataset.mean, dataset.std)
        seed = seed_of(config.seed, "bench")  # a question asks too little for maps of clean images to be kept
        size = (dataset.test.images.shape[-2], dataset.test.images.shape[-1])
        searched = whose.defenders(config, size, found_by(run))
        rule = searched if config.suspect else whose.squares(config)
        target = _wanted(run, config, len(dataset.classes))
        bench = Bench(images, target, seed, config.eval_images, memory=0, rule=rule, searched=searched)
        self.runs[run.name] = Loaded(bench, normalise, compute, dataset.classes, config)
        while len(self.runs) > MOST_LOADED:
            self.runs.popitem(last=False)
        return self.runs[run.name]

    def _model(self, run: Run, loaded: Loaded, name: str) -> Victim | None:
        """The network before or after the repair, read again where its file has changed; None where there is none."""
        path = run.path / "weights" / f"{FILES[name]}.safetensors"
        try:
            stamp = path.stat().st_mtime
        except FileNotFoundError:
            return None
        if name not in loaded.models or loaded.models[name][0] != stamp:
            known = kept.of(path, loaded.normalise)
            with torch.random.fork_rng(devices=[]):  # new weights are drawn before they are filled
                if loaded.config.victim == "onnx":
                    model = _of_file(run, loaded.config)
                else:
                    model = known.model(build(loaded.config.victim, len(loaded.classes)))
            weights.load_into(model, weights.read(path), path.name)
            loaded.models[name] = (stamp, Victim(model, known.normalise, loaded.compute).freeze())
            loaded.rates = {k: v for k, v in loaded.rates.items() if k[0] != name}
        return loaded.models[name][1]


def _wanted(run: Run, config: ExperimentConfig, classes: int) -> Goal:
    """The class that triggers are asked about: the attack's, or of a network that was brought, what was found, one of `classes` or one for each."""
    if not config.suspect:
        return config.target
    outcome = run.outcome()
    verdict = None if outcome is None else outcome.detection
    goal = None if verdict is None else verdict.goal(classes)
    if goal is None:
        raise questions.Refused("No class of this network is known to be attacked, so there is nothing to ask.")
    return goal


def _of_file(run: Run, config: ExperimentConfig) -> torch.nn.Module:
    """The network that an ONNX file is: the healed one of the run, else the one that was brought, where it is still here."""
    healed, brought = run.path / "weights" / "healed.onnx", Path(config.suspect)
    if healed.is_file():
        return networks.fit(files.read(healed), "onnx").fresh()
    if not brought.is_file():
        raise questions.Refused("The ONNX file of this run is gone, and without it there is no network.")
    found = files.read(brought)
    if not found.digest.startswith(config.suspect_digest):
        raise questions.Refused("The ONNX file is not the one any more that this run was made for.")
    return networks.fit(found, "onnx").fresh()


def found_by(run: Run) -> Box | None:
    """The places at which a run's search by a plan found something; None before that, and where there was no plan."""
    outcome = run.outcome()
    return None if outcome is None or outcome.detection is None else outcome.detection.box


def _row(m: Measured) -> np.ndarray:
    """value, n, low, high."""
    return np.array([m.value, m.n, m.low, m.high], np.float64)
