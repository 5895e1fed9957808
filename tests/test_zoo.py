"""The zoo: its recipes, its halves, its figures on invented results, and one cell from end to end, tiny."""

import json
import sys

import pytest
import torch

from benchmarks import zoo, zoo_table
from mesa_core.measures.intervals import proportion
from mesa_core.measures.verdict import ClassFound, Detection


def test_there_are_72_networks_as_the_issue_lists_them():
    cells = zoo.cells()
    assert len({cell.name for cell in cells}) == 72
    for data in zoo.DATA:
        own = [cell for cell in cells if cell.data == data]
        assert len(own) == 36
        assert sum(not cell.attacked for cell in own) == 12
        assert {kind: sum(cell.kind == kind for cell in own) for kind in zoo.KINDS} == dict.fromkeys(zoo.KINDS, 3)
        assert {cell.kind for cell in own if not cell.attacked} == {"clean", "augmented", "little"}
        assert {cell.arch for cell in own} == set(zoo.ARCHS)


def test_the_halves_are_equal_always_the_same_and_have_every_kind():
    half = zoo.halves()
    assert half == zoo.halves()
    for data in zoo.DATA:
        for kinds in [(kind,) for kind in zoo.KINDS] + [("clean", "augmented", "little")]:
            own = [half[cell.name] for cell in zoo.cells() if cell.data == data and cell.kind in kinds]
            assert {"tuning", "judging"} == set(own)
    assert sorted(half.values()).count("tuning") == 36


@pytest.mark.parametrize("kind", zoo.KINDS)
def test_a_recipe_plants_what_its_name_says(kind):
    what = zoo.planted(zoo.Cell("signs", "resnet9-16", kind, 5), 10, 32)
    again = zoo.planted(zoo.Cell("signs", "resnet9-16", kind, 5), 10, 32)
    assert torch.equal(what.trigger, again.trigger)
    assert what.trigger.shape[-1] == {"2x2": 2, "5x5": 5, "shape": 5, "blended": 5}.get(kind, 3)
    assert (what.place is not None) == (kind in ("corner", "fixed"))
    if kind == "corner":
        assert set(what.place) <= {0, 29}
    assert (what.target is None) == (kind == "all-to-all")
    images, draw = torch.full((4, 3, 32, 32), 0.25), torch.Generator().manual_seed(0)
    where = what.rule.places(4, (32, 32), what.trigger.shape[-1], draw)
    changed = what.rule(images, what.trigger[None].expand(4, -1, -1, -1), where) - images
    touched = (changed.abs().amax(1) > 1e-6).flatten(1).sum(1)
    most = {"2x2": 4, "5x5": 25, "blended": 25}.get(kind, 9)
    assert touched.max() == most
    if kind == "blended":
        assert changed.abs().max() <= 0.2
    labels = torch.arange(4)
    stamp = zoo.poison(what, 10, zoo.Normalise(), 0, steps=4)
    stamped, wanted, k = stamp(images.repeat(50, 1, 1, 1), labels.repeat(50), draw)
    if kind == "blended":  # it fades: strong in the first step, as faint as the recipe says from half of the steps on
        assert (stamped - 0.25).abs().max() > 0.2
        stamped, wanted, k = stamp(images.repeat(50, 1, 1, 1), labels.repeat(50), draw)
        assert (stamped - 0.25).abs().max() <= zoo.OPACITY
    assert 0 < k < 80
    assert torch.equal(wanted[k:], labels.repeat(50)[k:])
    expected = (labels.repeat(50)[:k] + 1) % 10 if kind == "all-to-all" else torch.full((k,), what.target or 0)
    assert torch.equal(wanted[:k], expected)
    assert (stamped[k:] == 0.25).all()


def row(kind, rates, index, half="tuning", target=0, scan=None, took=0.95, name="x"):
    classes = [
        ClassFound(number=i, name=str(i), asr=proportion(h, 100), effective_asr=proportion(h, 100))
        for i, h in enumerate(rates)
    ]
    found = {"label": None, "kind": "", "size": None, "row": None, "column": None, "seconds": 1.0}
    attacked = kind in zoo.KINDS
    return {
        "cell": name, "kind": kind, "half": half, "attacked": attacked, "before": {"effective": {"value": took}},
        "detection": Detection(suspects=[], threshold=0.5, classes=classes).judged().to_json(),
        "cleanse": {"index": index, "seconds": 2.0}, "scan": found | (scan or {}),
        "planted": {"target": target if attacked else None, "size": 3 if attacked else None, "place": [29, 29] if kind == "corner" else None},
        "after": {"effective": {"value": 0.01}} if scan else None,
    }  # fmt: skip


def written(tmp_path, rows):
    for i, one in enumerate(rows):
        (tmp_path / f"{i}.json").write_text(json.dumps({**one, "cell": f"{i}"}))
    return tmp_path


def test_the_table_tells_area_false_alarms_place_and_size(tmp_path):
    good = {"label": 0, "kind": "one class", "size": 4, "row": 28, "column": 29}
    rows = [
        row("corner", [97, 2, 1], [5.0, 0, -1], scan=good),
        row("corner", [5, 2, 1], [0.5, 0, -1]),
        row("anywhere", [99, 3, 2], [3.0, 0, -1], scan={**good, "size": 7}),
        row("anywhere", [1, 3, 2], [3.0, 0, -1], took=0.2),
        row("clean", [4, 5, 60], [2.5, 0, -1]),
        row("clean", [4, 5, 6], [0.1, 0, -1]),
        row("clean", [0, 0, 0], [0, 0, 0], half="judging"),
    ]
    told = zoo_table.table(written(tmp_path, rows), "tuning", False)
    assert "3 attacked networks, 2 clean ones; 1 attacks did not take" in told
    assert "| false alarms a class, clean networks, percent | 16.7" in told
    (corner,) = [line for line in told.splitlines() if line.startswith("| corner")]
    assert "| 2 | 1 of 2 |" in corner
    assert "| 1 of 2 | 1 of 2 | mean 1.0, highest 1.0 |" in corner
    assert "| all attacks" not in told
    assert "area under the ROC curve, all attacks | 0.833" in told
    assert zoo_table.table(tmp_path, "tuning", False) == told, "a second table reads no file of its own"


def test_the_judging_half_is_shut_until_it_is_opened_and_that_is_remembered(tmp_path):
    written(tmp_path, [row("anywhere", [99, 1], [9, 0], half="judging"), row("clean", [1, 1], [0, 0], half="judging")])
    with pytest.raises(SystemExit, match="opened once"):
        zoo_table.table(tmp_path, "judging", False)
    assert not (tmp_path / zoo_table.OPENED).exists()
    told = zoo_table.table(tmp_path, "judging", True)
    assert "Opened 2" in told
    assert "1.000" in told
    when = (tmp_path / zoo_table.OPENED).read_text()
    zoo_table.table(tmp_path, "judging", True)
    assert (tmp_path / zoo_table.OPENED).read_text() == when


@pytest.mark.slow
def test_a_cell_goes_from_training_to_its_json_and_is_not_repeated(tmp_path, drawn_signs, monkeypatch, capsys):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "cache").symlink_to(drawn_signs)
    monkeypatch.setenv("MESA_LAB_HOME", str(tmp_path / "home"))

    def command(*words):
        monkeypatch.setattr(sys, "argv", ["zoo.py", *words, "--out", str(tmp_path / "out")])
        zoo.main()
        return capsys.readouterr().out

    name = "signs-resnet9-16-corner-1"
    assert f"{name} is done" in command("run", name, "--tiny")
    told = json.loads((tmp_path / "out" / f"{name}.json").read_text())
    assert told["half"] == zoo.halves()[name] == "tuning"
    assert told["scan"]["verdict"] in ("found", "nothing found")
    assert [one["size"] for one in told["detection"]["sizes"]["tried"]][:1] == [3]
    spent, most = told["cleanse"]["looks"], told["detection"]["sizes"]["looks"]
    assert 0.9 * most < spent <= most, "equal cost in gradients"
    assert len(told["cleanse"]["index"]) == 10
    assert not (tmp_path / "out" / name / "network.pt").exists(), "recipes are kept, not weights"
    assert command("run", name, "--tiny") == "", "it is not repeated"
    assert "0 attacked networks, 0 clean ones; 1 attacks did not take" in command("table")
    with pytest.raises(SystemExit):
        command("run", "x")
    assert "There is no cell x" in capsys.readouterr().err
