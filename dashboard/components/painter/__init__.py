"""The trigger painter: a square of cells, clicked or walked with the arrow keys.

Python owns the value. The component sends `edit` with a sequence number; data with an older number is ignored by
the browser unless `epoch` has grown, which a preset does.
"""

from __future__ import annotations

from collections.abc import Callable

from dashboard.components import register

_HTML = """<div class="painter">
<div class="cells" role="group"></div>
<label class="tool"><input type="checkbox" class="colourful"> Paint in colour <input type="color" class="colour" value="#ff8000" aria-label="Colour"></label>
<label class="tool erasing" hidden><input type="checkbox" class="eraser"> Erase: a cell becomes transparent</label>
<p class="kept" role="status"></p>
</div>"""
MOUNT = register(__file__, _HTML)


def painter(
    value: list[str], seq: int, epoch: int, key: str, on_edit: Callable[[], None], eraser: bool = False
) -> None:
    """Mount the painter with s*s hex colours, with an `eraser` also '-' for a transparent cell.

    `on_edit` finds {value, seq} in session_state[key]["edit"].
    """
    MOUNT(key=key, data={"value": value, "seq": seq, "epoch": epoch, "eraser": eraser}, on_edit_change=on_edit)
