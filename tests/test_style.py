"""The style of the whole tree, as ruff reads it; `[tool.ruff]` in pyproject.toml says how."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UNUSED = '"""A module."""\n\nimport os\n'
UNFORMATTED = '"""A module."""\n\nx = {  "a":1 }\n'

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ruff") is None, reason="ruff is not installed")


def ruff(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_ruff_finds_nothing_in_the_tree():
    done = ruff("check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_is_formatted():
    done = ruff("format", "--no-cache", "--check", ".")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "text", "told"),
    [(("check",), UNUSED, "F401"), (("format", "--check"), UNFORMATTED, "1 file would be reformatted")],
)
def test_with_the_same_settings_a_bad_file_is_found(words, text, told, tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text(text)
    done = ruff(*words, "--no-cache", "--config", str(ROOT / "pyproject.toml"), str(bad))
    assert done.returncode == 1, done.stderr
    assert told in done.stdout


def test_lines_may_be_as_long_as_ours_and_no_longer(tmp_path):
    """The project's own settings are read, not ruff's usual ones: 120 characters."""
    settings = ("--no-cache", "--config", str(ROOT / "pyproject.toml"))
    for letters, wrapped in ((50, False), (70, True)):
        (tmp_path / "long.py").write_text(f"x = call({'a' * letters}, {'b' * letters})\n")
        done = ruff("format", "--check", *settings, str(tmp_path / "long.py"))
        assert (done.returncode == 1) is wrapped, done.stdout + done.stderr
