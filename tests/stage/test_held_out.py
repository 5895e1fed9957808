"""What is painted beside other data than the shipped signs: asked of the run's own networks, by the browser or the worker."""

import json
import shutil
import subprocess

import numpy as np
import other_data
import pytest
import torch
from exported import ASK, NODE, unpacked
from small_sweep import draw_signs

from mesa_core import cli, triggers
from mesa_core.data import load_data, split
from mesa_core.probe.answering import Probe
from mesa_core.probe.questions import Question
from mesa_core.stage import held_out
from mesa_core.stage.export import scripts
from mesa_core.victims import weights
from mesa_core.victims.architectures import build

RING, DARK = triggers.from_code(495), triggers.from_code(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return draw_signs(tmp_path_factory.mktemp("pictures"), train=60, test=150)


def asked(store, run):
    return held_out.pictures_of(Probe(store).answer(Question(**held_out.question(run))), run.config())


def test_the_pictures_are_evaluation_images_and_the_first_six_those_of_an_answer(store, folder):
    run = other_data.finished(store, folder)
    known = asked(store, run)
    parts = split(load_data("folder", folder, cache=store.cache), run.config()["seed"])
    has = lambda images, one: bool((images == torch.from_numpy(one)).flatten(1).all(1).any())
    assert all(has(parts.evaluation.images, one) for one in known.images)
    assert not any(has(parts.defender.images, one) for one in known.images), "the repair would have seen them"
    six = known.shown(known.target)
    assert len(six) == 6
    assert known.target not in known.labels[six]
    assert known.target in known.labels, "the target has a picture, too"
    flat = tuple(np.rint(RING * 255).astype(int).ravel().tolist())
    answer = Probe(store).answer(Question(run.name, (flat,), 6))
    assert (answer["clean"] == known.images[six]).all()
    assert (answer["corner"] == known.places[six]).all()


def test_a_small_network_answers_in_the_browser_and_others_are_asked_of_the_engine(store, folder):
    run = other_data.finished(store, folder)
    known = asked(store, run)
    assert set(held_out.in_browser(run, known)) == {"attacked", "repaired"}
    fixed = other_data.finished(store, folder, "fixed", apply="fixed", place="top-left")
    known_fixed = asked(store, fixed)
    assert held_out.in_browser(fixed, known_fixed)
    assert len({tuple(place) for place in known_fixed.places.tolist()}) == 1
    clear = other_data.finished(store, folder, "clear", opacity=0.5)
    assert held_out.in_browser(clear, asked(store, clear)) is None
    for net in ("attacked", "repaired"):
        weights.save(build("preact-resnet18", 10), run.path / "weights" / f"{net}.safetensors")
    assert held_out.in_browser(run, known) is None


@pytest.mark.skipif(NODE is None, reason="no node on this machine")
@pytest.mark.parametrize(("trigger", "opens"), [(RING, True), (DARK, False)])
def test_the_exported_page_answers_on_other_data_as_the_engine_does(store, folder, tmp_path, trigger, opens):
    run = other_data.finished(store, folder)
    out = tmp_path / "page.html"
    assert cli.main(["--home", str(store.root), "export", run.name, "--out", str(out)]) == 0
    header, arrays = unpacked(out.read_text("utf-8"))
    for name in ("pictures", "net_attacked", "net_repaired"):
        (tmp_path / name).write_bytes(arrays[name].tobytes())
    (tmp_path / "asked.json").write_text(json.dumps({
        "mean": header["mean"], "std": header["std"], "pictures": str(tmp_path / "pictures"), "places": header["places"],
        "inks": np.rint(trigger * 255).astype(int).ravel().tolist(), "how": "best",
    }))  # fmt: skip
    shares = {}
    for net in ("attacked", "repaired"):
        done = subprocess.run(
            [NODE, "-e", ASK, str(scripts() / "net.js"), str(tmp_path / f"net_{net}"), str(tmp_path / "asked.json")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = np.array(json.loads(done.stdout)["found"])
        flat = tuple(np.rint(trigger * 255).astype(int).ravel().tolist())
        theirs = Probe(store).answer(Question(run.name, (flat,), 6))
        name = {"attacked": "before", "repaired": "after"}[net]
        six = header["shown"]
        assert np.abs(found[six].max(1) - theirs[f"{name}_stamped_p"]).max() < 2e-3
        others = np.array(header["labels"]) != header["target"]
        shares[net] = (found[others].argmax(1) == header["target"]).mean()
    assert bool(shares["attacked"] > 0.5) is opens
    assert shares["repaired"] < 0.2


def test_the_command_says_why_a_page_cannot_answer(store, folder, tmp_path, capsys):
    run = other_data.finished(store, folder, opacity=0.5)
    words = ["--home", str(store.root), "export", run.name, "--out", str(tmp_path / "page.html")]
    assert cli.main(words) == 0
    assert "show through" in capsys.readouterr().err
    shutil.rmtree(run.path / "weights")
    assert cli.main(words) == 0
    assert "networks of this run are not on this machine" in capsys.readouterr().err
