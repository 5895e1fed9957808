"""A network of the visitor's own: dropped, looked at, scanned; and the scans of the last day."""

from __future__ import annotations

import secrets
from typing import Any

import streamlit as st

from dashboard import address, places, stored
from dashboard.serving import brought, images, looking, queue, visitors
from dashboard.serving.brought import Brought
from dashboard.serving.looking import Looked
from dashboard.views.detect.searches import config_of, verdict_of
from mesa_core.cli.flags import SCAN_USUAL
from mesa_core.config import ConfigError
from mesa_core.config.settle import ready, settle
from mesa_core.data.locate import DataError
from mesa_core.data.sources import classes_of
from mesa_core.store import Run, StoreError
from mesa_core.words import counted_bytes

TRIGGERS = {3: "3×3", 4: "4×4", 5: "5×5"}  # sizes that a scan may seek


def zone() -> None:
    """The drop zone, what was found in the file, the choice of images, and the button that scans."""
    with st.container(border=True, key="bring"):
        st.markdown("**Drop a network: does it carry a backdoor?**")
        data = st.file_uploader(
            f"Weights, up to {brought.MOST_BYTES // 10**6} MB: {', '.join('.' + e for e in brought.ENDINGS)}",
            type=list(brought.ENDINGS), key=f"bring_{st.session_state.get('bring_turn', 0)}", max_upload_size=brought.MOST_BYTES // 10**6,
            help="Nothing in the file is executed. It is yours alone: kept for a day, or until you delete it.",
        )  # fmt: skip
        if data is not None:
            take(data)
        if problem := st.session_state.get("bring_problem"):
            st.error(stored.markdown(problem))
        chosen = next((o for o in own() if o.digest == st.session_state.get("bring_chosen")), None)
        if chosen is not None:
            ask(chosen)
    past()


def own() -> list[Brought]:
    """The visitor's files; none for who cannot have any."""
    try:
        return brought.kept(visitors.visitor())
    except StoreError:
        return []


def take(data: Any) -> None:
    """Keep what was dropped and look into it, then free the server's memory of it."""
    s = st.session_state
    s.pop("bring_problem", None)
    try:
        one = brought.keep(visitors.visitor(), str(data.name), data.getvalue())
        with st.spinner("Reading the file…"):
            s.setdefault("bring_looked", {})[one.digest] = looking.look(one.path)
        s.bring_chosen = one.digest
    except StoreError as error:
        s.bring_problem = str(error)
        if "one" in locals():
            brought.forget(visitors.visitor(), one.digest)
    s.bring_turn = s.get("bring_turn", 0) + 1  # an empty zone: Streamlit would keep the bytes
    st.rerun()


def ask(one: Brought) -> None:
    """What the file is, what to scan it with, and the button."""
    looked: Looked | None = st.session_state.get("bring_looked", {}).get(one.digest)
    if looked is None:
        return
    words = looked.words.removeprefix(f"{one.path.name} ").removeprefix("(")  # it has another name where it is kept
    words = f"It is {words.replace(') is ', ': ', 1)}"
    st.caption(f"{stored.markdown(one.name)}, {counted_bytes(one.size)}. {stored.markdown(words)}")
    offers = images.offers()
    fitting = {k: o for k, o in offers.items() if not classes_of(o.data) or len(classes_of(o.data)) == looked.classes}
    if not fitting:
        st.warning(
            f"The network tells {looked.classes} classes apart; no images here have as many. Name a folder of such images with "
            f"{images.FOLDERS} where the server is started, or use `mesa-lab scan FILE --data folder --data-dir DIR`."
        )
        return
    left, middle, right = st.columns(3)
    data = left.selectbox(
        "Images that it was made for", list(fitting), format_func=lambda key: fitting[key].words, key="bring_data",
        help="The defender's own images: some for the search, others to measure with.",
    )  # fmt: skip
    arch = middle.selectbox(
        "Architecture", list(looked.archs), key="bring_arch", help="Found by the names and shapes in the file."
    )
    size = right.selectbox(
        "Triggers of",
        list(TRIGGERS),
        format_func=TRIGGERS.get,
        key="bring_size",
        help="The size of the triggers that are sought.",
    )
    st.button("Scan it", type="primary", key="bring_scan", on_click=begin, args=(one, fitting.get(data), arch, size))


def begin(one: Brought, offer: images.Offer | None, arch: str, size: int) -> None:
    """Queue the scan and show it."""
    s = st.session_state
    s.pop("bring_problem", None)
    if offer is None or size not in TRIGGERS:
        return  # what the browser sent is none of the choices
    try:
        cache = queue.store().cache
        said = {
            **SCAN_USUAL, "suspect": str(one.path), "victim": arch, "data": offer.data, "data_dir": offer.directory,
            "trigger": " ".join(["#000000"] * size**2),
        }  # fmt: skip
        config = ready(settle(said, cache), cache).to_dict()
        name = brought.PREFIX + secrets.token_hex(8)
        run, token = queue.start(config, visitors.visitor(), visitors.where(), name)
        visitors.remember(run, token)
        brought.scanned(visitors.visitor(), one, run)
    except (ConfigError, DataError, StoreError) as error:
        s.bring_problem = str(error)
        return
    s.pop("bring_chosen", None)  # what is asked is asked
    address.become({"run": run.name})


def past() -> None:
    """The visitor's networks and their scans, each with a button that deletes all of it."""
    mine = own()
    if not mine:
        return
    with st.expander(f"Your networks of the last day ({len(mine)})", expanded=True):
        for one in mine:
            row = st.container(horizontal=True, vertical_alignment="center", key=f"bring_row_{one.digest}")
            row.markdown(f"{stored.markdown(one.name)} · {counted_bytes(one.size)} · {said(one)}")
            for run in one.runs()[:1]:
                row.button("Show", key=f"bring_show_{one.digest}", on_click=show, args=(run,))
            if one.digest in st.session_state.get("bring_looked", {}) or not one.scans:
                row.button(
                    "Scan again" if one.scans else "Scan", key=f"bring_again_{one.digest}", on_click=again, args=(one,)
                )
            row.button(
                "Delete",
                key=f"bring_delete_{one.digest}",
                on_click=delete,
                args=(one,),
                help="The file and everything found in it.",
            )


def said(one: Brought) -> str:
    """How far a file's last scan is, in a few words."""
    runs = one.runs()
    if not runs:
        return "not scanned yet"
    state = runs[0].state()
    if state != "finished":
        return {"running": "being scanned", "waiting": "waiting", "failed": "could not be scanned"}.get(
            state, "stopped"
        )
    verdict = verdict_of(runs[0])
    if verdict is None:
        return "no verdict"
    if verdict.target is None:
        return "**nothing found**"
    name = next((c.name for c in verdict.classes if c.number == verdict.target), str(verdict.target))
    return f"**looks attacked: {stored.markdown(name)}**"


def show(run: Run) -> None:
    """A callback: open a scan."""
    address.become({"run": run.name})


def again(one: Brought) -> None:
    """A callback: choose a file that is kept already."""
    s = st.session_state
    try:
        s.setdefault("bring_looked", {}).setdefault(one.digest, looking.look(one.path))
        s.bring_chosen = one.digest
    except StoreError as error:
        s.bring_problem = str(error)


def delete(one: Brought) -> None:
    """A callback: forget a file."""
    shown = address.said("run")
    with places.watched():
        brought.forget(visitors.visitor(), one.digest)
    st.session_state.get("bring_looked", {}).pop(one.digest, None)
    if shown in one.scans:
        address.become({})


def whose(run: Run) -> Brought | None:
    """The visitor's file that a run scans; None where it is none of his."""
    return next((one for one in own() if run.name in one.scans), None)


def is_brought(run: Run) -> bool:
    """Whether a run examines a network that somebody brought."""
    config = config_of(run)
    return bool(config and config.suspect and run.name.startswith(brought.PREFIX))
