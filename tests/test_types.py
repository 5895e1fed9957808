"""The engine's types, as a checker reads them; `[tool.mypy]` in pyproject.toml says how."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WRONG = """
from mesa_core.measures.evaluation import Evaluation


def asr(e: Evaluation) -> float:
    return e.asr.original.value
"""


def checked(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--no-error-summary", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_engine_s_types_hold():
    done = checked()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_figure_that_may_be_missing_is_told_from_one_that_is_there(tmp_path):
    (tmp_path / "wrong.py").write_text(WRONG)
    done = checked("--follow-imports=silent", str(tmp_path / "wrong.py"))
    assert done.returncode == 1
    assert 'Item "None"' in done.stdout
