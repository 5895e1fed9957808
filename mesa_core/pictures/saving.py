"""Figures as PNG, SVG and HTML, tables as CSV: the same files from the page and from the command line.

HTML needs nothing; PNG and SVG need the optional kaleido and a browser of the Chromium kind. Plotly is imported when
a figure is first saved.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import importlib.util
import io
import re
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mesa_core.pictures.drawing import NoPicture, Painter

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
WIDTH, SCALE = 1100, 2
ONE_BROWSER = threading.Lock()
PATIENCE = 45.0  # seconds that somebody waits for the browser of others
REST = 600.0  # seconds for which no browser is tried once one has failed
NUMBER = re.compile(r"-[0-9.,e]+( ?[%\w]+)?")


@functools.cache
def missing() -> str:
    """What PNG and SVG lack here, in one sentence; '' where nothing."""
    if importlib.util.find_spec("kaleido") is None:
        return "PNG and SVG need kaleido: python -m pip install kaleido. An .html needs nothing."
    return "" if _browser() else "PNG and SVG need a browser of the Chromium kind. An .html needs nothing."


def pictures() -> bool:
    """Whether PNG and SVG can be made here: kaleido, and a browser of the Chromium kind that did not fail just now."""
    return not missing() and time.monotonic() >= _rest()["until"]


@functools.cache
def _rest() -> dict[str, float]:
    """Until when no browser is tried, since one has failed."""
    return {"until": 0.0}


def _browser() -> bool:
    if any(shutil.which(name) for name in BROWSERS):
        return True
    try:
        from choreographer.browsers.chromium import Chromium

        return Chromium.find_browser(skip_local=False) is not None
    except (ImportError, AttributeError, RuntimeError, OSError):
        return False


def for_paper(figure: Figure, caption: str) -> Figure:
    """The figure as it is saved: on white, in one typeface, its caption beneath."""
    import plotly.graph_objects as go

    copy = go.Figure(figure)
    copy.update_layout(template="plotly_white", font={"family": "sans-serif", "size": 13}, paper_bgcolor="white")
    margin = copy.layout.margin.b or 10
    if caption:
        lines = _wrapped(caption)
        room = 62 + 15 * len(lines)  # below the axis with its title
        copy.update_layout(height=(copy.layout.height or 450) + room, margin_b=margin + room)
        copy.add_annotation(
            text="<br>".join(lines), xref="paper", yref="paper", x=0, y=0, yshift=-60, xanchor="left", yanchor="top",
            showarrow=False, align="left", font={"size": 11},
        )  # fmt: skip
    return copy


def _wrapped(text: str, wide: int = 150) -> list[str]:
    import textwrap
    from html import escape

    return [escape(line) for line in textwrap.wrap(text, wide)]


def html_of(figure: Figure, caption: str) -> bytes:
    """One page that needs nothing else: plotly itself is inside."""
    return for_paper(figure, caption).to_html(include_plotlyjs=True, full_html=True).encode()


class Pictures(Painter):
    """A browser that draws figures as they are saved."""

    def image_of(self, figure: Figure, caption: str, kind: str) -> bytes:
        """'png' or 'svg'; half a second, the first three. Raises NoPicture; none is tried for some minutes then."""
        try:
            return self.paint(for_paper(figure, caption), kind, WIDTH, SCALE if kind == "png" else 1)
        except NoPicture:
            _rest()["until"] = time.monotonic() + REST
            raise


@contextlib.contextmanager
def browser() -> Iterator[Pictures]:
    """One browser for all pictures made inside; only one at a time on this server, since it needs a core.

    Raises NoPicture where others keep it busy for long.
    """
    if not ONE_BROWSER.acquire(timeout=PATIENCE):
        raise NoPicture("Others are having pictures made; try again in a minute, or save the HTML.")
    try:
        with Pictures() as painter:
            yield painter
    finally:
        ONE_BROWSER.release()


def image_of(figure: Figure, caption: str, kind: str) -> bytes:
    """'png' or 'svg', with a browser of its own. Raises NoPicture."""
    with browser() as painter:
        return painter.image_of(figure, caption, kind)


def file_name(text: str) -> str:
    """Letters, digits, dots and dashes only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "mesa-lab"


def csv_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as CSV, with a byte-order mark so that spreadsheets read β. A cell that a spreadsheet would compute is quoted."""
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"'{v}" if isinstance(v, str) and _computed(v) else v for k, v in row.items()})
    return ("\ufeff" + text.getvalue()).encode()


def _computed(cell: str) -> bool:
    """Whether a spreadsheet would take a text for a formula; a negative number is none."""
    return cell.startswith(("=", "+", "@", "\t", "\r")) or (cell.startswith("-") and not NUMBER.fullmatch(cell))
