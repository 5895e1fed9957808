"""Maps of places on the pages: drawn where a run has them, whole or not at all, and said to be missing in the Lab."""

import functools
import shutil

import numpy as np
import pytest
from visits import visit

from mesa_core.measures.intervals import proportion
from mesa_core.measures.mapped import Maps, Told
from mesa_core.store import Run
from mesa_core.store.shipped import shipped_detections, shipped_runs

lab = functools.partial(visit, "lab")
detect = functools.partial(visit, "detect")


def with_maps(source, home, name, triggers=("original", "best")):
    """A shipped run with invented maps: bright at row 12, column 7 before the repair, dark after it."""
    run = Run(home.runs / name)
    shutil.copytree(source, run.path)
    told, arrays = [], {}
    for trigger in triggers:
        for network, most in (("clean", 0), ("before", 60), ("after", 1)):
            hits = np.zeros((30, 30), np.int32)
            hits[12, 7] = most
            arrays |= {f"{trigger}-{network}": hits, f"{trigger}-{network}-n": np.array(64)}
            told.append(
                Told(
                    trigger,
                    network,
                    row=12,
                    column=7,
                    highest=proportion(most, 64),
                    median=0.0,
                    words="It works there.",
                )
            )
    maps = Maps(n=64, colours=dict.fromkeys(triggers, "#ffffff " * 8 + "#ffffff"), each=told)
    run.write_arrays("places.npz", arrays)
    run.write_result({**run.result(), "places": maps.to_json()})
    return run


def drawn(at):
    """The pictures that the page holds."""
    return [one.proto.body for one in at.get("html") if "Where the" in one.proto.body]


def test_the_lab_shows_both_maps_in_a_drawer(home):
    run = with_maps(shipped_runs() / "signs-ring", home, "mapped")
    at = lab(run=run.name, screen="all")
    assert not at.exception
    pictures = drawn(at)
    assert len(pictures) == 2
    assert "Where the planted trigger works" in pictures[0]
    assert "before the repair" in pictures[0]
    assert any("Before the repair: at most 93.8 %" in c.value and "row 12, column 7" in c.value for c in at.caption)


def test_the_lab_says_how_maps_are_made_where_a_run_has_none(home):
    at = lab(run="signs-ring", screen="all")
    assert not at.exception
    assert drawn(at) == []
    assert any("--place-images 64" in c.value for c in at.caption)


def test_detect_shows_the_map_of_the_best_sample(home):
    run = with_maps(shipped_detections() / "ring", home, "mapped")
    at = detect(run=run.name)
    assert not at.exception
    (picture,) = drawn(at)
    assert "the best sampled trigger" in picture
    assert drawn(detect()) == [], "the prepared example has none"


@pytest.mark.parametrize("how", ["gone", "foreign"])
def test_maps_that_are_gone_or_foreign_are_left_out_without_a_word(home, how):
    run = with_maps(shipped_detections() / "ring", home, "mapped")
    if how == "gone":
        (run.path / "snapshots" / "places.npz").unlink()
    else:
        run.write_arrays("places.npz", {"best-before": np.zeros(4)})
    at = detect(run=run.name)
    assert not at.exception
    assert drawn(at) == []
