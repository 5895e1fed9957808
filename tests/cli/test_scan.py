"""`mesa-lab scan`: many networks, a table, CSV, JSON, and an exit status that says whether anything was found."""

import csv
import io
import json
import shutil

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from mesa_core.cli import build_parser, main
from mesa_core.cli.scan import Scanned, as_csv, as_table, configured, status_of
from mesa_core.config import ConfigError, make_config
from mesa_core.config.identity import identity_of
from mesa_core.config.settle import ready, settle
from mesa_core.data.types import ImageSet, make_dataset, split_brought
from mesa_core.store import Store
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims.architectures import build

QUICK = [
    "--size",
    "3",
    "--search-places",
    "anywhere",
    "--arch",
    "resnet9-16",
    "--data",
    "signs",
    "--measure",
    "tiny",
    "--mesa-steps",
    "3",
    "--mesa-batch",
    "16",
    "--hidden",
    "32",
    "--detect-steps",
    "2",
    "--repair-epochs",
    "0.1",
    "--repair-steps",
    "2",
    "--repair-rounds",
    "2",
    "--precision",
    "fp32",
    "--memory",
    "nchw",
    "--baselines",
]


def rows():
    return [
        Scanned("a/model.pt", "found", 3, "cat", 0.98, 0.93, False, 0.2, 0.91, "/r/repaired.safetensors", "run-1"),
        Scanned("=b.pt", "nothing found", effective_asr=0.01, accuracy=0.92),
        Scanned("c.pt", "not scanned", why="c.pt is a folder."),
    ]


def test_the_status_says_what_was_found():
    found, nothing, failed = rows()
    assert status_of([nothing]) == 0
    assert status_of([nothing, failed]) == 1
    assert status_of([failed, found, nothing]) == 3


def test_table_and_csv_hold_every_network_and_every_reason():
    table = as_table(rows())
    for word in (
        "a/model.pt",
        "class 3 (cat)",
        "NOT HEALED",
        "c.pt is a folder.",
        "1 of 2 networks that were scanned. 1 was not scanned.",
    ):
        assert word in table
    read = list(csv.DictReader(io.StringIO(as_csv(rows()))))
    assert [row["verdict"] for row in read] == ["found", "nothing found", "not scanned"]
    assert read[1]["file"] == "'=b.pt", "no formula"
    assert read[0]["effective_asr"] == "0.98"


@pytest.mark.slow
def test_networks_are_scanned_one_after_another(tmp_path, capsys, tiny_data, brief_search):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
    good, bad = tmp_path / "a" / "model.safetensors", tmp_path / "b" / "model.safetensors"
    shutil.copy(shipped_weights("signs", "resnet9-16"), good)
    torch.manual_seed(0)
    save_file({k: v.contiguous() for k, v in build("resnet9-16", 10).state_dict().items()}, bad)
    files = [str(good), str(bad), str(tmp_path / "none.pt")]
    home = ["--home", str(tmp_path / "home")]
    code = main([*home, "scan", *files, *QUICK, "--detect-threshold", "1", "--json"])
    told = capsys.readouterr()
    first, second, third = json.loads(told.out)["scanned"]
    assert (first["verdict"], second["verdict"], third["verdict"]) == ("nothing found", "not scanned", "not scanned")
    assert "model.safetensors" in second["why"]
    assert "no weights file" in third["why"]
    assert code == 1
    assert main([*home, "scan", str(good), *QUICK, "--detect-threshold", "1"]) == 0
    assert "nothing found" in capsys.readouterr().out
    code = main([*home, "scan", str(good), *QUICK, "--detect-threshold", "0", "--csv"])
    told = capsys.readouterr()
    row = next(csv.DictReader(io.StringIO(told.out)))
    assert code == 3, told.err
    assert row["healed"] in ("True", "False")
    assert ("The repair holds" in told.err) == (row["healed"] == "True")
    assert ("THE REPAIR FAILED" in told.err) == (row["healed"] == "False")
    assert "The repair changed the accuracy by" in told.err
    assert torch.isfinite(torch.tensor(float(row["accuracy_after"])))


def test_a_file_that_is_no_network_is_a_line_with_its_reason(tmp_path, capsys):
    (tmp_path / "x.pt").write_bytes(b"x")
    assert main(["--home", str(tmp_path / "home"), "scan", str(tmp_path / "x.pt"), "--data", "signs"]) == 1
    told = capsys.readouterr()
    assert "not scanned" in told.out
    assert "x.pt" in told.err


def sought(tmp_path, *words):
    """(places, sizes, size) of what a scan asked for with these words looks for."""
    file = tmp_path / "x.pt"
    file.write_bytes(b"x")
    parsed = build_parser().parse_args(["scan", str(file), "--data", "signs", "--arch", "resnet18", *words])
    config = configured(parsed, file, Store(tmp_path))
    return config.search_places, config.search_sizes, config.size


def test_without_a_word_every_place_and_size_is_searched(tmp_path):
    assert sought(tmp_path) == ("anywhere,tiles", "3,5", 3)


def test_the_help_tells_what_a_scan_does_without_a_word():
    (verbs,) = (a for a in build_parser()._actions if a.choices and "scan" in a.choices)
    told = {a.dest: a.help for a in verbs.choices["scan"]._actions}
    assert told["search_places"].endswith("Default: plan.")
    assert told["search_sizes"].endswith("Default: small-to-large.")
    assert told["repair_rounds"].endswith("Default: 4.")
    run = {a.dest: a.help for a in verbs.choices["run"]._actions}
    assert run["search_places"].endswith("Default: anywhere."), "which a run does not"


def test_a_size_that_is_named_is_the_only_one(tmp_path):
    assert sought(tmp_path, "--size", "4") == ("anywhere,tiles", "", 4)
    assert sought(tmp_path, "--size", "3", "--search-places", "anywhere") == ("anywhere", "", 3)
    assert sought(tmp_path, "--size", "3", "--search-sizes", "2,3")[1] == "2,3"


def test_a_folder_is_told_from_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match="is a folder; name the networks in it"):
        configured(build_parser().parse_args(["scan", str(tmp_path), "--data", "signs"]), tmp_path, Store(tmp_path))


def test_two_networks_of_one_name_are_two_questions(tmp_path):
    asked = []
    for place in ("a", "b", "c"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "model.pt").write_bytes(b"same" if place == "c" else place.encode())
        said = {"data": "signs", "suspect": str(tmp_path / place / "model.pt"), "victim": "resnet18"}
        asked.append(identity_of(ready(settle(said, tmp_path), tmp_path)))
    assert asked[0] != asked[1]
    (tmp_path / "c" / "model.pt").write_bytes(b"a")
    again = identity_of(ready(settle({**said}, tmp_path), tmp_path))
    assert again == asked[0], "the same network in another folder is the same question"
    assert make_config(data="signs").to_dict().get("suspect_digest") is None


def test_a_brought_network_gives_the_defender_all_images_but_those_that_evaluate():
    def part(first, count):
        numbers = torch.arange(first, first + count)
        images = torch.zeros(count, 3, 16, 16, dtype=torch.uint8)
        images[:, 0, 0, 0], images[:, 1, 0, 0] = numbers % 256, numbers // 256
        return ImageSet(images, numbers % 4)

    groups = torch.arange(133) // 10
    for own in (None, groups):
        data = make_dataset("x", tuple("abcd"), part(0, 667), part(667, 133), groups=own)
        parts = split_brought(data, 3)
        sides = [{tuple(p) for p in one.images[:, :2, 0, 0].tolist()} for one in (parts.defender, parts.evaluation)]
        assert not sides[0] & sides[1]
        assert len(sides[0] | sides[1]) == 800
        assert len(parts.evaluation) == 133
    data = make_dataset("x", tuple("abcd"), part(0, 100), part(100, 400), groups=torch.arange(400) // 10)
    parts = split_brought(data, 3)
    numbers = parts.evaluation.images[:, 0, 0, 0].long() + 256 * parts.evaluation.images[:, 1, 0, 0].long()
    own = set(((numbers - 100) // 10).tolist())
    assert len(parts.evaluation) == 10 * len(own) == 100, "whole groups"


def test_data_says_classes_counts_examples_and_what_was_skipped(tmp_path, capsys):
    for name in ("2", "10"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for i in range(120):
            Image.new("RGB", (8, 8)).save(tmp_path / "in" / name / f"{name}-{i}.png")
    (tmp_path / "in" / "2" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "in" / "notes.txt").write_bytes(b"x")
    words = [
        "--home",
        str(tmp_path / "home"),
        "data",
        "folder",
        "--data-dir",
        str(tmp_path / "in"),
        "--image-size",
        "28",
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    for word in ("28 x 28", "2-0.png", "Thumbs.db", "notes.txt", "2 is label 0, 10 label 1", "--classes"):
        assert word in said, word
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["classes"], told["size"]) == (["2", "10"], 28)
    assert sum(told["each"]["train"]) + sum(told["each"]["test"]) == 240
    assert {one["why"] for one in told["skipped"]} == {"left there by the system", "not a picture"}
