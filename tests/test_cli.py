import json

import pytest

from mesa_core.cli import main
from mesa_core.config import params

SPELT_DIFFERENTLY = {"trigger", "suspect", "detect"}


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
        ["run", "--trigger", "ff0000"],
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


def test_json_is_one_document_and_all_else_goes_to_stderr(tmp_path, capsys, tiny_data):
    words = "run --data signs --measure tiny --mesa-steps 4 --hidden 32 --attack-epochs 0.1 --attack-took 0 --repair-epochs 0.1"
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
