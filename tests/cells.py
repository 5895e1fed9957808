"""Runs a notebook's cells of code in a process of its own, as Jupyter would, with other sizes; needs no Jupyter.

    python -m tests.cells FILE.ipynb ['{"NAME": value, ...}']

The values take the place of those that the cell tagged `parameters` gives. What stands last in a cell is shown, a picture
or a figure by what it would send to the browser.
"""

from __future__ import annotations

import ast
import json
import sys
import types
from pathlib import Path
from typing import Any

PARAMETERS = "parameters"
Cell = dict[str, Any]


def cells(path: Path) -> list[Cell]:
    """All cells, their source as one text."""
    return [cell | {"source": "".join(cell["source"])} for cell in json.loads(path.read_text("utf-8"))["cells"]]


def code(path: Path) -> list[Cell]:
    """The cells of code."""
    return [cell for cell in cells(path) if cell["cell_type"] == "code"]


def assigned(source: str) -> set[str]:
    """The names that a cell gives values to."""
    stored = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    return {node.id for node in stored if isinstance(node.ctx, ast.Store)}


def shown(value: Any) -> str:
    """What a notebook draws of a value, as text; '' for nothing."""
    if value is None:
        return ""
    if hasattr(value, "to_plotly_json"):
        return f"a figure of {len(value.to_plotly_json()['data'])} traces"
    if (picture := getattr(value, "_repr_png_", None)) is not None:
        return f"a picture of {len(picture())} bytes"
    if (html := getattr(value, "_repr_html_", None)) is not None:
        return f"{value!r}\n{html()[:60]}..."
    return repr(value)


def carry_out(path: Path, values: dict[str, Any]) -> None:
    """Run all cells in one fresh namespace, that of `__main__`. Raises what a cell raises, and KeyError for a value of no use."""
    there = sys.modules["__main__"] = types.ModuleType("__main__")  # classes of a notebook lie there
    space = there.__dict__
    for cell in code(path):
        tree = ast.parse(cell["source"])
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        where = f"{path.name}, cell {cell['id']}"
        exec(compile(tree, where, "exec"), space)
        if isinstance(last, ast.Expr):
            print(shown(eval(compile(ast.Expression(last.value), where, "eval"), space)))
        if PARAMETERS in cell["metadata"].get("tags", []):
            if unused := set(values) - assigned(cell["source"]):
                raise KeyError(f"{path.name} has no {', '.join(sorted(unused))}")
            space.update(values)
        print(f"-- {cell['id']}", flush=True)


if __name__ == "__main__":
    carry_out(Path(sys.argv[1]), json.loads(sys.argv[2]) if len(sys.argv) > 2 else {})
