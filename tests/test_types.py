"""The types of the engine, the pages and the benchmarks, as a checker reads them; `[tool.mypy]` in pyproject.toml says how."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHECKED = ("mesa_core", "dashboard", "benchmarks")
WRONG = """
from mesa_core.measures.evaluation import Evaluation


def asr(e: Evaluation) -> float:
    return e.asr.original.value
"""
UNTYPED = "def double(x):\n    return 2 * x\n"
ABSENT = "def first(words: dict[str, str]) -> str:\n    return words.get('a').upper()\n"
ABSENT_UNTYPED = "def first(words):\n    return {'b': 'c'}.get('a').upper()\n"


def checked(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def instead(module: str, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What is said of a module of ours when this text, which imports nothing, is read in its place."""
    other = folder / "other.py"
    other.write_text(text)
    only = (f"--cache-dir={os.devnull}", "--follow-imports=skip")
    return checked(*only, "--shadow-file", module, str(other), module)


@pytest.mark.slow
def test_the_types_of_every_module_hold():
    done = checked()
    assert done.returncode == 0, done.stdout + done.stderr
    modules = sum(1 for folder in CHECKED for _ in (ROOT / folder).rglob("*.py"))
    assert f"in {modules} source files" in done.stdout, done.stdout


@pytest.mark.slow
def test_a_figure_that_may_be_missing_is_told_from_one_that_is_there(tmp_path):
    (tmp_path / "wrong.py").write_text(WRONG)
    done = checked(str(tmp_path / "wrong.py"))  # with what the test above has read, where it was read before
    assert done.returncode == 1
    assert re.fullmatch(r"\S*wrong\.py:6: error: Item \"None\" .*\nFound 1 error .*\n", done.stdout), done.stdout


@pytest.mark.slow
def test_the_engine_must_be_annotated_and_the_pages_need_not_be(tmp_path):
    done = instead("mesa_core/words.py", UNTYPED, tmp_path)
    assert (done.returncode, "[no-untyped-def]" in done.stdout) == (1, True), done.stdout
    done = instead("dashboard/keys.py", UNTYPED, tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("text", [ABSENT, ABSENT_UNTYPED])
@pytest.mark.parametrize("module", ["mesa_core/words.py", "dashboard/keys.py", "benchmarks/table.py"])
def test_what_may_be_missing_is_not_used_unasked_anywhere(module, text, tmp_path):
    done = instead(module, text, tmp_path)
    assert (done.returncode, "[union-attr]" in done.stdout) == (1, True), done.stdout
