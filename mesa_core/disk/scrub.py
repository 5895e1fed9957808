"""Texts that leave this machine without its paths: of every absolute path only the last name remains. Needs no torch."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

# A slash that no letter, digit, colon or slash stands before: so neither 1/2 nor https://… is taken for a path.
POSIX = re.compile(r"(?<![\w:/.\\~])(?:~[\w.-]*)?/(?:[^\s/\"'<>|:;,()\[\]{}]+/)*([^\s/\"'<>|:;,()\[\]{}]+)/?")
WINDOWS = re.compile(
    r"(?<!\w)(?:[A-Za-z]:|\\)[\\/](?:[^\s\\/\"'<>|:;,()\[\]{}]+[\\/])*([^\s\\/\"'<>|:;,()\[\]{}]+)[\\/]?"
)


def scrubbed(text: str, known: Iterable[str] = ()) -> str:
    """`text` with every absolute path reduced to its last name; `known` are paths that may hold blanks and the like."""
    if not ("/" in text or "\\" in text):
        return text
    if os.path.isabs(text) or PureWindowsPath(text).is_absolute():  # nothing but a path
        return _name(text)
    for path in sorted({p.rstrip("/\\") for p in known}, key=len, reverse=True):
        if path:
            rest = re.compile(re.escape(path) + r"(?:[\\/][^\s\"'<>|:;,()\[\]{}]*)?")
            text = rest.sub(lambda found: _name(found.group(0)), text)
    return WINDOWS.sub(r"\1", POSIX.sub(r"\1", text.replace("file://", "")))


def _name(path: str) -> str:
    return (PureWindowsPath(path) if "\\" in path else PurePosixPath(path)).name


def scrubbed_json(value: Any, known: Iterable[str] = ()) -> Any:
    """The same for every text of a JSON value, its keys among them."""
    known = tuple(known)
    if isinstance(value, str):
        return scrubbed(value, known)
    if isinstance(value, list):
        return [scrubbed_json(one, known) for one in value]
    if isinstance(value, dict):
        return {scrubbed(key, known): scrubbed_json(one, known) for key, one in value.items()}
    return value


def scrubbed_file(data: bytes, known: Iterable[str] = (), lines: bool = False) -> bytes:
    """A JSON file, or with `lines` one of a JSON value a line; what is damaged goes through as text."""
    if lines:
        return b"".join(scrubbed_file(line, known) + b"\n" for line in data.splitlines())
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return scrubbed(data.decode("utf-8", "replace"), known).encode()
    return json.dumps(scrubbed_json(value, known), separators=(",", ":")).encode()
