"""Live curves whose zoom stays while new points come: a small canvas for each panel, with a legend and a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.components import register

_HTML = """<div class="curves">
<div class="panels"></div>
<details><summary>The curves as a table</summary><div class="table"></div></details>
</div>"""
MOUNT = register(__file__, _HTML)


def curves(panels: Sequence[dict[str, Any]], key: str) -> None:
    """Mount panels of {title, x, low, high, lines: [{name, x: [...], y: [...]}]}; `low`, `high` fix the y axis or are None."""
    MOUNT(key=key, data={"panels": list(panels)})
