"""What mkdocs calls while the site is built (`hooks` in mkdocs.yml)."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
for place in (ROOT, ROOT / "docs"):  # this tree's program, whatever else is installed
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))

from making import commands, figures, notebooks, parameters, sources  # noqa: E402

MARKER = re.compile(r"^<!-- made: ([a-z-]+)(.*?) -->$", re.M)
MAKERS: Mapping[str, Callable[..., str]] = {
    "commands": commands.page,
    "parameters": parameters.tables,
    "presets": parameters.presets,
    "file": sources.whole,
    "block": sources.block,
    "doctest": sources.doctest,
    "section": sources.section,
    "glossary": sources.glossary,
    "figure": figures.framed,
    "searched": figures.searched,
    "errors": figures.errors,
    "scanned": figures.scanned,
    "volumes": figures.volumes,
    "kinds": figures.kinds,
    "claims": figures.claims,
}
# what the site takes from elsewhere in the repository: its name there, and where it lies
TAKEN = {
    "pictures/lab.webp": "assets/lab.webp",
    "pictures/lab.png": "assets/lab.png",
    "pictures/signs.png": "assets/signs-classes.png",
    "measured.md": "benchmarks/README.md",
    "mutants.md": "benchmarks/mutants.md",
}


def made(text: str) -> str:
    """A page with what its markers ask for. Raises ValueError for a marker that asks for nothing known."""

    def replaced(found: re.Match[str]) -> str:
        name, words = found[1], shlex.split(found[2])
        if name not in MAKERS:
            raise ValueError(f"{found[0]} asks for nothing known; choose one of {', '.join(MAKERS)}.")
        return MAKERS[name](*words)

    return MARKER.sub(replaced, text)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs with the text of each page."""
    return made(markdown)


def on_files(files: Any, config: Any) -> Any:
    """Called by mkdocs with the files of the site: adds those that are taken and those that are drawn."""
    from mkdocs.structure.files import File

    for name, place in TAKEN.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / place)))
    for name, content in {**figures.files(), **notebooks.files()}.items():
        files.append(File.generated(config, name, content=content))
    return files
