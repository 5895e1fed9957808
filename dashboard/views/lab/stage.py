"""The Lab's first screen: the stage of a run, played, painted on, run for real, shared and taken away."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

import segno
import streamlit as st

from dashboard import address, stored, style
from dashboard.components import stage as component
from dashboard.serving import queue, reading, runs, visitors
from dashboard.serving.shown import ACTIVE
from dashboard.views.lab import asking, live, screens
from dashboard.views.lab import curves as progress
from dashboard.visit import reach, sent
from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.config import ConfigError
from mesa_core.config.settle import ready, settle
from mesa_core.data.locate import DataError
from mesa_core.data.sources import classes_of
from mesa_core.stage import at_hand, held_out, pictures, shelf
from mesa_core.stage.blocks import unpack
from mesa_core.stage.export import networks_of, scripts
from mesa_core.stage.page import page as whole_page
from mesa_core.stage.recording import figures, recording
from mesa_core.store import Run, StoreError
from mesa_core.words import duration

DATA = "signs"  # the images whose pictures are shipped
PAINT = "paint"  # in a shared address: what was in the painter
PAPER = "https://papers.nips.cc/paper/by-source-2019-7817"
STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 4.1rem clamp(0.7rem, 2vw, 2.4rem) 0 !important; max-width: 100%; }
[data-testid="stMainBlockContainer"] [data-testid="stVerticalBlock"] { gap: 0; }
</style>"""
BARE = """<style>[data-testid="stMainBlockContainer"] { padding-top: 0.6rem !important; }</style>"""  # in another page
NEEDED = ("id", "data", "trigger", "target", "alpha", "orbit", "before", "after")  # by the page, of a recording
LIVE_FRAMES = 2  # of a run that goes on: where its dots began and where they are


def draw() -> bool:
    """Draw the stage; False where the run that the address names has none."""
    run = chosen()
    if run is None:
        return False
    bare = bool(st.context.is_embedded)
    st.html(STYLE)
    if bare:
        style.without_navigation()
        st.html(BARE)
    st.session_state.stage_run = run.name
    busy = run.state() in ACTIVE
    try:
        key, block = base_of(run)
        played(run, run.state())
    except reading.UNREADABLE:
        return False  # the other screen says what is wrong with it

    awaited = not busy and not held_out.usual(run.config()) and asking.pictures(run).awaited

    @st.fragment(run_every=live.pace(visitors.may_control(run)) if busy else 1.0 if awaited else None)
    def seat() -> None:
        ended = busy and run.state() not in ACTIVE
        if st.session_state.pop("stage_again", False) or ended or (awaited and not asking.pictures(run).awaited):
            st.rerun()
        mount(run, key, block, bare)

    with st.container(key="stage_seat"):
        seat()
    component.base(block, key, [{k: one.get(k) for k in NEEDED} for one in beside(run)])
    return True


def chosen() -> Run | None:
    """The run of the address, the prepared one where it names none; None where that run has no stage."""
    name = address.said("run")
    try:
        run = queue.find(name) if name else next(iter(queue.shipped()), None)
    except StoreError:
        return None
    return run if run and possible(run) else None


def possible(run: Run) -> bool:
    """Whether a run has a stage: its trigger is known to its maker, and of the painter's size."""
    try:
        return not run.config().get("suspect") and reading.size_of(run) == triggers.SIZE
    except reading.UNREADABLE:
        return False


# -- what the stage is given
def mount(run: Run, key: str, block: bytes, bare: bool) -> None:
    """Put what is known at this moment on the stage."""
    s = st.session_state
    now = run.state()
    try:
        told, version = played(run, now)
        header, _ = unpack(told)
        places = pictures.places_of(shown(run), int(header["target"])).tolist()
    except reading.UNREADABLE:
        st.warning("This run cannot be read; its folder may be damaged or made by another program.")
        return
    file = s.pop("stage_file", None) or {"name": "", "bytes": b""}
    component.stage(
        {
            "base": key, "version": version, "places": places, "live": going_on(run, now),
            "note": provenance(run, header["id"]), "paint": painted(), "bare": bare, "home": links(),
            "answer": answered(run), "shared": s.pop("stage_shared", None), "filed": file["name"], "notice": s.pop("stage_notice", None),
        },
        told,
        file["bytes"],
        {"want": want, "ask": ask, "run": begin, "stop": stop, "take": take, "share": share, "all": everything},
    )  # fmt: skip


def played(run: Run, now: str) -> tuple[bytes, str]:
    """The recording that is on the stage, and a word that changes with it. Raises StoreError and others."""
    wanted = st.session_state.get("stage_want")
    # While a run works it is what is shown; while it waits another recording may be.
    if wanted and wanted["run"] == run.name and (now == "waiting" or now not in ACTIVE):
        return recorded(wanted["id"]), wanted["id"]
    if queue.is_shipped(run) and run.name in {entry["id"] for entry in offered()}:
        return _shelved(run.name), run.name
    events = reading.events(run)
    marks = tuple(sum(isinstance(e, kind) for e in events) for kind in (ev.Axes, ev.Snapshot, ev.Mark, ev.Evaluated))
    frames = LIVE_FRAMES if now in ACTIVE else 9
    version = f"{run.name} {marks} {frames}"
    return _recorded(str(run.path), version, reading.stamp_of(run.path / "config.json"), events, frames), version


@st.cache_resource(max_entries=8, show_spinner=False)
def _recorded(path: str, version: str, stamp: Any, _events: Sequence[ev.Event], frames: int) -> bytes:
    return recording(Run(Path(path)), _events, None, frames)


@st.cache_resource(max_entries=16, show_spinner=False)
def _shelved(name: str) -> bytes:
    return shelf.take(name)


@st.cache_resource(show_spinner=False)
def known() -> pictures.Pictures:
    """The pictures of the stage."""
    return pictures.read()


@st.cache_resource(ttl=60, show_spinner=False)
def offered() -> list[dict[str, Any]]:
    """The recordings on the shelf; [] where it is damaged."""
    with contextlib.suppress(StoreError):
        return shelf.index()
    return []


def shown(run: Run) -> pictures.Pictures:
    """The pictures of the run's own data: those of which its networks are asked, where they are here."""
    config = run.config()
    if held_out.usual(config):
        return known()
    own = asking.pictures(run).pictures
    if own is not None or config["data"] == DATA:
        return own or known()
    told = classes_of(config["data"])
    if not told:
        with contextlib.suppress(*reading.UNREADABLE):
            result = runs.result(run)
            told = tuple(stored.plain(name, 40) for name in result.data.classes) if result else ()
    return _at_hand(str(config["data"]), int(config["target"]), told, str(queue.store().cache))


@st.cache_resource(max_entries=8, ttl=60, show_spinner=False)
def _at_hand(data: str, target: int, classes: tuple[str, ...], cache: str) -> pictures.Pictures:
    return at_hand.of({"data": data, "target": target}, classes, Path(cache))


def beside(run: Run) -> list[dict[str, Any]]:
    """What may be played in the place of a run: the shelf beside the signs, else shipped runs of the same network."""
    config = run.config()
    if config["data"] == DATA:
        return offered()
    return _shipped_beside(*(str(config[k]) for k in ("data", "victim", "protocol")))


@st.cache_resource(max_entries=4, show_spinner=False)
def _shipped_beside(data: str, victim: str, protocol: str) -> list[dict[str, Any]]:
    found = []
    for run in (*queue.shipped(), *queue.swept()):
        with contextlib.suppress(*reading.UNREADABLE):
            config, result = run.config(), runs.result(run)
            same = (config["data"], config["victim"], config["protocol"]) == (data, victim, protocol)
            if same and possible(run) and result and "mesa" in result.after:
                kept = {
                    "before": figures(result.before.to_json()),
                    "mesa": figures(result.after["mesa"].to_json()),
                }
                found.append(shelf.entry_of({**config, "id": run.name, "side": triggers.SIZE, "figures": kept}))
    return found


def recorded(name: str) -> bytes:
    """A recording of the shelf, or one made of a shipped run. Raises StoreError and others."""
    if name in {entry["id"] for entry in offered()}:
        return _shelved(name)
    run = queue.find(name)
    return _recorded(str(run.path), name, reading.stamp_of(run.path / "config.json"), reading.events(run), 9)


def base_of(run: Run) -> tuple[str, bytes]:
    """The pictures, and the two networks that answer: this run's own once it has finished, else the prepared ones.

    On other data, and where a trigger is put on otherwise, a run's own networks answer: in the browser where they are
    small, else the worker; the pictures alone, and why, where they are not here.
    """
    config = run.config()
    if not held_out.usual(config):
        here, found = shown(run), asking.pictures(run)
        whose = {"run": run.name, "trigger": config["trigger"], "prepared": False, "why": found.why}
        key = f"{config['data']} {config['target']} {len(here.labels)} {run.name} {bool(found.pictures)} {found.why}"
        lacks = at_hand.missing(here, stored.plain(config["data"], 60))
        far = found.pictures is not None and not found.nets
        return key, pictures.base(here, int(config["target"]), found.nets, whose, lacks, far)
    own = run.state() == "finished" and run.name != known().run
    files = [reading.stamp_of(run.path / "weights" / f"{name}.safetensors") for name in ("attacked", "repaired")]
    if own and all(files):
        with contextlib.suppress(*reading.UNREADABLE):
            return f"{run.name} {files}", _base(str(run.path), tuple(files))
    return "prepared", _base("", ())


@st.cache_resource(max_entries=8, show_spinner=False)
def _base(path: str, stamps: tuple[Any, ...]) -> bytes:
    run = Run(Path(path)) if path else queue.find(known().run)
    config, nets = run.config(), None
    try:
        nets = networks_of(run, known())
    except StoreError:
        if path:
            raise
    whose = {"run": run.name, "trigger": config["trigger"], "prepared": not path}
    return pictures.base(known(), int(config["target"]), nets, whose)


def going_on(run: Run, now: str) -> dict[str, Any] | None:
    """What a run does at this moment: `state`, `words`, `share` of the way, `left`, `own`, and `rise`."""
    if now not in ACTIVE:
        return None
    told = {
        "state": now, "stage": "", "words": "Starting…", "share": 0.0, "left": "", "own": visitors.may_control(run), "rise": [],
    }  # fmt: skip
    if now == "waiting":
        found = live.queued(run)
        return told | ({} if found is None else dict(zip(("words", "left"), found[:2], strict=True)))
    events = reading.events(run)
    begun = next((e for e in reversed(events) if isinstance(e, ev.StageBegun)), None)
    if begun is None:
        return told
    told |= {"stage": str(begun.stage), "words": str(begun.label), "rise": progress.rise(events)}
    answer, whole = progress.to_go(events, run.config(), live.typical())
    left = whole if answer is None else answer
    told["left"] = (
        "measuring your computer…"
        if left is None
        else f"{'MESA’s answer' if answer else 'all'} in about {duration(left)}"
    )
    last = events[-1] if isinstance(events[-1], ev.Progress) else None
    spent = sum(e.seconds for e in events if isinstance(e, ev.StageDone) and not e.reused) + (
        last.elapsed if last else 0
    )
    told["share"] = round(spent / (spent + left), 3) if left else 0.0
    if run.control()[0] in ("pause", "step"):
        told |= {"state": "paused", "words": "Paused", "left": ""}
    if run.control()[0] == "stop":
        told |= {"words": "Stopping, as soon as this step is done…", "left": ""}
    return told


def provenance(run: Run, name: str) -> str:
    """Where the played figures come from, in a few words."""
    if name != run.name:
        return "A recorded run"
    if queue.is_shipped(run):
        return "A prepared run"
    words = {"stopped": "Stopped before its end", "interrupted": "Not ended", "failed": "Failed"}.get(run.state(), "")
    return words or ("Your run" if visitors.may_control(run) else "A run that you watch")


def painted() -> list[str] | None:
    """The nine colours of a shared address."""
    with contextlib.suppress(sent.Odd):
        return sent.colours((address.said(PAINT) or "").split(","), clear=True)
    return None


def links() -> list[tuple[str, str]]:
    """Where to read on: the paper, and the code where the installed package says its place."""
    found = [("The paper", PAPER)]
    with contextlib.suppress(PackageNotFoundError):
        for line in metadata("mesa-lab").get_all("Project-URL") or ():
            name, _, url = line.partition(", ")
            if name.lower() in ("source", "repository", "code") and url.startswith("https://"):
                found.append(("The code", url))
    return found


def answered(run: Run) -> dict[str, Any] | None:
    """What the worker says of the trigger that was painted last on this run's stage, where the worker is asked."""
    asked = st.session_state.get("stage_asked")
    if not asked or asked["run"] != run.name or held_out.usual(run.config()):
        return None
    # With the wish, so that "it waits" is news to the browser each time.
    return {**asking.answer(run, asked["paint"]), "seq": asked["seq"], "wish": asked["wish"]}


# -- what it asks for
def wish(name: str) -> dict[str, Any]:
    """What came with a wish, with `run` on the stage and the painted colours; raises sent.Odd."""
    asked = sent.message("stage", name)
    sent.whole(sent.part(asked, "seq"))
    return asked


def want() -> None:
    """Play another recording of the shelf."""
    try:
        name = sent.text(sent.part(wish("want"), "id"))
    except sent.Odd:
        return
    here, there = st.session_state.get("stage_run", ""), []
    with contextlib.suppress(*reading.UNREADABLE):
        there = beside(queue.find(here))
    st.session_state.stage_want = (
        {"run": here, "id": name} if name != here and any(e["id"] == name for e in there) else None
    )


def ask() -> None:
    """A trigger was painted whose answer the worker has to give; sent again until it is there."""
    try:
        asked = wish("ask")
        colours, number = sent.colours(sent.part(asked, "paint"), clear=True), sent.whole(sent.part(asked, "question"))
    except sent.Odd:
        return
    st.session_state.stage_asked = {
        "run": st.session_state.get("stage_run", ""),
        "paint": colours,
        "seq": number,
        "wish": asked["seq"],
    }


def begin() -> None:
    """Queue the run that is asked for, or show the one that was asked the same before."""
    s = st.session_state
    try:
        asked = wish("run")
        levels = sent.part(asked, "betas")
        shown_data = queue.find(s.get("stage_run", "")).config()["data"]
        data = shown_data if classes_of(shown_data) else DATA  # of a folder nobody here knows where it lies
        said = {
            "data": data, "trigger": " ".join(sent.colours(sent.part(asked, "paint"), clear=True)),
            "target": sent.whole(sent.part(asked, "target"), 0, len(classes_of(data)) - 1), "alpha": sent.part(asked, "alpha"),
            "beta": list(levels) if isinstance(levels, (list, tuple)) and len(levels) <= 8 else None,
        }  # fmt: skip
        here = queue.store().cache
        config = ready(settle(said, here), here).to_dict()
        run, token = queue.twin(config, prepared=False), ""  # a prepared one is not "for real"
        if run is None:
            run, token = queue.start(config, visitors.visitor())
        elif run.name == s.get("stage_run") and run.state() not in ACTIVE:
            s.stage_notice = notice("Exactly this was run here: it is what you see.")
            return
    except sent.Odd:
        return
    except (ConfigError, DataError, StoreError) as error:
        s.stage_notice = notice(str(error), bad=True)
        return
    visitors.remember(run, token)
    s.stage_want, s.stage_again = None, True
    address.become({screens.PARAMETER: screens.STAGE, "run": run.name})


def notice(words: str, bad: bool = False) -> dict[str, Any]:
    """What the stage tells once, in place of whatever it waits for."""
    return {"seq": secrets.token_hex(4), "words": words, "bad": bad}


def stop() -> None:
    """Stop the run on the stage, if this visit started it."""
    with contextlib.suppress(sent.Odd, StoreError):
        wish("stop")
        run = queue.find(st.session_state.get("stage_run", ""))
        if visitors.may_control(run):
            queue.ask(run, "stop")


def take() -> None:
    """Put the page to take away together: what is on the stage, and its recordings at other α."""
    s = st.session_state
    try:
        wish("take")
        run = queue.find(s.get("stage_run", ""))
        told, _ = played(run, run.state())
        header, _ = unpack(told)
        like = [
            e
            for e in beside(run)
            if all(e[k] == header[k] for k in ("trigger", "target", "data")) and e["id"] != header["id"]
        ]
        _, block = base_of(run)
        if unpack(block)[0]["target"] != header["target"]:  # triggers lie elsewhere, and no network here answers so
            block = pictures.base(
                shown(run), int(header["target"]), None, {"run": header["id"], "trigger": header["trigger"]}
            )
        html = whole_page(block, [told, *(recorded(e["id"]) for e in like)], f"MESA Lab: {header['id']}", scripts())
    except sent.Odd:
        return
    except reading.UNREADABLE:
        s.stage_notice = notice("This page cannot be put together; a file of the run is damaged.", bad=True)
        return
    s.stage_file = {"name": f"mesa-lab-{header['id']}.html#{secrets.token_hex(4)}", "bytes": html.encode()}


def share() -> None:
    """A link to what is on the stage, and its picture for a phone's camera."""
    try:
        colours = sent.colours(sent.part(wish("share"), "paint"), clear=True)
        run = queue.find(st.session_state.get("stage_run", ""))
    except (sent.Odd, StoreError):
        return
    query = {screens.PARAMETER: screens.STAGE, "run": run.name}
    if " ".join(colours) != run.config().get("trigger"):
        query[PAINT] = ",".join(map(reach.short, colours))
    url = reach.link(**query)
    svg = segno.make(url, error="m").svg_inline(scale=4, border=2, dark="#000000", light="#ffffff", omitsize=True)
    st.session_state.stage_shared = {
        "seq": secrets.token_hex(4),
        "url": url,
        "svg": svg,
        "note": reach.root()[1].replace("`", ""),
    }


def everything() -> None:
    """On to all controls and figures, with the run and what is painted."""
    s = st.session_state
    try:
        colours = sent.colours(sent.part(wish("all"), "paint"), clear=True)
        run = queue.find(s.get("stage_run", ""))
    except (sent.Odd, StoreError):
        return
    screens.show(screens.ALL, run.name if address.said("run") else "")
    if " ".join(colours) != run.config().get("trigger"):
        address.put("trigger", ",".join(map(reach.short, colours)))
    s.stage_again = True
