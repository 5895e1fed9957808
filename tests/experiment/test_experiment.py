"""The whole way on a few hundred images: events, result, resume, Stop, an attack that does not take."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import Command
from PIL import Image
from small_sweep import LEAST

from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.cli.console import table
from mesa_core.config import make_config
from mesa_core.experiment import context, execute
from mesa_core.experiment.context import Context
from mesa_core.measures import breadth
from mesa_core.store import Run, Store, checks
from mesa_core.victims.devices import Compute
from mesa_core.victims.windows import Local

ROOT = Path(__file__).resolve().parents[2]
TINY = {**LEAST, "data": "signs", "mesa_steps": 12}
M = {"value", "n", "low", "high"}


def go(store: Store, name: str, **more):
    run = store.create(make_config({**TINY, **more}).to_dict(), name)
    seen: list[ev.Event] = []
    return run, execute(run, store, seen.append), seen


def figures(result):
    return {k: v for k, v in result.items() if k not in ("timings", "reused", "hardware", "versions")}


@pytest.fixture(scope="module")
def first(tmp_path_factory, tiny_signs) -> Run:
    """A finished run in a store of its own; to be read, or copied with its store."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(context, "load_data", lambda *_, **__: tiny_signs)
        run, state, _ = go(Store(tmp_path_factory.mktemp("first")), "one")
    assert state == "finished"
    return run


def copied(run: Run, place: Path) -> Store:
    """A store that holds what the run's store holds."""
    return Store(shutil.copytree(run.path.parent.parent, place))


@pytest.mark.slow
def test_a_run_ends_with_the_result_that_is_promised(store, tiny_data):
    run, state, seen = go(store, "one", baselines=["point", "random", "ideal", "control"], repair_each_beta=True)
    assert state == "finished", [e for e in seen if isinstance(e, ev.Failed)]
    result = run.result()
    assert {"config", "seed", "hardware", "versions", "timings", "clean", "before", "after", "after_by_beta"} <= set(
        result
    )
    assert set(result["after"]) == {"mesa", "point", "random", "ideal", "control"}
    assert set(result["after_by_beta"]) == {"0.5", "0.8", "0.9"}
    for e in (result["clean"], result["before"], *result["after"].values()):
        assert set(e["clean_accuracy"]) == M
        for part in ("original", "sampled", "worst"):
            m = e["asr"][part]
            assert set(m) >= M
            assert 0 <= m["low"] <= m["value"] <= m["high"] <= 1
        assert 0 <= e["asr"]["worst"]["code"] < 512
    assert len(result["submodels"]) == 3
    assert result["target_known"]
    for name in result["after"]:
        change = result["after"][name]["change"]["asr_original"]
        was, now = (e["asr"]["original"]["value"] for e in (result["before"], result["after"][name]))
        assert abs(change["value"] - (now - was)) < 1e-5, "the trials of before and after are not the same"
    assert set(result["uniform_noise"]["precision"]) == {"0.5", "0.8", "0.9"}
    whole = run.outcome().submodels
    bare = [replace(one, dimensions=None, nested_axes=None, nested_svd=None) for one in whole]
    stored = checks.samples(run.read_arrays("samples.npz"), run.read_arrays("axes.npz"))
    assert bare != whole
    assert breadth.complete(bare, stored) == whole, "a run measures what an older one's samples would say"
    json.dumps(result, allow_nan=False)
    steps = [e.step for e in seen if isinstance(e, ev.Snapshot)]
    assert steps[0] == 0
    assert steps[-1] == 12
    frame = run.read_arrays(next(e.file for e in seen if isinstance(e, ev.Snapshot)))
    assert frame["triggers"].shape == (96, 27)
    assert frame["pca"].shape == frame["tsne"].shape == (96, 2)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures_and_another_does_not(first, tmp_path, tiny_data):
    found = [figures(first.result())]
    for i, seed in enumerate((0, 1)):
        run, state, _ = go(Store(tmp_path / str(i)), "one", seed=seed)
        assert state == "finished"
        found.append(figures(run.result()))
    assert found[0] == found[1]
    assert found[0]["before"] != found[2]["before"]


@pytest.mark.slow
def test_changing_beta_does_not_repeat_the_attack(first, tmp_path, tiny_data):
    run, _, seen = go(copied(first, tmp_path / "home"), "two", beta=[0.7])
    reused = {e.stage for e in seen if isinstance(e, ev.StageDone) and e.reused}
    assert {"attack", "before"} <= reused
    assert "mesa" not in reused
    assert run.result()["after"]["control"] is not None


@pytest.mark.slow
def test_a_damaged_stage_is_made_again(first, tmp_path, tiny_data):
    store = copied(first, tmp_path / "home")
    for file in store.stages.glob("attack-*/tensors.safetensors"):
        file.write_bytes(file.read_bytes()[:-5] + b"xxxxx")
    second, state, seen = go(store, "two")
    assert state == "finished"
    assert "attack" not in {e.stage for e in seen if isinstance(e, ev.StageDone) and e.reused}
    assert figures(first.result()) == figures(second.result())


def test_its_stages_compute_only_what_stamps_change(store, tiny_data, monkeypatch):
    through, asked = Local.__call__, {True: 0, False: 0}

    def counting(self, images, patches, at, *rule):
        asked[patches.requires_grad] += len(images)
        return through(self, images, patches, at, *rule)

    monkeypatch.setattr(Local, "__call__", counting)
    few = {"point_steps": 3, "mesa_steps": 5, "repair_epochs": 0.05}
    run, state, _ = go(store, "one", baselines=["point"], mesa_batch=85, **few)  # less is not worth a window
    assert state == "finished"
    c = make_config(run.config())
    assert asked[True] == 5 * 3 * c.mesa_batch + 3 * c.mesa_batch
    assert asked[False] > 2 * 512 * c.worst_images, "the worst of 512 before and after"


@pytest.mark.slow
def test_stop_ends_it_and_a_resume_finishes(store, tiny_data):
    run = store.create(make_config(TINY).to_dict(), "one")

    def stop(event):
        if isinstance(event, ev.Progress) and event.stage == "mesa":
            run.request("stop")

    assert execute(run, store, stop) == "stopped"
    assert run.state() == "stopped"
    assert run.result() is None
    run.request("run")
    assert execute(run, store) == "finished"


def test_a_stop_that_came_before_the_start_is_heard(store, tiny_data):
    run = store.create(make_config(TINY).to_dict(), "one")
    run.request("stop")
    assert execute(run, store) == "stopped"
    run.request("run")
    assert execute(run, store) == "finished"


def test_too_few_images_to_measure_on_are_said_before_any_work(store, tiny_data):
    _, state, seen = go(store, "one", eval_images=2)
    assert state == "failed"
    assert "give more images" in seen[-1].message
    assert not any(isinstance(e, ev.StageBegun) and e.stage == "attack" for e in seen)


def test_an_attack_that_did_not_take_is_said_and_nothing_is_repaired(store, tiny_data):
    run, state, seen = go(store, "one", attack_epochs=0.0, attack_took=0.9)
    assert state == "finished"
    assert run.result()["after"] is None
    assert any("did not take" in e.text for e in seen if isinstance(e, ev.Note))


def test_a_target_that_is_not_there_is_one_sentence(store, tiny_data):
    _, state, seen = go(store, "one", target=99)
    assert state == "failed"
    assert "0 to 9" in seen[-1].message


def test_detection_uses_its_own_verdict(store, tiny_data):
    run, state, seen = go(store, "one", detect=True, detect_steps=3, detect_threshold=1.0)
    assert state == "finished"
    result = run.result()
    assert result["target_known"] is False
    assert len(result["detection"]["classes"]) == 10
    assert result["detection"]["target"] is None
    assert result["after"] is None
    kept = run.read_arrays("detect.npz")
    assert kept["triggers"].shape == (10, 64, 27)
    assert kept["triggers"].dtype == np.uint8
    for i, one in enumerate(result["detection"]["classes"]):
        assert kept["asr"][i].mean() == pytest.approx(one["asr"]["value"], abs=1e-5)
        assert kept["hits"][i] / kept["images"][i] == pytest.approx(one["asr"]["value"], abs=1e-5)
    assert run.read_arrays("detect-live.npz")["triggers"].shape == (10, 16, 27)
    live = [e for e in seen if isinstance(e, ev.Progress) and "class_asr_9" in e.metrics]
    assert live
    assert max(live[-1].metrics[f"class_asr_{i}"] for i in range(10)) == pytest.approx(
        live[-1].metrics["highest"], abs=1e-4
    )
    _, again, _ = go(store, "two", detect=True, detect_steps=3, detect_threshold=1.0)
    assert again == "finished"
    found = store.open("two")
    assert "detect" in found.result()["reused"]
    assert (found.read_arrays("detect.npz")["triggers"] == kept["triggers"]).all()


def test_the_shipped_clean_victim_can_be_examined_without_naming_a_path(store, tiny_data):
    run, state, _ = go(store, "clean", suspect="shipped", detect_steps=2, detect_threshold=1.0)
    assert state == "finished"
    result = run.result()
    assert result["detection"]["target"] is None
    assert result["before"]["clean_accuracy"]["value"] > 0.9
    _, state, seen = go(store, "none", suspect="shipped", victim="resnet9-64")
    assert state == "failed"
    assert "No clean weights are shipped" in seen[-1].message


@pytest.mark.slow
def test_killed_in_every_stage_it_ends_with_the_same_figures(tmp_path, tiny_signs):
    """SIGKILL, on an image folder; settings are resolved once and obeyed. The real command begins one and ends both."""
    folder = tmp_path / "images"
    for part, images in (("train", tiny_signs.train), ("test", tiny_signs.test)):
        for i, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
            (folder / part / f"c{int(label)}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / part / f"c{int(label)}" / f"{i}.png")
    flags = {k: v for k, v in TINY.items() if k not in ("data", "eval_images")} | {"baselines": ["point", "control"]}
    words = ["--data", "folder", "--data-dir", str(folder), "--clean-epochs", "2", "--eval-images", "0"]
    for key, value in flags.items():
        words += ["--" + key.replace("_", "-"), *map(str, value if isinstance(value, list) else [value])]

    def command(home: str, *more: str) -> list[str]:
        return [sys.executable, "-m", "mesa_core", "--home", str(tmp_path / home), "run", *more]

    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    subprocess.run(command("calm", *words, "--name", "one"), env=environment, check=True, capture_output=True)
    more = [*words, "--name", "one"]
    stages = ("data", "victim", "attack", "before", "mesa", "measure", "repair.mesa", "after.mesa", "point")
    for stage in (*stages, "repair.control", "after.control"):
        file = Store(tmp_path / "rough").runs / "one" / "events.jsonl"
        known = file.read_text().count("\n") if file.exists() else 0  # what was begun in this round counts
        process = Command(command("rough", *more)[3:])
        until = time.monotonic() + 600
        begun = 0
        while time.monotonic() < until and not begun:
            ended = process.poll() is not None  # asked before reading, so that the last lines are not missed
            lines = file.read_text().splitlines()[known:] if file.exists() else []
            begun = sum(f'"type":"StageBegun","stage":"{stage}"' in line for line in lines)
            if ended:
                break
            time.sleep(0.01)
        assert begun, f"{stage} never began"
        process.kill()
        process.wait()
        more = ["--resume", "one"]
    subprocess.run(command("rough", *more), env=environment, check=True, capture_output=True)
    calm, rough = (Store(tmp_path / home).open("one").result() for home in ("calm", "rough"))
    assert figures(calm) == figures(rough)
    numbers = [json.loads(line)["n"] for line in file.read_text().splitlines()]
    assert numbers == list(range(len(numbers)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_attack_mesa_and_repair_on_cuda(store, tiny_data):
    run, state, _ = go(store, "one", device="cuda", precision="bf16", memory="nhwc")
    assert state == "finished"
    assert run.result()["hardware"]["device"] == "cuda"
    assert np.isfinite(run.result()["after"]["mesa"]["asr"]["original"]["value"])


@pytest.mark.slow
def test_a_4x4_trigger_runs_end_to_end(large_run):
    result = large_run.result()
    assert set(result["after"]) == {"mesa", "point", "random", "uniform", "neural_cleanse", "ideal", "control"}
    for e in (result["clean"], result["before"], *result["after"].values()):
        worst = e["asr"]["worst"]
        assert worst["code"] in triggers.panel_codes(4)
        assert worst["of"] == "512 drawn"
    assert set(result["recall"].values()) == {None}, "against a draw recall means nothing"
    assert all(m["n"] == 32 for m in result["precision"].values())
    assert large_run.read_arrays("samples.npz")["triggers"].shape == (96, 48)
    axes = large_run.read_arrays("axes.npz")
    assert axes["codes_asr"].shape == (512,)
    assert axes["pca"].shape == axes["tsne"].shape == (512, 2)
    marks = {e.name: e.trigger for _, e in large_run.events() if isinstance(e, ev.Mark)}
    assert {len(trigger.split()) for trigger in marks.values()} == {16}
    assert {"original", "inverse", "point"} <= set(marks)
    for one in result["submodels"]:
        assert all(len(mode["trigger"].split()) == 16 for mode in one["modes"])
    assert "worst of 512 drawn" in table(large_run.outcome())


@pytest.mark.slow
def test_particles_walk_in_a_larger_box_and_a_stopped_run_goes_on(store, tiny_data):
    more = {"kind": "particles", "particles": 32, "trigger": "#ff0000 " * 25, "repair_epochs": 0.05}
    run = store.create(make_config({**TINY, **more}).to_dict(), "one")

    def stop(event):
        if isinstance(event, ev.Progress) and event.stage == "mesa":
            run.request("stop")

    assert execute(run, store, stop) == "stopped"
    run.request("run")
    assert execute(run, store) == "finished"
    assert run.read_arrays("samples.npz")["triggers"].shape == (96, 75)
    assert run.result()["recall"]["0.5"] is None


@pytest.mark.slow
def test_flows_know_their_entropy_and_can_be_mixed_by_it(store, tiny_data):
    more = {"kind": "flow", "particles": 32, "baselines": [], "beta": [0.001, 0.003]}  # both stay
    results = [go(store, gamma, gamma=gamma, **more)[0].result() for gamma in ("uniform", "entropy")]
    plain, weighed = results
    assert [one["density"]["method"] for one in plain["submodels"]] == ["density"] * len(plain["submodels"])
    assert sum(plain["gamma_exact"]) == pytest.approx(1)
    assert weighed["gamma"] == plain["gamma_exact"] != plain["gamma"]
    assert "mesa" in weighed["reused"], "how they are mixed changes no sub-model"


@pytest.mark.slow
def test_a_suspect_is_searched_for_triggers_of_the_configured_size(store, tiny_data):
    keys, widths = {}, {}
    for name, count in (("small", 9), ("large", 16)):
        more = {"suspect": "shipped", "detect_steps": 2, "detect_threshold": 1.0, "trigger": "#fff " * count}
        run, state, seen = go(store, name, **more)
        assert state == "finished"
        keys[name] = next(e.key for e in seen if isinstance(e, ev.StageDone) and e.stage == "detect")
        widths[name] = run.read_arrays("detect.npz")["triggers"].shape[2]
    assert widths == {"small": 27, "large": 48}
    assert keys["small"] != keys["large"], "a verdict on 3x3 triggers is none on 4x4 ones"


def test_recipes_of_3x3_say_nothing_of_the_size(store):
    for count, said in ((9, {}), (16, {"size": 4})):
        config = make_config({**TINY, "trigger": "#fff " * count})
        lab = Context(config, Compute(torch.device("cpu")), store, store.create(config.to_dict(), f"run-{count}"))
        assert lab.sized == said
