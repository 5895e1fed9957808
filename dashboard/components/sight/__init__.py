"""A mark in the page that brings itself into sight once, where columns stack and what was asked for is far below."""

from __future__ import annotations

from dashboard.components import register

MOUNT = register(__file__, '<div class="sight">\n</div>')


def sight(seq: str, key: str) -> None:
    """Put the mark here. Another `seq` than before, '' for none, scrolls to it unless it is in sight."""
    MOUNT(key=key, data={"seq": seq})
