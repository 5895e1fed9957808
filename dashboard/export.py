"""Figures as PNG, SVG and HTML, tables as CSV, a run as report, command and zip. Everything is made on the click."""

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
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import runs
from mesa_core.command import command_of
from mesa_core.store import Run, StoreError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PRIVATE = {"owner.json", "control.json", "lease.json", "waiting", "error.txt"}  # not what a run computed
LARGEST = 300 * 2**20  # bytes of a zip
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
        copy.update_layout(height=(copy.layout.height or 450) + 60, margin_b=margin + 70)
        copy.add_annotation(
            text=_wrapped(caption), xref="paper", yref="paper", x=0, y=0, yshift=-48, xanchor="left", yanchor="top",
            showarrow=False, align="left", font={"size": 11},
        )  # fmt: skip
    return copy


def _wrapped(text: str, wide: int = 150) -> str:
    import textwrap
    from html import escape

    return "<br>".join(escape(line) for line in textwrap.wrap(text, wide))


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


def figure(drawn: Figure, name: str, alt: str, caption: str = "", key: str = "") -> None:
    """Draw a figure with its caption and a small menu to save it. `name` is the file's, `alt` a reader's text."""
    key = key or file_name(name)
    st.plotly_chart(drawn, width="stretch", key=f"figure_{key}", alt=alt, config={"displaylogo": False})
    if caption:
        st.caption(caption)
    save_figure(lambda: drawn, name, caption, key)


def save_figure(make: Callable[[], Figure], name: str, caption: str, key: str) -> None:
    """A menu with the figure that `make` draws, as HTML, PNG and SVG; drawn when it is asked for."""
    with st.popover("Save this figure", key=f"save_{key}"):
        download("HTML, one page", lambda: html_of(make(), caption), f"{name}.html", "text/html", f"{key}_html")
        if pictures():
            for kind, mime in (("png", "image/png"), ("svg", "image/svg+xml")):
                make_one = functools.partial(_image, make, caption, kind)
                download(f"{kind.upper()} (takes a few seconds)", make_one, f"{name}.{kind}", mime, f"{key}_{kind}")
        else:
            st.caption(
                "PNG and SVG need the optional kaleido (pip install mesa-lab[figures]) and a Chromium on the machine "
                "that serves this page. Without them: the camera above the figure saves a PNG, also in the HTML."
            )


def _image(make: Callable[[], Figure], caption: str, kind: str) -> bytes:
    with browser():
        return image_of(make(), caption, kind)


def download(label: str, make: Callable[[], bytes], file: str, mime: str, key: str, help: str | None = None) -> None:
    """A button that makes its file when pressed, and redraws nothing."""
    st.download_button(
        label, make, file_name(file), mime, key=f"dl_{key}", help=help, on_click="ignore", width="stretch"
    )


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


def table(
    shown: Sequence[Mapping[str, Any]],
    name: str,
    key: str,
    full: Callable[[], Sequence[Mapping[str, Any]]] | None = None,
) -> None:
    """A table with a button for its CSV; `full` gives more columns or rows for the file than are shown."""
    st.dataframe(list(shown), hide_index=True, width="stretch", key=f"table_{key}")
    left, _ = st.columns([1, 2])
    with left:
        download("Save as CSV", lambda: csv_of(full() if full else shown), f"{name}.csv", "text/csv", f"{key}_csv")


# -- a whole run
def zip_of(run: Run) -> bytes:
    """The run's folder; without the token of who started it, locks and traces of errors."""
    buffer, total = io.BytesIO(), 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(run.path.rglob("*")):
            inside = path.relative_to(run.path)
            if path.is_symlink() or not path.is_file() or path.name in PRIVATE or path.name.startswith("."):
                continue
            total += path.stat().st_size
            if total > LARGEST:
                raise StoreError("The folder is too large to be sent from here.")
            archive.write(path, f"{run.name}/{inside.as_posix()}")
    return buffer.getvalue()


def command(run: Run) -> str:
    """The command that repeats a run. StoreError where its settings cannot be read."""
    from mesa_core.config import ConfigError

    try:
        return command_of(run.config())
    except ConfigError as error:
        raise StoreError(f"The settings of {run.name} cannot be repeated: {error}") from None


def run_panel(run: Run, key: str = "export") -> None:
    """Report, command, folder: what one takes away from a run. Any page may call it, once under one `key`."""
    from dashboard import report

    try:
        words = command(run)
    except StoreError as error:
        st.caption(str(error))
        return
    st.markdown("**The command that repeats this run**")
    st.code(words, language=None, wrap_lines=True)
    try:
        done = runs.result(run) is not None
    except StoreError as error:
        st.caption(str(error))
        done = False
    one, two = st.columns(2)
    with one:
        if done:
            download(
                "Report (HTML)",
                lambda: report.html(run).encode(),
                f"{run.name}.html",
                "text/html",
                f"{key}_report",
                "One page with everything that this run was asked and found; it needs no network and no program.",
            )
        else:
            st.caption("The report is there once the run has finished.")
    with two:
        download(
            "Run folder (zip)",
            lambda: zip_of(run),
            f"{run.name}.zip",
            "application/zip",
            f"{key}_zip",
            "Settings, events, result, snapshots and, for a run made here, the attacked and the repaired weights.",
        )
