"""Stored text is text: class names (folders), run texts, file names and messages, as each place that shows them takes it.

Streamlit reads most of what it shows as Markdown, in which a name can load a picture from elsewhere or be a link.
"""

from __future__ import annotations

import html as _html
import re
import unicodedata
from typing import Any

MOST = 2000  # characters
JOINER = "\u2060"  # without width; between two signs it keeps links, emoji and colours from being found
_SIGNS = re.compile(r"([\\`*_\[\]<>&$~|#])")
_START = re.compile(r"^(\d{1,9})?([-+=.)])")
_FOUND_LATER = re.compile(r"(?<=[:@])(?=\S)|(?<=www)(?=\.)", re.IGNORECASE)  # looked for in text that is read already
_HIDDEN = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F}  # turn the direction of what follows


def plain(value: Any, most: int = MOST) -> str:
    """A text in one line, without control characters, and valid as UTF-8; for places that read nothing into it."""
    words = str(value)[: 4 * most].encode("utf-8", "replace").decode("utf-8")
    kept = [" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in words if ord(c) not in _HIDDEN]
    words = " ".join("".join(kept).split())
    return words if len(words) <= most else words[: most - 1] + "…"


def markdown(value: Any) -> str:
    """For Streamlit's Markdown: captions, messages, labels of most controls. Shows exactly `plain(value)`."""
    words = _SIGNS.sub(r"\\\1", plain(value))
    words = _START.sub(lambda m: f"{m[1] or ''}\\{m[2]}", words)
    return _FOUND_LATER.sub(JOINER, words)


def html(value: Any) -> str:
    """For HTML and for plotly's titles and labels, which know a few tags."""
    return _html.escape(plain(value))


def cell(value: Any) -> Any:
    """For a table's cell: text is made plain, numbers stay."""
    return plain(value) if isinstance(value, str) else value
