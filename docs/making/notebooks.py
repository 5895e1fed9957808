"""The notebooks as pages: their text and code, without what a run would print; and the files themselves, to be taken."""

from __future__ import annotations

import json
from pathlib import Path

from making.sources import ROOT, fenced

FOLDER = ROOT / "notebooks"


def paths() -> list[Path]:
    """The notebooks in their order."""
    return sorted(FOLDER.glob("*.ipynb"))


def files() -> dict[str, str]:
    """What the site adds for them: a page each, by the notebook's name, and the notebook beside it."""
    found = {}
    for path in paths():
        text = path.read_text("utf-8")
        found[f"notebooks/{path.stem}.md"] = as_page(path.name, text)
        found[f"notebooks/{path.name}"] = text
    return found


def as_page(name: str, text: str) -> str:
    """A notebook's cells in Markdown; under its title, which comes first, stands where to take it."""
    cells = [
        "".join(cell["source"]) if cell["cell_type"] == "markdown" else code(cell) for cell in json.loads(text)["cells"]
    ]
    title, _, rest = cells[0].partition("\n")
    taken = f"[Take the notebook]({name}){{ download }} and open it in Jupyter, or in whatever opens such files; it needs MESA Lab where it runs."
    return "\n\n".join([title, taken, rest.strip(), *cells[1:]]) + "\n"


def code(cell: dict[str, list[str]]) -> str:
    """A cell of code as a block."""
    return fenced("".join(cell["source"]), "python")
