"""The examples in docstrings, run: every module that has one."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def modules() -> list[str]:
    """The dotted names of the modules that have examples."""
    files = [p for top in ("mesa_core", "dashboard") for p in sorted((ROOT / top).rglob("*.py"))]
    having = [p.relative_to(ROOT) for p in files if ">>> " in p.read_text("utf-8")]
    return [".".join(p.with_suffix("").parts).removesuffix(".__init__") for p in having]


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_say_what_happens(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0, "examples that are no part of a docstring"
    assert found.failed == 0


def test_what_others_build_on_has_an_example():
    public = {"api", "kinds", "registry", "triggers", "defences", "apply", "measures.intervals", "method.staircase"}
    assert {f"mesa_core.{name}" for name in public} <= set(modules())


def test_a_wrong_example_would_be_seen():
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(wrong, out=lambda text: None).failed == 1
