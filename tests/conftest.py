"""Tiny data and stores; nothing here needs the network, CIFAR-10 or a browser."""

from __future__ import annotations

from pathlib import Path

import cores  # before torch
import pytest
import torch

from mesa_core.data import signs
from mesa_core.data.types import Dataset, ImageSet, make_dataset
from mesa_core.store import Run, Store
from mesa_core.victims.devices import Compute

CIFAR10 = Path(__file__).resolve().parents[2] / "shared" / "data" / "cifar10"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The whole suite goes over the cores; a few files are quicker in this process."""
    return min(cores.MOST_WORKERS, cores.CORES) if config.args == config.getini("testpaths") else 0


@pytest.fixture(scope="session")
def tiny_signs() -> Dataset:
    """A few hundred drawn signs."""
    return signs.load(lambda *_: None, train=400, test=300)


@pytest.fixture
def tiny_data(monkeypatch: pytest.MonkeyPatch, tiny_signs: Dataset) -> Dataset:
    """Makes an experiment on 'signs' use a few hundred of them."""
    from mesa_core.experiment import context

    monkeypatch.setattr(context, "load_data", lambda *_, **__: tiny_signs)
    return tiny_signs


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store of a dashboard whose worker is not started."""
    from dashboard.serving import queue

    monkeypatch.setenv("MESA_LAB_HOME", str(tmp_path))
    monkeypatch.setattr(queue, "ensure_worker", lambda store: None)
    return Store(tmp_path)


@pytest.fixture
def compute() -> Compute:
    return Compute(torch.device("cpu"))


@pytest.fixture(scope="session")
def blobs() -> Dataset:
    """Images whose class is their colour: 3 classes, 16x16, learnt in seconds."""
    draw = torch.Generator().manual_seed(0)
    parts = []
    for count in (240, 120):
        labels = torch.arange(count) % 3
        images = torch.randint(0, 90, (count, 3, 16, 16), generator=draw, dtype=torch.int64)
        images[torch.arange(count), labels] += 120
        parts.append(ImageSet(images.to(torch.uint8), labels))
    return make_dataset("blobs", ("red", "green", "blue"), *parts)


@pytest.fixture(scope="session")
def sign_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few of the drawn signs as a folder of pictures, for what runs in processes of its own."""
    from small_sweep import draw_signs

    return draw_signs(tmp_path_factory.mktemp("signs"))


@pytest.fixture(scope="session")
def large_run(tmp_path_factory: pytest.TempPathFactory, tiny_signs: Dataset) -> Run:
    """A finished run with a 4x4 trigger and every baseline, tiny and real; to be read or copied, not changed."""
    from small_sweep import LEAST

    from mesa_core import events as ev
    from mesa_core import triggers
    from mesa_core.config import make_config
    from mesa_core.defences import Baselines
    from mesa_core.experiment import context, execute

    own = {"data": "signs", "mesa_steps": 6, "landscape_images": 4, "detect_steps": 2, "point_steps": 3}
    trigger = triggers.to_hex(triggers.chequer(4))
    config = make_config({**LEAST, **own, "repair_epochs": 0.05, "baselines": tuple(Baselines()), "trigger": trigger})
    made = Store(tmp_path_factory.mktemp("large"))
    run, failed = made.create(config.to_dict(), "large"), []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(context, "load_data", lambda *_, **__: tiny_signs)
        state = execute(run, made, lambda e: failed.append(e) if isinstance(e, ev.Failed) else None)
    assert state == "finished", failed
    return run
