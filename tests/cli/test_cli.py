import json

import pytest

from mesa_core.cli import main
from mesa_core.config import params
from mesa_core.store.shipped import shipped_weights

SPELT_DIFFERENTLY = {"trigger", "suspect", "suspect_digest", "units", "detect"}


def test_every_parameter_has_a_flag(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = capsys.readouterr().out
    for name in params():
        if name not in SPELT_DIFFERENTLY:
            assert "--" + name.replace("_", "-") in text, name


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--code", "512"],
        ["run", "--alpha", "-1"],
        ["run", "--trigger", "ff0000", "00ff00"],
        ["run", "--trigger", *["fff"] * 10],
        ["run", "--beta", "2"],
        ["run", "--resume", "../x"],
        ["runs", "nothing"],
        ["landscape", "--run", "nothing"],
        ["detect", "--weights", "nothing.pt", "--arch", "resnet18"],
        ["data", "cifar10"],
    ],
)
def test_bad_requests_are_one_sentence_and_leave_nothing(words, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("MESA_LAB_DATA", raising=False)
    assert main(["--home", str(tmp_path / "home"), *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert not (tmp_path / "home" / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--code", "600"], "Codes name 3x3 triggers; give a larger one by its colours, with --trigger."),
        (["--trigger", " ".join(["fff"] * 10)], "A trigger is 1, 4, 9, 16, 25, 36, 49, 64 or 256 hex colours"),
    ],
)
def test_a_trigger_of_no_size_is_told_what_to_give(words, said, tmp_path, capsys):
    assert main(["--home", str(tmp_path), "run", "--data", "signs", *words]) == 2
    assert said in capsys.readouterr().err


def test_prepared_runs_are_shown_by_name_and_of_their_networks_it_is_said_that_they_are_not_shipped(tmp_path, capsys):
    assert main(["--home", str(tmp_path), "runs", "signs-ring"]) == 0
    assert "MESA" in capsys.readouterr().out
    for words in (["places", "--run"], ["landscape", "--run"], ["reference", "--run"]):
        assert main(["--home", str(tmp_path), *words, "signs-ring"]) == 2
        assert "its networks are not shipped" in capsys.readouterr().err
    assert main(["--home", str(tmp_path), "runs", "signs-rings"]) == 2
    assert "There is no run" in capsys.readouterr().err


@pytest.mark.slow
def test_json_is_one_document_and_all_else_goes_to_stderr(tmp_path, capsys, tiny_data):
    words = "run --data signs --measure tiny --mesa-steps 4 --mesa-batch 16 --hidden 32 --attack-epochs 0.1 --attack-took 0 --repair-epochs 0.1"
    code = main(
        [
            "--home",
            str(tmp_path),
            *words.split(),
            "--baselines",
            "--precision",
            "fp32",
            "--memory",
            "nchw",
            "--name",
            "x",
            "--json",
        ]
    )
    said = capsys.readouterr()
    assert code == 0
    assert json.loads(said.out)["config"]["measure"] == "tiny"
    assert "Finished" in said.err
    assert main(["--home", str(tmp_path), "runs", "x"]) == 0
    assert "MESA" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(("threshold", "repaired"), [("1", False), ("0", True)])
def test_a_brought_network_is_searched_and_repaired_only_where_something_is_found(
    threshold, repaired, tmp_path, capsys, tiny_data, brief_search
):
    words = (
        "detect --size 3 --search-places anywhere --arch resnet9-16 --data signs --measure tiny --mesa-steps 3 --hidden 32 --detect-steps 2 "
        "--repair-epochs 0.1 --repair-steps 2 --repair-rounds 2 --mesa-batch 16 --precision fp32 --memory nchw --name x --json"
    )
    weights = str(shipped_weights("signs", "resnet9-16"))
    code = main(["--home", str(tmp_path), *words.split(), "--weights", weights, "--detect-threshold", threshold])
    said = capsys.readouterr()
    assert code == 0, said.err
    result = json.loads(said.out)
    assert (result["detection"]["target"] is not None) == repaired
    assert (result["after"] is not None) == repaired
    assert (tmp_path / "runs" / "x" / "weights" / "repaired.safetensors").exists() == repaired
    assert result["clean"] is None


def test_the_words_of_a_sweep_are_read():
    from mesa_core.cli import flags
    from mesa_core.config import ConfigError
    from mesa_core.sweeps.grid import SETS

    assert flags.values("alpha", ["0", "0.1"]) == [0.0, 0.1]
    assert flags.values("--beta", ["0.5,0.8", "0.9"]) == [[0.5, 0.8], [0.9]]
    assert flags.values("repair-decay", ["true"]) == [True]
    assert len(flags.codes(["orbits", "511"], SETS)) == 52
    for bad in (
        lambda: flags.values("nonsense", ["1"]),
        lambda: flags.values("seed", ["x"]),
        lambda: flags.codes(["600"], SETS),
    ):
        with pytest.raises(ConfigError):
            bad()


def test_rows_have_names_that_people_read():
    from mesa_core.words import named

    assert named("after.point_2") == "point defence, seed 2"
    assert named("after.beta.0.5") == "MESA, β = 0.5 alone"
    assert named("after.mesa") == "MESA"
