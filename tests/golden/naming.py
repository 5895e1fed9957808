"""Names and seeds that are asked for outside of an experiment: references, checkpoints, questions, and the small commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from mesa_core import data
from mesa_core import triggers as codes
from mesa_core.config import make_config
from mesa_core.experiment import landscape, train_victim
from mesa_core.measures import bench as evaluation
from mesa_core.probe import answering, questions
from mesa_core.reference import record
from mesa_core.reference.options import Options
from mesa_core.store import Store
from mesa_core.victims import clean, weights
from tests.golden.recording import BROUGHT, digest, everywhere, images


class Reached(Exception):
    """What was to be seen has been seen."""


def benched(args: tuple[Any, ...], more: Mapping[str, Any]) -> dict[str, Any]:
    """What decides a bench's draws, of the arguments of `Bench`."""
    names = ("images", "target", "seed", "limit", "side")
    given = {"limit": 0, "side": codes.SIZE, **dict(zip(names, args, strict=False)), **more}
    return {name: given[name] for name in ("target", "seed", "limit", "side")}


def name_of(told: Mapping[str, Any], place: Path) -> Any:
    """What is told of one entry of names.json; `place` is an empty folder."""
    what, store = told["of"], Store(place)
    if what == "a reference's folder":
        return record.folder(store, told["attack"], told["target"], told["size"]).name
    if what == "a reference's recipe":
        return repr(
            asdict(Options(**{k: tuple(v) if k == "levels" else v for k, v in told["options"].items()}).check())
        )
    if what == "a question's number":
        return questions.Question.from_json(told["question"]).id
    if what == "the panel of a size":
        return digest(codes.panel_codes(told["size"]).tolist())
    config, seen = make_config(told["config"]), []

    def bench(*args: Any, **more: Any) -> Any:
        seen.append(benched(args, more))
        raise Reached

    def train(dataset: Any, victim: str, epochs: int, seed: int, compute: Any, checkpoint: Path, **_: Any) -> Any:
        seen.append({"checkpoint": checkpoint.name, "victim": victim, "epochs": epochs, "seed": seed})
        raise Reached

    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        (place / BROUGHT).write_bytes(b"a network that was brought")
        everywhere(patched, data.load_data, lambda name, *_, **__: images(name))
        everywhere(patched, weights.read, lambda path: {})
        everywhere(patched, weights.load_into, lambda model, *_: model)
        everywhere(patched, evaluation.Bench, bench)
        everywhere(patched, clean.train, train)
        patched.setattr(torch, "set_num_threads", lambda count: None)
        try:
            if what == "the command train-victim":
                train_victim.train_victim(config, told["epochs"], place / "out.safetensors", store, lambda event: None)
            elif what == "the command landscape":
                landscape.landscape(config, store, BROUGHT, None, told["images"], lambda text: None)
            else:
                run = store.create(config.to_dict(), "golden")
                (run.path / "weights").mkdir()
                (run.path / "weights" / "attacked.safetensors").write_bytes(b"a network")
                triggers = ((0,) * 3 * config.size**2,)
                answering.Probe(store).answer(questions.Question("golden", triggers))
        except Reached:
            pass
    return seen[0]
