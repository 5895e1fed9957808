"""A network that somebody brings, the whole way: its units found, refused where it only guesses, taken home as it came."""

import dataclasses

import pytest
import torch
from small_sweep import LEAST

from mesa_core import events as ev
from mesa_core.brought import files, kept, networks
from mesa_core.config import make_config
from mesa_core.config.identity import identity_of
from mesa_core.config.settle import settle
from mesa_core.experiment import execute
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise

TINY = {**LEAST, "data": "signs", "mesa_steps": 4, "detect_steps": 2, "baselines": ["control"]}


def go(store, name, **more):
    run = store.create(make_config({**TINY, **more}).to_dict(), name)
    seen: list[ev.Event] = []
    return run, execute(run, store, seen.append), seen


def bytewise(data):
    """The shipped network for the signs, made to see pixels from 0 to 255, under the names of parallel training, in half precision."""
    state = weights.read(shipped_weights("signs", "resnet9-16"))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (data.mean, data.std))
    first = state["prep.conv.weight"]
    state["prep.norm.running_mean"] = state["prep.norm.running_mean"] + (first * mean / std).sum((1, 2, 3))
    state["prep.conv.weight"] = first / (255 * std)
    return {
        f"module.{k}": v.half() if v.is_floating_point() and k != "prep.conv.weight" else v for k, v in state.items()
    }


def right(path, data, normalise):
    model = networks.fit(files.read(path)).module()
    with torch.no_grad():
        answers = model(normalise.images(data.test.images[:200])).argmax(1)
    return (answers == data.test.labels[:200]).float().mean().item()


@pytest.mark.slow
def test_a_network_in_other_units_is_examined_in_its_own_and_goes_home_as_it_came(store, tiny_data, tmp_path):
    path = tmp_path / "theirs.pt"
    torch.save({"epoch": 90, "state_dict": bytewise(tiny_data)}, path)
    run, state, seen = go(store, "theirs", suspect=str(path), victim="resnet9-16", detect_threshold=0.0)
    assert state == "finished", [e for e in seen if isinstance(e, ev.Failed)]
    said = " ".join(e.text for e in seen if isinstance(e, ev.Note))
    assert "0-255" in said
    assert run.result()["before"]["clean_accuracy"]["value"] > 0.9
    healed = run.path / "weights" / "healed.pt"
    whole, before = (torch.load(p, weights_only=True) for p in (healed, path))
    assert whole["epoch"] == 90
    assert list(whole["state_dict"]) == list(before["state_dict"])
    assert {k: v.dtype for k, v in whole["state_dict"].items()} == {k: v.dtype for k, v in before["state_dict"].items()}
    assert any(not torch.equal(v, before["state_dict"][k]) for k, v in whole["state_dict"].items())
    theirs, ours = Normalise(std=(1 / 255,) * 3), Normalise(tiny_data.mean, tiny_data.std)
    assert right(healed, tiny_data, theirs) > 0.8
    assert right(healed, tiny_data, ours) < 0.7, "the negative control: in other units it would be lost"
    inside = kept.of(run.path / "weights" / "repaired.safetensors", ours)
    assert inside.normalise.std == pytest.approx((0.25,) * 3), "kept with a first layer that can be trained"


def test_a_network_that_only_guesses_is_not_searched(store, tiny_data, tmp_path):
    torch.manual_seed(0)
    torch.save(build("resnet9-16", len(tiny_data.classes)).state_dict(), tmp_path / "new.pt")
    _, state, seen = go(store, "new", suspect=str(tmp_path / "new.pt"), victim="resnet9-16")
    assert state == "failed"
    assert "no better than chance" in seen[-1].message
    assert not any(isinstance(e, ev.StageDone) and e.stage == "detect" for e in seen)


def test_another_number_of_classes_fails_before_any_work(store, tiny_data, tmp_path):
    torch.save(build("resnet9-16", 43).state_dict(), tmp_path / "signs43.pt")
    _, state, seen = go(store, "classes", suspect=str(tmp_path / "signs43.pt"), victim="resnet9-16")
    assert state == "failed"
    assert f"has 43 classes, the images {len(tiny_data.classes)}" in seen[-1].message


def test_two_networks_of_one_name_are_two_and_one_under_two_names_is_one(tmp_path):
    configs = []
    for folder, seed in (("a", 0), ("b", 1), ("c", 0)):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / ("model.pt" if folder != "c" else "copy.pt")
        torch.manual_seed(seed)
        torch.save({"w": torch.randn(3)}, path)
        path.write_bytes(path.read_bytes() if folder != "c" else (tmp_path / "a" / "model.pt").read_bytes())
        configs.append(settle({"data": "signs", "suspect": str(path), "victim": "resnet18"}, tmp_path))
    first, second, third = map(identity_of, configs)
    assert first != second
    assert first == third
    bare = [identity_of(dataclasses.replace(c, suspect_digest="")) for c in configs]
    assert bare[0] == bare[1], "the negative control: by their names alone they would be taken for one"


def test_a_file_that_changed_since_the_run_was_made_is_told(store, tiny_data, tmp_path):
    torch.save(bytewise(tiny_data), tmp_path / "a.pt")
    _, state, seen = go(store, "changed", suspect=str(tmp_path / "a.pt"), suspect_digest="0" * 24, victim="resnet9-16")
    assert state == "failed"
    assert "not the file any more" in seen[-1].message
