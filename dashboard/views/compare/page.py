"""Compare: two runs side by side; α against β; point against distribution; every figure at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import keys, stored
from dashboard.serving import runs
from dashboard.views.compare import alphas, gallery
from dashboard.views.shared import take_away
from dashboard.visit import controls, run_choice
from mesa_core import glossary, triggers
from mesa_core.config import SILENT, params
from mesa_core.pictures import charts, saving, trigger_maps
from mesa_core.pictures.thumbnails import trigger_uri
from mesa_core.store import Run, StoreError
from mesa_core.store.results import Result
from mesa_core.words import counted, named


@keys.page("compare")
def page() -> None:
    """Draw the whole page."""
    st.title("Compare", anchor=False)
    st.markdown(
        "What changes when one thing changes? Every figure here is drawn from runs that are there already.",
        help=glossary.of("ASR", "victim", "oracle", "control", "code", "sub-model", "entropy", "nats", "protocol"),
    )
    sections: dict[str, tuple[str, Callable[[], None]]] = {
        "two": ("Two runs", two),
        "alpha": ("α and β", alphas.draw),
        "seeds": ("Point and distribution", gallery.seeds),
        "all": ("All figures", gallery.everything),
    }
    shown = controls.segmented(
        "Compare", "show", {key: words for key, (words, _) in sections.items()}, "two", label_visibility="collapsed"
    )
    if not runs.listed():
        st.info("No run yet. Start one in the Lab; it can be compared when it has finished.")
        return
    sections[shown][1]()


def two() -> None:
    """Two runs side by side."""
    left, right = st.columns(2)
    with left:
        a = run_choice.picker("First run", "a", run_choice.run_at("a", 0), "The address names it as a=…")
    with right:
        b = run_choice.picker("Second run", "b", run_choice.run_at("b", 1), "The address names it as b=…")
    if a is None or b is None:
        return
    if a.name == b.name:
        st.info("Both are the same run. Choose another one, or start one in the Lab with another setting.")
    titles = {a.name: f"A · {a.name}", b.name: f"B · {b.name}"}
    pair = [a] if a.name == b.name else [a, b]
    results: dict[str, Result] = {}
    for run in pair:
        try:
            runs.config(run)
            found = runs.result(run)
            if found is None:
                st.caption(f"{run.name} is {run.state()}; its figures come when it has finished.")
            else:
                results[run.name] = found
        except StoreError as error:
            st.warning(stored.markdown(error))
    _settings(pair)
    if results:
        _figures(results, titles)
    _scatters(pair, titles)


def differences(first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, str]]:
    """Settings that differ, as rows; with what each means."""
    known = params()
    first, second = {**SILENT, **first}, {**SILENT, **second}  # what is silent is left out of a run's settings
    return [
        {"setting": name, "A": _words(first[name]), "B": _words(second[name]), "what it is": known[name].help}
        for name in known
        if first[name] != second[name]
    ]


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def differing(rows: list[dict[str, str]]) -> str:
    """The rows of `differences` as a table that wraps on a phone; a trigger is a small picture and its name."""

    def cell(row: dict[str, str], side: str) -> str:
        if row["setting"] != "trigger":
            return stored.html(row[side])
        trigger = triggers.from_hex(row[side])
        cells, coloured = trigger.shape[-1] ** 2, triggers.code_of(trigger) is None
        name = triggers.describe(trigger)
        if cells == triggers.LARGE**2:
            coloured = False  # too many colours to be said
        elif coloured:
            name = "nine colours" if cells == 9 else f"{cells} colours"
            name = " ".join(triggers.shape_of(trigger)) or name
        # colours have no other name, so the picture says them to whoever points at it or hears it
        words = stored.html(row[side] if coloured else name)
        return f"<img src='{trigger_uri(trigger)}' alt='{words}' title='{words}' width='32' height='32'> <span>{name}</span>"

    body = "".join(
        f"<tr><th scope='row'><b>{stored.html(row['setting'])}</b><br><small>{stored.html(row['what it is'])}</small></th>"
        f"<td>{cell(row, 'A')}</td><td>{cell(row, 'B')}</td></tr>"
        for row in rows
    )
    return (
        "<table class='mesa-differ'><thead><tr><th scope='col'>setting</th><th scope='col'>A</th><th scope='col'>B</th></tr>"
        f"</thead><tbody>{body}</tbody></table><style>.mesa-differ{{width:100%;max-width:900px;table-layout:fixed;"
        "border-collapse:collapse;font-size:14px}.mesa-differ th,.mesa-differ td{text-align:left;vertical-align:top;"
        "font-weight:400;padding:6px 10px 6px 0;border-bottom:1px solid rgba(128,128,128,.3);overflow-wrap:anywhere}"
        ".mesa-differ th:first-child{width:46%}.mesa-differ img{vertical-align:middle;image-rendering:pixelated}"
        ".mesa-differ span{white-space:nowrap}</style>"
    )


def _settings(pair: list[Run]) -> None:
    if len(pair) < 2:
        return
    try:
        first, second = (runs.config(run).to_dict() for run in pair)
    except StoreError:
        return
    rows = differences(first, second)
    st.subheader("Settings that differ", anchor=False)
    if rows:
        st.html(differing(rows))
        left, _ = st.columns([1, 2])
        with left:
            take_away.download(
                "Save as CSV", lambda: saving.csv_of(rows), "settings-that-differ.csv", "text/csv", "differ_csv"
            )
    else:
        st.caption(
            "None: the same question was asked twice. What differs then is the machine, or chance on another machine."
        )


def _figures(results: dict[str, Result], titles: dict[str, str]) -> None:
    """Before and after of every defence, and coverage."""
    st.subheader("Before and after", anchor=False)
    measure = controls.segmented(
        "Figure", "figure", charts.MEASURES, "original",
        "Each with its 95 % interval. The original trigger and its oracle are known to whoever staged the attack only.",
    )  # fmt: skip
    found = {titles[name]: charts.evaluations(result) for name, result in results.items()}
    notes = " ".join(f"{titles[name]}: {charts.caption(result)}" for name, result in results.items())
    drawn = charts.defences(found, measure)
    take_away.figure(
        drawn, "compare-defences", f"{charts.MEASURES[measure]} for every defence of both runs.", notes, "two_defences"
    )
    rows = []
    for title, evaluations in found.items():
        for name, e in evaluations.items():
            row = {"run": title, "": named(name)}
            for key, words in charts.MEASURES.items():
                row[words] = counted(charts.measured(e, key))
            rows.append(row)
    take_away.table(rows, "compare-defences", "two_defences")
    st.caption(
        "In brackets the 95 % interval. *Oracle* knows the trigger; *control* is retraining with clean images alone."
    )
    if any(result.submodels for result in results.values()):
        st.subheader("Recall and precision", anchor=False)
        for (name, result), place in zip(results.items(), st.columns(len(results)), strict=True):
            with place:
                st.markdown(f"**{stored.markdown(titles[name])}**")
                alt = f"Recall and precision by level of {name}."
                take_away.figure(
                    charts.coverage(result), f"{name}-coverage", alt, charts.caption(result), f"two_cov_{name}"
                )


def _scatters(pair: list[Run], titles: dict[str, str]) -> None:
    """The samples of both, on the same axes where they share them."""
    st.subheader("The sampled triggers", anchor=False)
    view = controls.segmented("View", "view", alphas.VIEWS, "pca")
    found = [(run, alphas.panel(run, None, view)) for run in pair]
    for run in [run for run, panel in found if panel is None]:
        st.caption(f"The samples of {run.name} are missing or damaged, or not drawn yet.")
    shown = [(titles[run.name], panel) for run, panel in found if panel is not None]
    if not shown:
        return
    note = "Each square is one sampled trigger, drawn as itself, framed in the colour of its ASR; grey: 512 black-and-white triggers."
    if len(shown) > 1 and not alphas.same_axes(*(panel for _, panel in shown)):
        st.info(
            "The two runs attacked different victims, or have triggers of different sizes, so each has axes of its own: compare the shapes, not the places."
        )
        note += " The axes differ, since the victims do."
    elif len(shown) > 1:
        note += " Both on the same axes."
    grid = [[panel for _, panel in shown]], [title for title, _ in shown], [""]
    take_away.figure(
        trigger_maps.scatter(*grid), "compare-samples", "Scatter of the sampled triggers of each run.", note, "two_scatter",
        apart=trigger_maps.apart(*grid),
    )  # fmt: skip
