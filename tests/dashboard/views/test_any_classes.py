"""Every page with a run on three classes and on forty-three, from data that the program knows and that only its files tell."""

import numpy as np
import pytest
from invented import run as invented_run
from visits import visit
from walking import PAGES

from dashboard.serving import queue
from dashboard.views.lab import class_pictures
from mesa_core import events as ev
from mesa_core.config import make_config
from mesa_core.data.sources import SOURCES, Source
from mesa_core.measures.intervals import proportion


def names(count):
    return [f"sign {i}" for i in range(count)]


@pytest.fixture(params=[3, 43])
def count(request):
    """How many classes; the data sets `own`, whose classes are known, and `later`, whose only its images tell."""
    SOURCES.register("own", Source("own images", "nowhere:load", tuple(names(request.param))))
    SOURCES.register("later", Source("later images", "nowhere:load"))
    yield request.param
    SOURCES.remove("own")
    SOURCES.remove("later")


def verdict(count):
    asr = [proportion(90 if i == count - 1 else 1, 100).to_json() for i in range(count)]
    classes = [{"class": i, "name": n, "asr": asr[i], "effective_asr": asr[i]} for i, n in enumerate(names(count))]
    return {"target": count - 1, "suspects": [count - 1], "threshold": 0.5, "beta": 0.8, "classes": classes}


@pytest.fixture
def run(home, count):
    """Makes a run on some data whose target is the last class, which a search has found."""

    def make(data):
        home.runs.mkdir(exist_ok=True)
        where = str(home.root) if data == "folder" else ""
        made = invented_run(home.runs, f"run-{data}", data=data, data_dir=where, target=count - 1, detect=True)
        result = made.result()
        made.write_result({**result, "data": {**result["data"], "classes": names(count)}, "detection": verdict(count)})
        drawn = np.random.default_rng(0).integers(0, 256, (count, 64, 27)).astype(np.uint8)
        hits = np.array([90 if i == count - 1 else 1 for i in range(count)])
        made.write_arrays("detect.npz", {"triggers": drawn, "hits": hits, "images": np.full(count, 100)})
        return made

    return make


@pytest.mark.parametrize("data", ["own", "later", "folder"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_a_run_of_any_number_of_classes(run, count, name, data):
    made = run(data)
    address = {"run": made.name, "a": made.name, "b": "signs-ring", "base": made.name}
    at = visit(name, 120, **address)
    assert not at.exception
    assert "cannot be read" not in " ".join(w.value for w in at.warning)
    if name == "detect":
        assert f"1 of {count} classes looks attacked: *sign {count - 1}*" in at.warning[0].value


def targets(at):
    return next(box for box in at.selectbox if box.key == "c_target")


def test_the_lab_offers_as_many_target_classes_as_the_images_have(run, count):
    at = visit("lab", 120, run=run("own").name)
    assert targets(at).options == [f"{i} · sign {i}" for i in range(count)]
    assert targets(at).value == count - 1
    at = visit("lab", 120, screen="all", data="own", target=str(count - 1))
    assert targets(at).value == count - 1
    assert not at.warning
    at = visit("lab", 120, screen="all", data="own", target=str(count))
    assert targets(at).value == 0
    assert f"target={count}" in at.warning[0].value


def test_other_images_bring_their_classes_and_a_target_that_is_not_among_them_goes(run, count):
    at = visit("lab", 120, run=run("own").name)
    box = next(box for box in at.selectbox if box.key == "c_data")
    at = box.set_value("signs").run()
    assert not at.exception
    assert len(targets(at).options) == 10
    assert targets(at).value == (count - 1 if count < 10 else 0)


def test_of_images_that_nobody_has_read_classes_are_numbers(run, count):
    at = visit("lab", 120, screen="all", data="later", target="700")
    assert not at.exception
    assert targets(at).value == 700
    assert targets(at).options[:2] == ["class 0", "class 1"]
    assert class_pictures.pictures("later") == []


@pytest.mark.parametrize("data", ["own", "later"])
@pytest.mark.parametrize("over", [False, True])
def test_a_search_that_goes_on_shows_every_class(home, count, data, over, monkeypatch):
    drawn = []
    monkeypatch.setattr("dashboard.views.detect.page.panels", lambda found, *rest: drawn.append(found))
    made, _ = queue.start(make_config(data=data, victim="resnet9-16", target=count - 1, detect=True).to_dict())
    (made.path / "waiting").unlink()
    with made.lease() as writer:
        writer.append(ev.StageBegun("detect", 1, 5, "Searching the classes"))
        writer.append(ev.Progress("detect", 5, 10, 1.0, 1.0, {f"class_asr_{i}": 0.1 for i in range(count)}))
        if over:
            writer.append(ev.StageDone("detect", 1.0))
            made.write_arrays("detect.npz", {"hits": np.ones(count, int), "images": np.full(count, 100)})
        at = visit("detect", 120, run=made.name)
    assert not at.exception
    word = "sign" if data == "own" else "class"
    assert [one.name for one in drawn[-1]] == [f"{i} · {word} {i}" for i in range(count)]
