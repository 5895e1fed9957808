"""What the README says of the code: its ten lines run, its table from the paper to the files is true, its folders are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from mesa_core import Repaired

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PLACE = re.compile(r"`((?:mesa_core|dashboard|assets|benchmarks|examples|tests)/[\w./]*)`")


def blocks(text: str) -> list[str]:
    """The Python blocks of a text in Markdown."""
    return re.findall(r"^```python\n(.*?)^```$", text, re.S | re.M)


def rows(text: str, heading: str) -> dict[str, str]:
    """The rows of the table under a line of headings: first cell and second."""
    table = text.split(heading, 1)[1].split("\n\n", 1)[0]
    return {first: second for first, second in re.findall(r"^\| (.*?) \| (.*?) \|$", table, re.M) if first != "---"}


def missing(text: str) -> list[str]:
    """Places that a text names and that are not there."""
    return [place for place in PLACE.findall(text) if not (ROOT / place).exists()]


def pictures(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(count, 3, 12, 10, generator=torch.Generator().manual_seed(seed)), torch.arange(count) % 3


@pytest.mark.slow
def test_the_ten_lines_run_on_a_network_and_images_of_ones_own(capsys):
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 3)]
    given = {"model": nn.Sequential(*layers), "mean": (0.5,) * 3, "std": (0.25,) * 3}
    given |= {"train": pictures(90, 1), "own": pictures(60, 2), "test": pictures(60, 3)}
    (block,) = blocks(README)
    assert len(block.strip().splitlines()) <= 10
    exec(block, given)
    assert isinstance(given["healed"], Repaired)
    assert given["triggers"].triggers.shape[2:] == (3, 3, 3)
    assert given["victim"].model is not given["model"], "the network that was given is left alone"
    told = capsys.readouterr().out
    assert told.count("accuracy") == 4
    assert "Found:" in told


def test_every_place_that_is_named_is_there():
    assert len(PLACE.findall(README)) > 30
    assert missing(README) == []
    assert missing("see `mesa_core/method/nothing.py`") == ["mesa_core/method/nothing.py"], "the negative control"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Equation 1,", ("eq. 1",)),
        ("Equations 2 and 3", ("eq. 2", "eq. 3", "eq. 4")),
        ("Algorithm 1:", ("Algorithm 1",)),
        ("Algorithm 2:", ("Algorithm 2",)),
        ("Step 1,", ("step 1",)),
        ("Step 2 and equation 5", ("step 2", "eq. 5")),
        ("Figure 1(b)", ("Figure 1(b)",)),
        ("Figures 3, 4, 5", ("Figure 3",)),
        ("Appendix B,", ("Appendix B",)),
    ],
)
def test_the_file_named_first_says_that_it_is_the_one(row, words):
    table = rows(README, "| paper | file |")
    (named,) = [second for first, second in table.items() if first.startswith(row)]
    text = (ROOT / PLACE.findall(named)[0]).read_text("utf-8")
    assert [word for word in words if word not in text] == []


def test_every_folder_of_the_engine_has_its_line():
    told = " ".join(rows(README, "| folder | what is in it |"))
    folders = {f"mesa_core/{p.parent.name}/" for p in (ROOT / "mesa_core").glob("*/__init__.py")}
    assert folders
    assert {folder for folder in folders if f"`{folder}`" not in told} == set()
