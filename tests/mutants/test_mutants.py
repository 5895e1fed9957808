"""The tester itself: which changes it makes, that a change is put in, and that a test which holds nothing is found."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.__main__ import told
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
TWICE = "def scale(a):\n    return (a + 1) * (2 - 1) ** (a + 1)\n"


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


def test_changes_that_read_the_same_are_each_told_apart():
    every = told("scale.py", TWICE)
    assert len({one["id"] for one in every}) == len(every) == len(list(mutants(TWICE)))
    assert len({one["what"] for one in every}) < len(every)  # else this holds nothing


@pytest.mark.parametrize(("asserted", "left"), HELD)
def test_a_test_that_holds_a_function_kills_its_mutants_and_one_that_does_not_leaves_them(tmp_path, asserted, left):
    """In a tree of its own, through the command. The second is the negative control."""
    text = f"from small import weigh\n\n\ndef test_it():\n    assert {asserted}\n"
    said = tried(tmp_path, "KINDS = 2\n\n\ndef weigh(a, b):\n    return a - b * KINDS if a >= b else -KINDS\n", text)
    assert f"| small.py | 8 | {8 - left} | {left} | 0 |" in said
    assert said.count("survived small.py:") == left


CASES = """import pytest
from small import KINDS, kinds

@pytest.mark.parametrize("case", [KINDS])
def test_it(case):
    assert kinds() > {least}
"""


@pytest.mark.parametrize(("least", "left"), [(1, 1), (0, 2)])
def test_a_constant_in_the_names_of_a_tests_cases_is_met_by_all_its_cases(tmp_path, least, left):
    """2 becomes 3 and 1, so that the case at rest has another name: only what it asserts may kill them."""
    said = tried(tmp_path, "KINDS = 2\n\n\ndef kinds():\n    return KINDS\n", CASES.format(least=least))
    assert f"| small.py | 2 | {2 - left} | {left} | 0 |" in said


def tried(place, source, test):
    """What the command says of small.py and its test in a tree of their own."""
    (place / "tests").mkdir()
    for name in ("__init__.py", "__main__.py", "operators.py", "server.py"):
        ours = Path(__file__).with_name(name)
        (place / "tests" / "mutants").mkdir(exist_ok=True)
        if ours.is_file():
            (place / "tests" / "mutants" / name).write_bytes(ours.read_bytes())
    (place / "small.py").write_text(source)
    (place / "test_small.py").write_text(test)
    (place / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\npythonpath = ["."]\n'
    )
    words = ["-m", "tests.mutants", "small.py", "--tests", "test_small.py", "--out", "found.jsonl"]
    told = subprocess.run([sys.executable, *words], cwd=place, capture_output=True, text=True, env={"PATH": ""})
    assert told.returncode == 0, told.stderr
    return told.stdout
