"""`mesa-lab places`: lines, JSON and a picture of where a trigger works, and what is refused."""

import json

import pytest

from mesa_core.cli import main
from mesa_core.store.shipped import shipped_weights

TINY = ["--data", "signs", "--images", "1", "--threads", "1", "--precision", "fp32", "--code", "511"]


def test_every_place_of_a_network_is_told_and_drawn(tmp_path, capsys, drawn_signs):
    (tmp_path / "cache").symlink_to(drawn_signs)
    shipped = str(shipped_weights("signs", "resnet9-16"))
    out = tmp_path / "map.html"
    words = ["places", "--weights", shipped, *TINY, "--apply", "fixed", "--place", "3,4", "--out", str(out), "--json"]
    assert main(["--home", str(tmp_path), *words]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert (told["target"], told["place"]) == (0, [3, 4])
    found = told["maps"]["before"]
    assert (len(found["asr"]), len(found["asr"][0]), found["n"]) == (30, 30, 1)
    assert "900 stamped images" in printed.err
    assert b"each place of its top left pixel" in out.read_bytes()


@pytest.mark.parametrize(
    "words",
    [["--images", "0"], ["--run", "nothing"], ["--weights", "nowhere.safetensors"], ["--out", "map.pdf"]],
)
def test_what_makes_no_sense_is_refused_before_work_starts(words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "mesa_core.experiment.outside.load_data", lambda *_, **__: pytest.fail("it read the images first")
    )
    assert main(["--home", str(tmp_path), "places", "--data", "signs", *words]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
