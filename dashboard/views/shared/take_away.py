"""Figures as PNG, SVG and HTML, tables as CSV, a run as report, command and zip. Everything is made on the click."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import stored
from dashboard.serving import runs
from mesa_core.cli.repeat import command_of
from mesa_core.config.identity import PATHS
from mesa_core.disk.scrub import scrubbed_file
from mesa_core.pictures.saving import csv_of, file_name, html_of, image_of, pictures
from mesa_core.store import Run, StoreError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PRIVATE = {"owner.json", "control.json", "lease.json", "waiting", "taken", "error.txt"}  # not what a run computed
BAR = "<span style='width:140px;height:10px;background:linear-gradient(90deg,#440154,#3b528b,#21918c,#5ec962,#fde725)'></span>"
LARGEST = 300 * 2**20  # bytes of a zip


def scale(low: str = "ASR 0 %", high: str = "100 %") -> str:
    """What the colours of frames mean, below panels that have no bar of their own."""
    return f"<div style='display:flex;gap:8px;align-items:center;font-size:13px'>{low}{BAR}{high}</div>"


def figure(
    drawn: Figure,
    name: str,
    alt: str,
    caption: str = "",
    key: str = "",
    clicked: Callable[[], None] | None = None,
    apart: Sequence[Sequence[Figure]] = (),
) -> None:
    """Draw a figure with its caption and a small menu to save it. `name` is the file's, `alt` a reader's text.

    `clicked` is called when a mark is chosen, and finds it in session_state[f"figure_{key}"]. `apart` are its panels by
    row, drawn in its place: side by side where there is room, one below the other on a phone.
    """
    key = key or file_name(name)
    for r, line in enumerate(apart):
        for c, (place, panel) in enumerate(zip(st.columns(len(line)), line, strict=True)):
            place.plotly_chart(
                panel, width="stretch", key=f"figure_{key}_{r}_{c}", alt=stored.plain(f"{alt} Panel {c + 1} of row {r + 1}."),
                config={"displaylogo": False},
            )  # fmt: skip
    if apart:
        st.html(scale())
    else:
        st.plotly_chart(
            drawn, width="stretch", key=f"figure_{key}", alt=stored.plain(alt), config={"displaylogo": False},
            on_select=clicked or "ignore", selection_mode="points",
        )  # fmt: skip
    if caption:
        st.caption(stored.markdown(caption))
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
                "PNG and SVG need the optional kaleido (python -m pip install kaleido) and a Chromium on the machine "
                "that serves this page. Without them: the camera above the figure saves a PNG, also in the HTML."
            )


def _image(make: Callable[[], Figure], caption: str, kind: str) -> bytes:
    return image_of(make(), caption, kind)


def download(label: str, make: Callable[[], bytes], file: str, mime: str, key: str, help: str | None = None) -> None:
    """A button that makes its file when pressed, and redraws nothing."""
    st.download_button(
        label, make, file_name(file), mime, key=f"dl_{key}", help=help, on_click="ignore", width="stretch"
    )


def table(
    shown: Sequence[Mapping[str, Any]],
    name: str,
    key: str,
    full: Callable[[], Sequence[Mapping[str, Any]]] | None = None,
) -> None:
    """A table with a button for its CSV; `full` gives more columns or rows for the file than are shown."""
    shown = [{stored.plain(name): stored.cell(value) for name, value in row.items()} for row in shown]
    st.dataframe(shown, hide_index=True, width="stretch", key=f"table_{key}")
    left, _ = st.columns([1, 2])
    with left:
        download("Save as CSV", lambda: csv_of(full() if full else shown), f"{name}.csv", "text/csv", f"{key}_csv")


def beside(shown: Sequence[Mapping[str, Any]], name: str, key: str, narrow: bool, first: str) -> None:
    """A table with its CSV; or, in a narrow column, one to scroll sideways past its column `first`, without."""
    if narrow:
        st.dataframe(
            shown, hide_index=True, width="stretch", column_config={first: st.column_config.Column(pinned=True)}
        )
    else:
        table(shown, name, key)


# -- a whole run
def zip_of(run: Run) -> bytes:
    """The run's folder; without the token of who started it, locks, traces of errors, and this machine's paths."""
    buffer, total, places = io.BytesIO(), 0, [str(run.path.parent.parent), str(Path.home())]
    with contextlib.suppress(StoreError):
        places += [str(value) for name, value in run.config().items() if name in PATHS and os.path.isabs(str(value))]
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(run.path.rglob("*")):
            inside = path.relative_to(run.path)
            if path.is_symlink() or not path.is_file() or path.name in PRIVATE or path.name.startswith("."):
                continue
            total += path.stat().st_size
            if total > LARGEST:
                raise StoreError("The folder is too large to be sent from here.")
            name = f"{run.name}/{inside.as_posix()}"
            if path.suffix in (".json", ".jsonl"):
                archive.writestr(name, scrubbed_file(path.read_bytes(), places, path.suffix == ".jsonl"))
            else:
                archive.write(path, name)
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
    from dashboard.views.shared import report

    try:
        words = command(run)
    except StoreError as error:
        st.caption(stored.markdown(error))
        return
    st.markdown("**The command that repeats this run**")
    st.code(stored.plain(words, 100_000), language=None, wrap_lines=True)
    try:
        done = runs.result(run) is not None
    except StoreError as error:
        st.caption(stored.markdown(error))
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
