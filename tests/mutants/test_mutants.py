"""The tester itself: which changes it makes, that a change is put in, and that a test which holds nothing is found."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.operators import mutants

ROOT = Path(__file__).resolve().parents[2]
SOURCE = '''
LIMIT = 0.5

class Scale:
    def hinge(self, a, b=2):
        """Words are left alone: 1 < 2."""
        if a > b:
            raise ValueError(f"{a} is more than {b - 1}")
        return -F.relu(a - b).clamp(min=0, max=1).mean(2)
'''


HELD = [
    ("weigh(3, 1) == 1 and weigh(1, 1) == -1 and weigh(1, 2) == -2", 0),
    ("weigh(3, 1) is not None", 8),
]


def test_every_kind_of_change_is_made_once_and_words_are_left_alone():
    assert [(one.first, one.function, one.inside, one.what) for one in mutants(SOURCE)] == [
        (2, "", False, "0.5 -> 1.0"),
        (2, "", False, "0.5 -> 0.25"),
        (5, "", False, "2 -> 3"),
        (5, "", False, "2 -> 1"),
        (7, "Scale.hinge", True, "a > b -> a >= b"),
        (7, "Scale.hinge", True, "a > b -> a <= b"),
        (9, "Scale.hinge", True, "-F.relu(a - b).clamp(min=0, max=1).mean(2) -> F.relu(a - b).clamp(min=0, max=1).mean(2)"),
        (9, "Scale.hinge", True, "F.relu(a - b).clamp(min=0, max=1).mean(2) -> F.relu(a - b).clamp(min=0, max=1).sum(2)"),
        (9, "Scale.hinge", True, "F.relu(a - b).clamp(min=0, max=1).mean(2) -> F.relu(a - b).mean(2).clamp(min=0, max=1)"),
        (9, "Scale.hinge", True, "F.relu(a - b).clamp(min=0, max=1) -> F.relu(a - b)"),
        (9, "Scale.hinge", True, "F.relu(a - b).clamp(min=0, max=1) -> F.relu(a - b).clamp(max=1)"),
        (9, "Scale.hinge", True, "F.relu(a - b).clamp(min=0, max=1) -> F.relu(a - b).clamp(min=0)"),
        (9, "Scale.hinge", True, "F.relu(a - b) -> a - b"),
        (9, "Scale.hinge", True, "a - b -> a + b"),
        (9, "Scale.hinge", True, "0 -> 1"),
        (9, "Scale.hinge", True, "1 -> 2"),
        (9, "Scale.hinge", True, "1 -> 0"),
        (9, "Scale.hinge", True, "2 -> 3"),
        (9, "Scale.hinge", True, "2 -> 1"),
    ]  # fmt: skip


def test_each_changed_source_is_another_and_can_be_compiled():
    texts = [ast.unparse(one.tree) for one in mutants(SOURCE)]
    assert len(set(texts)) == len(texts)
    assert ast.unparse(ast.parse(SOURCE)) not in texts
    for one in mutants(SOURCE):
        compile(one.tree, "source", "exec")


@pytest.mark.parametrize(("asserted", "left"), HELD)
def test_a_test_that_holds_a_function_kills_its_mutants_and_one_that_does_not_leaves_them(tmp_path, asserted, left):
    """In a tree of its own, through the command. The second is the negative control."""
    (tmp_path / "tests").mkdir()
    for name in ("__init__.py", "__main__.py", "operators.py", "server.py"):
        source = Path(__file__).with_name(name)
        (tmp_path / "tests" / "mutants").mkdir(exist_ok=True)
        if source.is_file():
            (tmp_path / "tests" / "mutants" / name).write_bytes(source.read_bytes())
    (tmp_path / "small.py").write_text(
        "KINDS = 2\n\n\ndef weigh(a, b):\n    return a - b * KINDS if a >= b else -KINDS\n"
    )
    (tmp_path / "test_small.py").write_text(f"from small import weigh\n\n\ndef test_it():\n    assert {asserted}\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\npythonpath = ["."]\n'
    )
    words = ["-m", "tests.mutants", "small.py", "--tests", "test_small.py", "--out", "found.jsonl"]
    told = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, env={"PATH": ""})
    assert told.returncode == 0, told.stderr
    assert f"| small.py | 8 | {8 - left} | {left} | 0 |" in told.stdout
    assert told.stdout.count("survived small.py:") == left
