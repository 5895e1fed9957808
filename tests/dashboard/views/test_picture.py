"""What the scatter shows of a run: its moments, its modes, and how far t-SNE can be trusted."""

import shutil

import numpy as np
import pytest

from dashboard.serving import queue
from dashboard.serving.shown import Shown
from dashboard.views.lab import picture
from mesa_core import events as ev
from mesa_core.stage.blocks import unpack
from mesa_core.store import Run


@pytest.fixture
def run(tmp_path):
    shutil.copytree(queue.shipped()[0].path, tmp_path / "one")
    return Run(tmp_path / "one")


def test_a_finished_run_shows_all_moments_and_a_running_one_the_last(run):
    done = picture.files_of(Shown(run))
    assert done[-1][0] == picture.SAMPLES
    assert len(done) <= picture.MOST_FRAMES + 1
    steps = [step for _, _, step in done]
    assert steps == sorted(steps)
    going = Shown(run)
    going.state = "running"
    (last,) = picture.files_of(going)
    assert last == done[-2]
    (run.path / "events.jsonl").unlink()
    assert picture.files_of(Shown(run)) == []


@pytest.mark.parametrize("view", ["pca", "tsne"])
def test_the_block_holds_what_the_files_hold(run, view):
    shown = Shown(run)
    data = picture.block(shown, view, "mode", {"epoch": 1, "rows": [2]}, "", "words")
    header, arrays = unpack(data)
    samples = run.read_arrays(picture.SAMPLES)
    last = len(header["frames"]) - 1
    assert arrays[f"triggers{last}"].reshape(-1, 27).tolist() == samples["triggers"].tolist()
    assert arrays[f"mode{last}"].tolist() == samples["mode"].tolist()
    assert header["pick"] == {"epoch": 1, "rows": [2]}
    assert header["modes"] == samples["mode"].max() + 1
    marks = {e.name for e in shown.all(ev.Mark)}
    assert {m["name"] for m in header["marks"]} == marks >= {"original", "inverse", "point"}


def test_earlier_dots_take_the_nearest_mode_and_noise_takes_none(run):
    samples = run.read_arrays(picture.SAMPLES)
    inside = samples["mode"] >= 0
    moved = np.clip(samples["triggers"][inside].astype(int) + 2, 0, 255).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, moved.shape).astype(np.uint8)
    run.write_arrays("snapshot-900000.npz", {"triggers": moved})
    run.write_arrays("snapshot-900001.npz", {"triggers": noise})
    assert (picture.modes_of(run, "snapshot-900000.npz") == samples["mode"][inside]).mean() > 0.99
    assert (picture.modes_of(run, "snapshot-900001.npz") == -1).mean() > 0.95


def test_trust_is_high_for_the_map_and_low_for_a_shuffled_one(run):
    known = run.read_arrays(picture.SAMPLES)
    shuffled = {**known, "tsne": np.random.default_rng(0).permutation(known["tsne"])}
    run.write_arrays("snapshot-900002.npz", shuffled)
    assert picture.trust(str(run.path), picture.SAMPLES) > 0.8
    assert picture.trust(str(run.path), "snapshot-900002.npz") < 0.6
