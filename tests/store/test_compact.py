"""A finished run made slim opens like any other, tells nothing of its machine, and counts as done."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from mesa_core import events as ev
from mesa_core.cli import main
from mesa_core.config import make_config
from mesa_core.config.identity import HOW
from mesa_core.store import Run, StoreError, compact
from mesa_core.store.shipped import shipped_paper_sweep, shipped_runs, shipped_sweep, shipped_weights
from mesa_core.sweeps import grid
from mesa_core.triggers import code_to_hex


@pytest.fixture
def ring(store):
    """A copy of the prepared run with the ring, as if it had been made here, with a folder of images of its own."""
    run = Run(store.runs / "signs-ring")
    shutil.copytree(shipped_runs() / "signs-ring", run.path)
    config = {**run.config(), "data_dir": "/home/someone/images"}
    run.write_config(config, run.resolved())
    run.write_result({**run.result(), "config": config})
    run.append(ev.Note("Reading /home/someone/images."))
    run.append(ev.Failed("no"))
    run.append(ev.Note("Afterwards."))
    return run


def test_a_compact_run_is_small_whole_and_names_no_place(ring, tmp_path):
    small = Run(compact.compact(ring, tmp_path / "out"))
    assert compact.size_of(small.path) <= 200_000 < compact.size_of(ring.path)
    text = "".join(p.read_text() for p in small.path.rglob("*.json*"))
    assert "/home/someone" not in text
    assert "/home/someone" in (ring.path / "events.jsonl").read_text(), "the check above could not fail"
    assert small.state() == "finished"
    was, now = ring.result(), small.result()
    assert now["config"]["data_dir"] == ""
    assert {**now, "config": 0} == {**was, "config": 0}
    for file in ("axes.npz", "samples.npz", "landscape-after.npz"):
        for name, array in ring.read_arrays(file).items():
            np.testing.assert_array_equal(small.read_arrays(file)[name], array)


def test_its_events_keep_what_is_drawn_and_their_order(ring, tmp_path):
    small = Run(compact.compact(ring, tmp_path))
    was, now = [e for _, e in ring.events()], [e for _, e in small.events()]
    for kind in (ev.StageBegun, ev.StageDone, ev.Axes, ev.Mark, ev.Evaluated, ev.Submodels, ev.Finished):
        assert [e for e in now if isinstance(e, kind)] == [e for e in was if isinstance(e, kind)] != []
    assert not any(isinstance(e, ev.Failed) for e in now)
    assert ev.Note("Afterwards.") in now
    shots = [e for e in now if isinstance(e, ev.Snapshot)]
    every = [e for e in was if isinstance(e, ev.Snapshot)]
    assert shots[0] == every[0]
    assert shots[-1] == every[-1]
    assert 2 <= len(shots) < len(every)
    assert {e.file for e in shots} == {p.name for p in (small.path / "snapshots").glob("snapshot-*")}
    numbers = [n for n, _ in small.events()]
    assert numbers == sorted(set(numbers))

    def curve(events):
        return {e.done: e.metrics["asr_0.9"] for e in events if isinstance(e, ev.Progress) and e.stage == "mesa"}

    whole, thin = curve(was), curve(now)
    assert min(len(whole), 40) <= len(thin) <= 50
    assert max(thin) == max(whole)
    assert all(abs(whole[step] - value) < 1e-3 for step, value in thin.items())


def test_only_what_has_finished_is_collected_and_nothing_half_is_left(ring, tmp_path):
    (ring.path / "result.json").unlink()
    with pytest.raises(StoreError, match="only finished"):
        compact.collect([ring], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_manifest_is_sorted_checked_and_replaces_the_same_question_only(ring, store, tmp_path):
    def another(name, **more):
        run = Run(store.runs / name)
        shutil.rmtree(run.path, ignore_errors=True)
        shutil.copytree(ring.path, run.path)
        run.write_config({**run.config(), **more}, run.resolved())
        return run

    out = tmp_path / "out"
    first = another("a", trigger=code_to_hex(7))
    compact.collect([ring, first], out)
    assert [e["code"] for e in compact.manifest(out)] == [7, 495]
    entry = compact.manifest(out)[1]
    assert entry["before"] == ring.result()["before"]
    assert entry["after"] == ring.result()["after"]
    assert entry["seeds"] == [0]
    assert entry["digest"] == compact.digest(out / "signs-ring")
    # The same question from another machine, under another name, takes the old one's place.
    compact.collect([another("b", trigger=code_to_hex(7), data_dir="/elsewhere", device="cpu")], out)
    assert [e["name"] for e in compact.manifest(out)] == ["b", "signs-ring"]
    assert not (out / "a").exists()
    compact.collect([another("c", trigger=code_to_hex(7), seed=1)], out)
    assert [(e["code"], e["seeds"]) for e in compact.manifest(out)] == [(7, [0]), (7, [1]), (495, [0])]
    with pytest.raises(StoreError, match="another run 'b'"):
        compact.collect([another("b", trigger=code_to_hex(7), seed=2)], out)
    assert len(compact.manifest(out)) == 3
    (out / "manifest.json").write_text('[{"name": "../x"}]')
    with pytest.raises(StoreError, match="not a list of collected runs"):
        compact.manifest(out)


def test_what_was_collected_is_not_swept_again(ring, store, tmp_path):
    out = tmp_path / "out"
    config = ring.config()
    said = {k: v for k, v in config.items() if k not in (*HOW, "seed")}
    pieces = grid.expand(said, {"seed": [0, 1]}, "s", store.cache)
    assert [p.done for p in grid.without(pieces, out)] == [False, False], "an empty folder has nothing done"
    compact.collect([ring], out)
    marked = grid.without(pieces, out)
    assert [p.done for p in marked] == [True, False]
    assert grid.standing(store, marked) == grid.Standing(2, 1, 0, ())
    made = []

    def execute(run, store, watch, still=None):
        made.append(run.config()["seed"])
        run.write_result({"seed": 1})
        return "finished"

    assert list(grid.work(store, marked, execute, lambda *_: None))[-1].finished == 2
    assert made == [1]
    shutil.rmtree(out / "signs-ring")
    assert not grid.without(pieces, out)[0].done, "an entry whose files are gone is not done"


def test_the_command_collects_a_sweep_as_far_as_it_is(ring, store, tmp_path, capsys):
    said = {"data": "signs"}
    pieces = grid.expand(said, {"seed": [0, 1]}, "mine", store.cache)
    grid.begin(store, "mine", pieces)
    ring.path.rename(store.runs / pieces[0].name)
    out = str(tmp_path / "out")
    assert main(["--home", str(store.root), "collect", "mine", "--out", out, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"collected": [pieces[0].name], "not_finished": 1, "there": 1}
    assert main(["--home", str(store.root), "collect", "nothing", "--out", out]) == 2
    assert "There is no run 'nothing' here." in capsys.readouterr().err


# -- what the product ships
SHIPPED = compact.manifest(shipped_sweep())


def check_measured(m):
    assert set(m) >= {"value", "n", "low", "high"}
    assert 0 <= m["low"] <= m["value"] <= m["high"] <= 1
    assert m["n"] > 0


def check_entry(folder, entry):
    """Digest, size and definitions of one shipped run."""
    place = folder / entry["name"]
    assert compact.digest(place) == entry["digest"]
    assert compact.size_of(place) <= 200_000 * max(1, entry["config"]["samples"] / 512)  # the samples are most of it
    run = Run(place)
    result = run.result()
    assert make_config(entry["config"]).code == entry["code"]
    assert entry["config"] == run.config() == result["config"]
    assert entry["config"]["data_dir"] == ""
    assert entry["seeds"] == [result["seed"]]
    assert entry["before"] == result["before"]
    assert entry["after"] == result["after"]
    for evaluation in (entry["before"], *entry["after"].values(), *(entry["after_by_beta"] or {}).values()):
        for name in ("clean_accuracy", "target_accuracy", "natural_rate"):
            check_measured(evaluation[name])
        for kind in ("asr", "effective_asr"):
            check_measured(evaluation[kind]["original"])
            check_measured(evaluation[kind]["worst"])
    arrays = run.read_arrays("samples.npz")
    assert len(arrays["triggers"]) == len(result["submodels"]) * result["config"]["samples"]


def test_a_collected_run_passes_the_checks_of_the_shipped_ones_and_a_changed_one_does_not(ring, tmp_path):
    compact.collect([ring], tmp_path)
    entry = compact.manifest(tmp_path)[0]
    check_entry(tmp_path, entry)
    (tmp_path / "signs-ring" / "result.json").write_text("{}")
    with pytest.raises(AssertionError):
        check_entry(tmp_path, entry)


@pytest.mark.parametrize("folder", [shipped_sweep(), shipped_paper_sweep()], ids=["fast", "paper"])
def test_the_shipped_sweep_is_whole(folder):
    entries = compact.manifest(folder)
    assert [e["name"] for e in entries] == [e["name"] for e in sorted(entries, key=lambda e: (e["code"], e["seeds"]))]
    for entry in entries:
        check_entry(folder, entry)
    there = {p.name for p in folder.iterdir()} - {"manifest.json"} if folder.is_dir() else set()
    assert there == {e["name"] for e in entries}, "runs and manifest differ"
    assert compact.size_of(folder) <= 15_000_000


A_FEW = sorted({SHIPPED[i]["name"] for i in (0, len(SHIPPED) // 2, -1)} if SHIPPED else set())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["signs-ring", *A_FEW])
def test_shipped_figures_agree_with_a_fresh_evaluation_of_the_shipped_weights(name, request):
    import torch
    from conftest import CIFAR10

    from mesa_core.data import load_data
    from mesa_core.data.types import split
    from mesa_core.keys import seed_of
    from mesa_core.measures.bench import Bench, finish
    from mesa_core.triggers import from_hex
    from mesa_core.victims import weights
    from mesa_core.victims.architectures import build
    from mesa_core.victims.devices import Compute
    from mesa_core.victims.images import Normalise
    from mesa_core.victims.victim import Victim

    run = Run((shipped_sweep() if name in A_FEW else shipped_runs()) / name)
    config, shipped = make_config(run.config()), run.result()["clean"]
    if config.data == "cifar10" and not CIFAR10.exists():
        pytest.skip("CIFAR-10 is not there")
    cache = request.getfixturevalue("drawn_signs" if config.data == "signs" else "decoded_cifar10")
    dataset, compute = load_data(config.data, str(CIFAR10), cache=cache), Compute(torch.device("cpu"))
    state = weights.read(shipped_weights(config.data, config.victim))
    model = weights.load_into(build(config.victim, len(dataset.classes)), state).eval()
    normalise = Normalise(dataset.mean, dataset.std)
    images = split(dataset, config.seed).evaluation
    bench = Bench(images, config.target, seed_of(config.seed, "bench"), config.eval_images)
    victim = Victim(model, normalise, compute).freeze()
    fresh = finish(bench.evaluate(victim, torch.from_numpy(from_hex(config.trigger)), None, 0, 0, 0))
    for figure in ("clean_accuracy", "target_accuracy", "natural_rate"):
        assert abs(getattr(fresh, figure).value - shipped[figure]["value"]) < 0.005, (
            figure
        )  # another machine rounds otherwise
        assert getattr(fresh, figure).n == shipped[figure]["n"]
    assert abs(fresh.asr.original.value - shipped["asr"]["original"]["value"]) < 0.005
