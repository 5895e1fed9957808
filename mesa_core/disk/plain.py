"""Stored texts, file names and class names made fit to be shown: no control characters, nothing that is no text."""

from __future__ import annotations

import unicodedata

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # controls, marks of direction, half pairs, what means nothing
JOINERS = "\u200c\u200d"  # of letters and of emoji; they move nothing


def plain(text: str, lines: bool = False) -> str:
    """`text` with every control character, mark of direction and half of a pair spelt out, as in '\\x1b'.

    So nothing that was stored moves a terminal's cursor, colours it or breaks its coding. With `lines` line breaks stay,
    else they become spaces.
    """
    return "".join(_shown(letter, lines) for letter in text) if not text.isprintable() else text


def _shown(letter: str, lines: bool) -> str:
    if letter == "\n":
        return "\n" if lines else " "
    if letter == "\t":
        return " "
    if unicodedata.category(letter) in HIDDEN and letter not in JOINERS:
        return letter.encode("unicode_escape", "backslashreplace").decode("ascii")
    return letter
