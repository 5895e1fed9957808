"""What somebody adds from a file of his own, with one line for each, goes the whole way."""

import os
import subprocess
import sys

import pytest
import torch
from serving import ROOT

from mesa_core import events as ev
from mesa_core.apply import RULES
from mesa_core.cli import main
from mesa_core.config import ConfigError, make_config
from mesa_core.config.settle import settle
from mesa_core.data.sources import SOURCES, Source
from mesa_core.defences import DEFENCES, Defence, Mark
from mesa_core.experiment import execute
from mesa_core.kinds import KINDS, Kind
from mesa_core.store import Store
from mesa_core.victims.names import ARCHITECTURES

OWN = "tests.extending.own"
CLASSES = tuple(f"shade {i}" for i in range(12))
ADDED = {
    "data": (SOURCES, "shades", Source("shades", f"{OWN}:shades", CLASSES)),
    "victim": (ARCHITECTURES, "two-layers", f"{OWN}:two_layers"),
    "apply": (RULES, "corner", f"{OWN}:Corner"),
    "kind": (KINDS, "noise", Kind(f"{OWN}:Noise", density=True)),
    "baselines": (
        DEFENCES,
        "white",
        Defence("white squares", "a white square", "white", f"{OWN}:white", Mark("square", 1)),
    ),
}
TINY = {
    "target": 11, "clean_epochs": 3, "attack_epochs": 4.0, "attack_ratio": 0.4, "attack_lr": 0.02, "attack_batch": 16,
    "attack_took": 0.0, "mesa_steps": 3, "mesa_batch": 4, "particles": 16, "repair_epochs": 0.5, "samples": 8,
    "sample_images": 4, "worst_images": 1, "landscape_images": 1, "snapshot_samples": 8, "measure": "tiny",
    "device": "cpu", "precision": "fp32", "memory": "nchw", "threads": 1,
}  # fmt: skip


@pytest.fixture
def added():
    for registry, name, entry in ADDED.values():
        registry.register(name, entry)
    yield
    for registry, name, _ in ADDED.values():
        registry.remove(name)


def finished(tmp_path, **said):
    store = Store(tmp_path)
    run, failed = store.create(make_config({**TINY, **said}).to_dict(), "own"), []
    state = execute(run, store, lambda event: failed.append(event) if isinstance(event, ev.Failed) else None)
    assert state == "finished", failed
    return run


def test_what_was_registered_and_is_not_there_is_one_sentence(tmp_path, capsys, monkeypatch, tiny_signs):
    monkeypatch.setattr("mesa_core.data.signs.load", lambda tell: tiny_signs)
    ARCHITECTURES.register("gone", "no_such_file:gone")
    try:
        store, told = Store(tmp_path), []
        said = {**TINY, "data": "signs", "victim": "gone", "target": 0}
        assert execute(store.create(make_config(said).to_dict(), "own"), store, told.append) == "failed"
        assert main(["--home", str(tmp_path), "train", "--data", "signs", "--victim", "gone", "--epochs", "1"]) == 2
    finally:
        ARCHITECTURES.remove("gone")
    sentence = (
        "no_such_file cannot be imported (No module named 'no_such_file'); is its file where Python looks for it?"
    )
    assert told[-1].message == sentence
    assert capsys.readouterr().err.strip().splitlines()[-1] == f"mesa-lab: {sentence}"
    assert not (store.runs / "own" / "error.txt").exists()


def test_a_run_of_nothing_but_added_things_goes_the_whole_way(added, tmp_path):
    own = {name: entry for name, (_, entry, _) in ADDED.items() if name != "baselines"}
    run = finished(tmp_path, **own, baselines=("white", "control"))
    result = run.result()
    assert result["data"]["classes"] == list(CLASSES)
    assert set(result["after"]) == {"mesa", "white", "control"}
    assert {one["kind"] for one in result["submodels"]} == {"noise"}
    assert [one["density"]["value"] for one in result["submodels"]] == [0.0] * 3
    assert result["config"]["apply"] == "corner"
    assert result["before"]["asr"]["original"]["n"] > 0
    from mesa_core.pictures.charts import evaluations
    from mesa_core.words import named

    assert [named(name) for name in evaluations(result)][-1] == "white squares"


@pytest.mark.parametrize("what", ADDED)
def test_without_its_line_it_is_refused_by_name(what):
    _, name, _ = ADDED[what]
    with pytest.raises(ConfigError, match=f"'{name}'"):
        make_config({what: (name,) if what == "baselines" else name})


def test_an_architecture_of_ones_own_is_named_on_the_command_line(tmp_path, capsys):
    from mesa_core.cli.parser import build_parser

    place = f"{OWN}:two_layers"
    with pytest.raises(ConfigError, match="choose one of"):
        make_config({"victim": place})  # as an address or a stored run might say it: nothing is imported
    try:
        assert build_parser().parse_args(["run", "--victim", place]).victim == place
        assert make_config({"victim": place}).victim == place
        with pytest.raises(SystemExit):
            build_parser().parse_args(["run", "--victim", "tests.extending.own:nothing"])
        assert "has no 'nothing'" in capsys.readouterr().err
    finally:
        ARCHITECTURES.remove(place)


def test_without_a_word_on_the_network_an_added_data_set_gets_the_usual_one(added, tmp_path):
    assert settle({"data": "shades"}, tmp_path).victim == "resnet9-16"
    assert settle({"data": "shades", "victim": "two-layers"}, tmp_path).victim == "two-layers"


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="already"):
        KINDS.register("mine", Kind("nowhere:Nothing"))
    with pytest.raises(ValueError, match="cannot name"):
        KINDS.register("My Kind", Kind("nowhere:Nothing"))


def test_the_rule_of_apply_is_part_of_every_key_but_for_the_papers_own(added):
    told = make_config({"data": "signs", "apply": "corner"}).to_dict()
    assert told["apply"] == "corner"
    assert "apply" not in make_config({"data": "signs", "apply": "anywhere"}).to_dict(), "older keys are as they were"


def test_a_rule_that_blends_has_the_gradient_of_its_blend():
    from tests.extending.own import Corner

    trigger = torch.rand(1, 3, 3, 3, requires_grad=True)
    stamped = Corner()(torch.zeros(4, 3, 8, 8), trigger.expand(4, -1, -1, -1), torch.zeros(4, 2, dtype=torch.int64))
    stamped.sum().backward()
    assert torch.allclose(trigger.grad, torch.full_like(trigger, 2.0))


def test_what_was_added_can_repair_too_and_stands_in_the_help(added):
    from mesa_core.cli.parser import build_parser

    parser = build_parser()
    assert parser.parse_args(["run", "--repair-kind", "noise"]).repair_kind == "noise"
    assert make_config({"repair_kind": "noise"}).repair_kind == "noise"
    run = next(a for a in parser._actions if a.choices and "run" in a.choices).choices["run"]
    told = next(a.help for a in run._actions if a.dest == "baselines")
    assert "white" in told.partition("Also:")[2]


def test_what_was_not_added_can_neither_repair_nor_be_in_the_help():
    with pytest.raises(ConfigError, match="choose one of same"):
        make_config({"repair_kind": "noise"})


def test_an_architecture_in_the_folder_where_one_is_needs_no_path(tmp_path):
    (tmp_path / "lying_here.py").write_text("def net(classes):\n    return None\n")
    said = "from mesa_core.cli.parser import build_parser; print(build_parser().parse_args(['run', '--victim', 'lying_here:net']).victim)"
    command = [sys.executable, "-P", "-c", said]  # -P: as an installed program, which does not look there by itself
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.stdout.strip() == "lying_here:net", done.stderr[-500:]
    (tmp_path / "lying_here.py").rename(tmp_path / "elsewhere.py")
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert "cannot be imported" in done.stderr


def test_a_run_of_what_is_no_longer_added_is_told_in_one_sentence(added, tmp_path, capsys):
    run = finished(tmp_path, data="shades", victim="two-layers", kind="noise")
    assert main(["--home", str(tmp_path), "runs", run.name]) == 0
    KINDS.remove("noise")
    capsys.readouterr()
    assert main(["--home", str(tmp_path), "runs", run.name]) == 2
    told = capsys.readouterr().err
    assert "choose one of" in told
    assert ".." not in told
