"""What a configuration asks of the store, without the work: the key of every stage, the seeds, the names.

A run is carried out through the product's own `execute`, but no stage's body is: `Stages.stage` writes its key down and
gives a stand-in of what the stage would have made. So whatever a recipe is made of, and in which order stages follow from
each other, is the product's; a hundred configurations take seconds. All that differs between machines is held fixed:
torch's version, the threads, the data's fingerprint, the bytes of files that are brought.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mesa_core import data, keys
from mesa_core.config import ExperimentConfig, identity, make_config
from mesa_core.data import Dataset, ImageSet
from mesa_core.experiment import bringing, execute
from mesa_core.experiment.context import Context
from mesa_core.experiment.stages import Output, Stages
from mesa_core.keys import seed_of
from mesa_core.measures.evaluation import Evaluation, Rates
from mesa_core.measures.intervals import Measured
from mesa_core.measures.verdict import Detection
from mesa_core.reference import record
from mesa_core.store import Store, compact
from mesa_core.store.results import Cleanse
from mesa_core.sweeps import grid
from mesa_core.victims import devices, weights
from mesa_core.victims.victim import Victim

HERE = Path(__file__).parent
PACKAGES = ("mesa_core",)
BROUGHT = "brought.safetensors"  # the file that a configuration's `weights` or `suspect` names
REFERENCE = b'{"levels": []}'  # of a case that has an exact reference
SEEDED = (
    *("attack", "axes", "bench", "cleanse", "detect", "mesa", "mixture", "noise", "own", "point", "pool", "reference"),
    *("reference 0", "reference 1", "repair", "snapshot", "victim", "valid after"),
)


def everywhere(patched: pytest.MonkeyPatch, original: Any, put: Any) -> None:
    """Put something in the place of a function wherever a module of the product has imported it."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in PACKAGES:
            for word, value in list(vars(module).items()):
                if value is original:
                    patched.setattr(module, word, put)


def images(name: str) -> Dataset:
    """Ten classes of six images a part, all black; the fingerprint is the name."""
    part = ImageSet(torch.zeros(300, 3, 32, 32, dtype=torch.uint8), torch.arange(300) % 10)
    classes = tuple(f"class {i}" for i in range(10))
    return Dataset(name, classes, part, part, (0.5,) * 3, (0.25,) * 3, f"fingerprint of {name}")


def brought(lab: Context, path: Path) -> Iterator:
    """A network that was brought, as if it had been read and its units were the images' own."""
    yield from ()
    return weights.digest(path)[:24], {}


def stand_in(stage: str, c: ExperimentConfig, verdict: int | None) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Value and tensors as a stage would have made them, as far as later stages' recipes look at them."""
    every = Measured(1.0, 240, 0.98, 1.0)
    rates = Rates(every, None, None)
    whole = Evaluation(every, every, every, rates, rates).to_json()
    made: dict[str, tuple[dict[str, Any], dict[str, torch.Tensor]]] = {
        "before": (
            {"clean": None, "before": whole},
            {"landscape": torch.zeros(512, dtype=torch.float64)},
        ),
        "detect": ({"detection": Detection(target=verdict, suspects=[], threshold=0.5, classes=[]).to_json()}, {}),
        "mesa": ({}, {"pool": torch.zeros(len(c.beta), 4, 3, c.size, c.size)}),
        "measure": ({}, {"mixture": torch.zeros(4, 3, c.size, c.size)}),
        "point": ({}, {"triggers": torch.zeros(c.point_seeds, 3, c.size, c.size)}),
        "neural_cleanse": (
            Cleanse([1.0], [0.0], 2.0).to_json(),
            {"mask": torch.zeros(1, 32, 32), "pattern": torch.zeros(3, 32, 32)},
        ),
    }
    return made.get(stage, ({"after": whole} if stage.startswith("after.") else {}, {}))


def asked(config: Mapping[str, Any], verdict: int | None, reference: bool, place: Path) -> dict[str, str]:
    """The key of every stage of a run of this configuration, in their order; `place` is an empty folder.

    `verdict` is the class that a detection finds; `reference` says that somebody has made an exact reference before.
    A key that is asked for outside of a stage is told as 'beside'.
    """
    found: dict[str, str] = {}
    through, make_key = Stages.stage, keys.key_of
    threads = [1]
    store = Store(place / "home")
    c = make_config(config)

    def stage(self: Stages, name: str, label: str, recipe: Mapping[str, Any], body: Any, keep: bool = True) -> Iterator:
        if name == "data":
            return (yield from through(self, name, label, recipe, body, keep))
        found[name] = make_key({"stage": name, **recipe})
        if reference and name == "attack":
            folder = record.folder(store, found[name], c.target, c.size)
            folder.mkdir(parents=True)
            (folder / "reference.json").write_bytes(REFERENCE)
        return Output(found[name], *stand_in(name, c, verdict))

    def beside(recipe: Mapping[str, Any]) -> str:
        key = make_key(recipe)
        if "stage" not in recipe:
            found["beside"] = key
        return key

    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        (place / BROUGHT).write_bytes(b"a network that was brought")
        patched.setattr(torch, "__version__", "1.2.3")
        patched.setattr(torch, "get_num_threads", lambda: threads[0])
        patched.setattr(torch, "set_num_threads", lambda count: threads.__setitem__(0, count))
        patched.setattr(Stages, "stage", stage)
        patched.setattr(Context, "load", lambda self, state: Victim(nn.Identity(), self.normalise, self.compute))
        patched.setattr(Context, "keep_weights", lambda self, name, victim: None)
        patched.setattr(devices.Compute, "freeze", lambda self, model: model)
        everywhere(patched, data.load_data, lambda name, *_, **__: images(name))
        everywhere(patched, weights.read, lambda path: {})
        everywhere(patched, bringing.bring, brought)
        patched.setattr(Context, "fix_axes", lambda self, landscape: None)
        everywhere(patched, keys.key_of, beside)
        run = store.create(c.to_dict(), "golden")
        told: list[Any] = []
        state = execute(run, store, told.append)
    assert state == "finished", told[-1]
    return found


def record_case(case: Mapping[str, Any], place: Path) -> dict[str, Any]:
    """All that a case must keep: its stages' keys, its seeds, its question, and what a sweep calls it."""
    config = make_config(case["config"])
    name = grid.expand(case["config"], {}, "golden", place)[0].name if case["sweep"] else None
    return {
        "keys": asked(case["config"], case["verdict"], case["reference"], place),
        "seeds": {stage: seed_of(config.seed, stage) for stage in SEEDED},
        "question": digest(identity.identity_of(config)),
        "compact": hashlib.sha256(compact.key(case["config"]).encode()).hexdigest()[:16],
        "sweep": name,
    }


def changes_of(case: Mapping[str, Any], place: Path) -> list[str]:
    """Which stages of a case's run have another key, or are gone, once one parameter has another value."""
    base = next(one for one in read("keys.json") if one["name"] == case["base"])
    old = base["golden"]["keys"]  # `test_keys` holds that these are today's
    new = asked(base["config"] | case["instead"], base["verdict"], base["reference"], place)
    return [stage for stage in old if old[stage] != new.get(stage)]


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def read(file: str) -> list[dict[str, Any]]:
    return json.loads((HERE / file).read_text("utf-8"))


def write(file: str, entries: list[dict[str, Any]]) -> None:
    """A list of JSON with one entry a line, so that a change of one is a change of one line."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
    (HERE / file).write_text(f"[\n{lines}\n]\n", "utf-8")
