"""Parts of source files and texts of this repository, so that no page holds a copy of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mesa_core.glossary import TERMS

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = {".py": "python", ".md": "markdown", ".toml": "toml"}


def whole(place: str) -> str:
    """A file as a block of code with its name above."""
    path = ROOT / place
    return fenced(path.read_text("utf-8"), f'{LANGUAGES[path.suffix]} title="{place}"')


def block(place: str, language: str, number: str = "1") -> str:
    """The n-th block of code in a language of a Markdown file."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / place).read_text("utf-8"), re.S | re.M)
    return fenced(found[int(number) - 1], language)


def doctest(place: str) -> str:
    """The examples in a module's docstring, as somebody types them."""
    told = ast.get_docstring(ast.parse((ROOT / place).read_text("utf-8"))) or ""
    return fenced(told[told.index(">>> ") :], "pycon")


def section(place: str, heading: str) -> str:
    """The text under a heading of a Markdown file, up to the next of its rank."""
    text = (ROOT / place).read_text("utf-8")
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.S | re.M)
    if found is None:
        raise ValueError(f"{place} has no part {heading!r}.")
    return found[1].strip()


def glossary() -> str:
    """The terms as the app explains them, by name."""
    return "\n\n".join(f"{name}\n:   {TERMS[name]}" for name in sorted(TERMS, key=str.casefold))


def fenced(text: str, language: str) -> str:
    """Text as a block of code."""
    return f"```{language}\n{text.strip()}\n```"
