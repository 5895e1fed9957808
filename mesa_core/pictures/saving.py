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
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
WIDTH, SCALE = 1100, 2
ONE_BROWSER = threading.Lock()


@functools.cache
def pictures() -> bool:
    """Whether PNG and SVG can be made here: kaleido, and a browser of the Chromium kind, which it drives."""
    if importlib.util.find_spec("kaleido") is None:
        return False
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


@contextlib.contextmanager
def browser() -> Iterator[None]:
    """One browser for all pictures made inside; only one at a time on this server, since it needs a core."""
    import kaleido

    with ONE_BROWSER:
        kaleido.start_sync_server(silence_warnings=True)
        try:
            with warnings.catch_warnings():  # plotly says at each figure that the browser is running already
                warnings.filterwarnings("ignore", message="The kopts argument")
                yield
        finally:
            kaleido.stop_sync_server(silence_warnings=True)


def image_of(figure: Figure, caption: str, kind: str) -> bytes:
    """'png' or 'svg'. Within `browser` it takes half a second, else three, most of them for the browser's start."""
    return for_paper(figure, caption).to_image(format=kind, width=WIDTH, scale=SCALE if kind == "png" else 1)


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
        writer.writerow({k: f"'{v}" if isinstance(v, str) and v[:1] in "=+@" else v for k, v in row.items()})
    return ("\ufeff" + text.getvalue()).encode()
