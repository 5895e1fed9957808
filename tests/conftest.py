"""Tiny data and stores; nothing here needs the network, CIFAR-10 or a browser."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cores  # before torch
import pytest
import torch
from filelock import FileLock

from mesa_core.data import load_data, signs
from mesa_core.data.types import Dataset, ImageSet, make_dataset
from mesa_core.store import Run, Store
from mesa_core.victims.devices import Compute

CIFAR10 = Path(__file__).resolve().parents[2] / "shared" / "data" / "cifar10"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The whole suite goes over the cores; a few files are quicker in this process."""
    return min(cores.MOST_WORKERS, cores.CORES + 1) if config.args == config.getini("testpaths") else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the tests so that what takes long begins first; every process comes to the same order."""
    if cores.WORKERS > 1:
        marked = [(item.nodeid.split("::")[0], item.get_closest_marker("slow") is not None) for item in items]
        items[:] = [items[i] for i in cores.dealt(marked, cores.WORKERS)]


@pytest.fixture(scope="session", autouse=True)
def components_looked_for_once() -> Iterator[None]:
    """Streamlit looks through every package that is installed, anew for each visit of a test; they stay the same."""
    with pytest.MonkeyPatch.context() as patched:
        if "streamlit.testing.v1" in sys.modules:  # some test that was chosen visits a page
            from streamlit.components.v2 import manifest_scanner

            found = manifest_scanner.scan_component_manifests()
            patched.setattr(manifest_scanner, "scan_component_manifests", lambda *_, **__: list(found))
        yield


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first of the suite's processes fills; the others wait for it. To be read, not changed."""
    base = factory.getbasetemp()
    place = (base.parent if cores.WORKERS > 1 else base) / f"once-{name}"
    with FileLock(f"{place}.lock"):
        if not place.exists():
            half = place.with_name(f"{place.name}-half")
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            make(half)
            half.rename(place)
    return place


@pytest.fixture(scope="session")
def drawn_signs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds all 16,000 road signs; drawing them takes longer than most tests."""
    return made_once(tmp_path_factory, "signs", lambda place: load_data("signs", cache=place))


@pytest.fixture(scope="session")
def decoded_cifar10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds CIFAR-10, for tests that skip where it is not there."""
    return made_once(tmp_path_factory, "cifar10", lambda place: load_data("cifar10", CIFAR10, cache=place))


@pytest.fixture
def brief_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search measures a quarter of the samples and images: some still hit, and nobody looks at the figures."""
    from mesa_core.method import detection

    monkeypatch.setattr(detection, "SAMPLES", 32)
    monkeypatch.setattr(detection, "IMAGES", 8)


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


def carried_out_once(factory: pytest.TempPathFactory, data: Dataset, name: str, **said: Any) -> Run:
    """A finished run on `data`, tiny and real, which the first of the suite's processes carries out."""
    from small_sweep import LEAST

    from mesa_core import events as ev
    from mesa_core.config import make_config
    from mesa_core.experiment import context, execute

    config = make_config({**LEAST, "data": "signs", "repair_epochs": 0.05, **said})

    def make(place: Path) -> None:
        made = Store(place)
        run, failed = made.create(config.to_dict(), name), []
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(context, "load_data", lambda *_, **__: data)
            state = execute(run, made, lambda e: failed.append(e) if isinstance(e, ev.Failed) else None)
        assert state == "finished", failed

    return Store(made_once(factory, name, make)).open(name)


@pytest.fixture(scope="session")
def large_run(tmp_path_factory: pytest.TempPathFactory, tiny_signs: Dataset) -> Run:
    """A finished run with a 4x4 trigger and every baseline, tiny and real; to be read or copied, not changed."""
    from mesa_core import triggers
    from mesa_core.defences import Baselines

    own = {"mesa_steps": 6, "landscape_images": 4, "detect_steps": 2, "point_steps": 3, "baselines": tuple(Baselines())}
    trigger = triggers.to_hex(triggers.chequer(4))
    return carried_out_once(tmp_path_factory, tiny_signs, "large", **own, trigger=trigger)


@pytest.fixture(scope="session")
def clear_run(tmp_path_factory: pytest.TempPathFactory, tiny_signs: Dataset) -> Run:
    """A finished run that samples opacities, with every baseline, tiny and real; to be read or copied, not changed."""
    from mesa_core.defences import Baselines

    own = {"mesa_steps": 6, "snapshot_every": 3, "landscape_images": 4, "detect_steps": 2, "point_steps": 3}
    own |= {"detect": True, "detect_threshold": 0.0, "place_images": 1, "particles": 32, "kind": "particles"}
    own |= {"baselines": tuple(Baselines()), "search_opacity": "sampled"}
    return carried_out_once(tmp_path_factory, tiny_signs, "clear", **own)


@pytest.fixture(scope="session")
def picture_run(tmp_path_factory: pytest.TempPathFactory, tiny_signs: Dataset) -> Run:
    """A finished run of the convolutional kind with a picture of 16x16, tiny and real; to be read or copied, not changed."""
    own = {"kind": "convolutional", "mesa_steps": 4, "landscape_images": 2, "baselines": ("point",)}
    return carried_out_once(tmp_path_factory, tiny_signs, "picture", **own, trigger="picture:face", place_images=2)
