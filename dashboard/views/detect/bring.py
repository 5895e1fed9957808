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
from mesa_core import triggers
from mesa_core.apply import plan
from mesa_core.config import ConfigError, scan_usual
from mesa_core.config.settle import ready, settle
from mesa_core.data.locate import DataError
from mesa_core.data.sources import classes_of
from mesa_core.store import Run, StoreError
from mesa_core.words import counted_bytes

ANY, QUICK = "any", "quick"  # every size at every place; one size at random places
UNFINISHED = {"running": "being scanned", "waiting": "waiting"}
SIDES = {str(side): side for side in triggers.SMALL}
SOUGHT = {  # what a scan may look for, the usual first
    ANY: "any size, at any place",
    **{key: f"{triggers.sized(side)}, at any place" for key, side in SIDES.items()},
    QUICK: f"{triggers.sized(triggers.SIZE)}, at random places (quickest)",
}


def zone() -> None:
    """The drop zone, what was found in the file, the choice of images, and the button that scans."""
    s = st.session_state
    with st.container(border=True, key="bring"):
        st.markdown("**Drop a network: does it carry a backdoor?**")
        most = brought.MOST_BYTES // 10**6
        data = st.file_uploader(
            f"Weights, up to {most} MB: {', '.join('.' + e for e in brought.ENDINGS)}", type=list(brought.ENDINGS),
            key=f"bring_{s.get('bring_turn', 0)}", max_upload_size=most,
            help="Nothing in the file is executed. It is yours alone: kept for a day, or until you delete it.",
        )  # fmt: skip
        if data is not None:
            take(data)
        mine = own()
        chosen = next((one for one in mine if one.digest == s.get("bring_chosen")), None)
        looked = look(chosen) if chosen is not None else None
        if problem := s.get("bring_problem"):
            st.error(stored.markdown(problem))
        if chosen is not None and looked is not None:
            ask(chosen, looked)
    past(mine if looked is not None or chosen is None else own())  # what cannot be used was forgotten


def own() -> list[Brought]:
    """The visitor's files; none for who cannot have any."""
    _tidied()
    try:
        return brought.kept(visitors.visitor())
    except StoreError:
        return []


@st.cache_resource(ttl=600, show_spinner=False)
def _tidied() -> None:
    """Forget what is a day old, now and then, whoever looks."""
    brought.forget_old()


def take(data: Any) -> None:
    """Keep what was dropped, then free the server's memory of it."""
    s = st.session_state
    s.pop("bring_problem", None)
    try:
        s.bring_chosen = brought.keep(visitors.visitor(), str(data.name), data.getvalue()).digest
    except StoreError as error:
        s.bring_problem = str(error)
    s.bring_turn = s.get("bring_turn", 0) + 1  # an empty zone: Streamlit would keep the bytes
    st.rerun()


def look(one: Brought) -> Looked | None:
    """What a file is, looked into once a visit; None where it cannot be used, which is then said, and it is forgotten."""
    s = st.session_state
    known: dict[str, Looked] = s.setdefault("bring_looked", {})
    if one.digest not in known:
        try:
            with st.spinner("Reading the file…"):
                known[one.digest] = looking.look(one.path)
        except StoreError as error:
            s.bring_problem = str(error)
            s.pop("bring_chosen", None)
            brought.forget(visitors.visitor(), one.digest)
            return None
    return known[one.digest]


def ask(one: Brought, looked: Looked) -> None:
    """What the file is, what to scan it with, and the button."""
    st.caption(f"{stored.markdown(one.name)}, {counted_bytes(one.size)}. {stored.markdown(looked.words)}")
    offers = images.offers()
    fitting = {k: o for k, o in offers.items() if len(classes_of(o.data)) in (0, looked.classes)}
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
    sought = right.selectbox(
        "Triggers", list(SOUGHT), format_func=lambda key: SOUGHT.get(key, ""), key="bring_sought",
        help="What is sought. A trigger that always lies at one place, in a corner say, is missed at random places.",
    )  # fmt: skip
    st.button("Scan it", type="primary", key="bring_scan", on_click=begin, args=(one, fitting.get(data), arch, sought))


def begin(one: Brought, offer: images.Offer | None, arch: str, sought: str) -> None:
    """Queue the scan and show it."""
    s = st.session_state
    s.pop("bring_problem", None)
    if offer is None or sought not in SOUGHT:
        return  # what the browser sent is none of the choices
    try:
        cache = queue.store().cache
        said = {"suspect": str(one.path), "victim": arch, "data": offer.data, "data_dir": offer.directory}
        if sought != ANY:
            said["trigger"] = triggers.to_hex(triggers.chequer(SIDES.get(sought, triggers.SIZE)))
        if sought == QUICK:
            said["search_places"] = plan.ANYWHERE
        config = ready(settle({**scan_usual(said), **said}, cache), cache).to_dict()
        name = brought.PREFIX + secrets.token_hex(8)
        run, token = queue.start(config, visitors.visitor(), visitors.where(), name)
        visitors.remember(run, token)
        brought.scanned(one, run)
    except (ConfigError, DataError, StoreError) as error:
        s.bring_problem = str(error)
        return
    s.pop("bring_chosen", None)  # what is asked is asked
    address.become({"run": run.name})


def past(mine: list[Brought]) -> None:
    """The visitor's networks and their scans, each with a button that deletes all of it."""
    if not mine:
        return
    with st.expander(f"Your networks of the last day ({len(mine)})", expanded=True):
        for one in mine:
            last = next(iter(one.runs()), None)
            row = st.container(horizontal=True, vertical_alignment="center", key=f"bring_row_{one.digest}")
            with row:
                line(one, last)
            if last is not None:
                row.button("Show", key=f"bring_show_{one.digest}", on_click=address.become, args=({"run": last.name},))
            row.button(
                "Scan again" if last else "Scan", key=f"bring_again_{one.digest}", on_click=choose, args=(one.digest,)
            )
            row.button(
                "Delete", key=f"bring_delete_{one.digest}", on_click=delete, args=(one,),
                help="The file and everything found in it.",
            )  # fmt: skip


def line(one: Brought, last: Run | None) -> None:
    """A file and how far its scan is, which is looked up again as long as it goes on."""

    @st.fragment(run_every=2.0 if last is not None and last.state() in UNFINISHED else None)
    def shown() -> None:
        st.markdown(f"{stored.markdown(one.name)} · {counted_bytes(one.size)} · {said(last)}")

    shown()


def said(last: Run | None) -> str:
    """How far a file's last scan is, in a few words."""
    if last is None:
        return "not scanned yet"
    state = last.state()
    if state != "finished":
        return {**UNFINISHED, "failed": "could not be scanned"}.get(state, "stopped")
    verdict = verdict_of(last)
    if verdict is None:
        return "no verdict"
    if verdict.target is None:
        return "**looks attacked: all to all**" if verdict.found else "**nothing found**"
    name = next((c.name for c in verdict.classes if c.number == verdict.target), str(verdict.target))
    return f"**looks attacked: {stored.markdown(name)}**"


def choose(digest: str) -> None:
    """A callback: ask about a file that is kept already."""
    st.session_state.pop("bring_problem", None)
    st.session_state.bring_chosen = digest


def delete(one: Brought) -> None:
    """A callback: forget a file."""
    shown = address.said("run")
    with places.watched():
        brought.forget(visitors.visitor(), one.digest)
    if shown in one.scans:
        address.become({})


def whose(run: Run) -> Brought | None:
    """The visitor's file that a run scans; None where it is none of his."""
    return next((one for one in own() if run.name in one.scans), None)


def is_brought(run: Run) -> bool:
    """Whether a run examines a network that somebody brought."""
    config = config_of(run)
    return bool(config and config.suspect and run.name.startswith(brought.PREFIX))
