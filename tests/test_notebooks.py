"""The notebooks: their form, and each run at a tiny size, with what it asserts of its results."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cells import PARAMETERS, code
from small_sweep import LEAST, draw_signs

from mesa_core.store.shipped import shipped_weights

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIRST, TRIGGER, OWN = PATHS
ATTACK = {"attack_ratio": 0.4, "attack_lr": 0.02, "attack_batch": 32, "attack_epochs": 8.0, "attack_decay": False}
ATTACK |= {"attack_stop": 0.95, "attack_cool": 1.0}  # the least that implants the ring
REPAIR = {"repair_ratio": 0.4, "repair_lr": 0.01, "repair_batch": 32}
LEARN = {"beta": [0.8], "mesa_batch": 32}


def ran(path: Path, home: Path, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    own = {"MESA_LAB_HOME": str(home), "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    words = [sys.executable, "-m", "tests.cells", str(path), json.dumps(values)]
    kept = {name: value for name, value in os.environ.items() if name != "MESA_LAB_DATA"}
    return subprocess.run(words, cwd=ROOT, env=kept | own, capture_output=True, text=True, check=False, timeout=600)


def went_through(path: Path, done: subprocess.CompletedProcess[str]) -> bool:
    """Whether every cell of code was carried out."""
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"^-- (\S+)$", done.stdout, re.M) == [cell["id"] for cell in code(path)]


def faults(written: dict[str, Any]) -> list[str]:
    """What a committed notebook must not be: without stable names, or with what a run left in it."""
    found, names = [], [cell.get("id", "") for cell in written["cells"]]
    if (written["nbformat"], written["nbformat_minor"]) != (4, 5):
        found.append("another format")
    if len(set(names)) < len(names) or not all(re.fullmatch(r"[a-z0-9-]{1,64}", name) for name in names):
        found.append("cells without names of their own")
    own = [cell for cell in written["cells"] if cell["cell_type"] == "code"]
    found += [f"outputs in {cell['id']}" for cell in own if cell["outputs"] or cell["execution_count"] is not None]
    if [PARAMETERS in cell["metadata"].get("tags", []) for cell in own] != [True] + [False] * (len(own) - 1):
        found.append("the sizes are not in the first cell of code")
    return found


def test_there_are_three():
    assert [path.name[0] for path in PATHS] == ["1", "2", "3"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_what_a_run_leaves(path):
    text = path.read_text("utf-8")
    assert faults(json.loads(text)) == []
    assert len(text) < 20_000
    assert str(Path.home()) not in text


def test_what_a_run_leaves_would_be_seen():
    written = json.loads(FIRST.read_text("utf-8"))
    own = next(cell for cell in written["cells"] if cell["cell_type"] == "code")
    own["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    assert faults(written) == [f"outputs in {own['id']}"]
    written["cells"].append(own)
    assert "cells without names of their own" in faults(written)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_asserts_what_it_says(path):
    trees = [ast.parse(cell["source"]) for cell in code(path)]
    assert sum(isinstance(node, ast.Assert) for tree in trees for node in ast.walk(tree)) > 2


@pytest.mark.slow
def test_a_first_look_plants_finds_and_heals(tmp_path):
    values = {
        "TRAIN": 400,
        "OWN": 200,
        "TEST": 120,
        "DRAWN": 64,
        "ATTACK": ATTACK,
        "SUBMODELS": LEARN | {"mesa_steps": 30},
    }
    done = ran(FIRST, tmp_path, values | {"REPAIR": REPAIR | {"repair_epochs": 4.0, "sample_images": 2}})
    assert went_through(FIRST, done)
    assert "a picture of" in done.stdout
    assert done.stdout.count("ASR") > 8


@pytest.mark.slow
def test_an_attack_that_does_not_take_is_told_by_the_notebook(tmp_path):
    weak = ATTACK | {"attack_epochs": 0.1}
    done = ran(FIRST, tmp_path, {"TRAIN": 100, "OWN": 60, "TEST": 60, "ATTACK": weak})
    assert done.returncode != 0
    assert "AssertionError: the attack has taken" in done.stderr


@pytest.mark.slow
def test_a_value_that_a_notebook_does_not_know_is_refused(tmp_path):
    done = ran(FIRST, tmp_path, {"IMAGES": 100})
    assert "has no IMAGES" in done.stderr


@pytest.mark.slow
def test_a_trigger_of_the_paper_is_run_read_and_drawn(tmp_path):
    said = {**LEAST, **ATTACK, **REPAIR, **LEARN, "data": "folder", "victim": "resnet9-16", "mesa_steps": 30}
    said |= {"data_dir": str(draw_signs(tmp_path / "signs", 500, 300)), "repair_epochs": 5.0}
    done = ran(TRIGGER, tmp_path / "home", {"SAID": said | {"weights": str(shipped_weights("signs", "resnet9-16"))}})
    assert went_through(TRIGGER, done)
    assert re.search(r"^a figure of [1-9]\d* traces$", done.stdout, re.M), "figure 1(b)"
    assert "CIFAR-10, resnet9-16, paper protocol" in done.stdout
    (run,) = (tmp_path / "home" / "runs").iterdir()
    assert (run / "result.json").exists()


@pytest.mark.slow
def test_a_kind_of_ones_own_is_compared_with_the_papers(tmp_path):
    done = ran(OWN, tmp_path, {"IMAGES": 200, "DRAWN": 64, "SUBMODELS": LEARN | {"alpha": 0.1, "mesa_steps": 60}})
    assert went_through(OWN, done)
    told = re.findall(r"^(mine|gaussian) +β = 0\.8 +ASR \S+ % .* entropy +(-?[\d.]+) nats$", done.stdout, re.M)
    assert [kind for kind, _ in told] == ["mine", "gaussian"]
