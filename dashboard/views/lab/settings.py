"""The Lab's controls: their values in the session, in the address, and as a checked configuration.

The address names the run and every control that differs from that run's settings, so that a link opened elsewhere
shows the same; the browser's back button goes back through them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import address
from dashboard.serving import images as offered
from dashboard.serving import queue, visitors
from dashboard.views.lab import painting
from dashboard.visit import reach, sent
from mesa_core import drawings, triggers
from mesa_core.apply import places
from mesa_core.config import PURPOSES, ConfigError, make_config, params
from mesa_core.config.params import SILENT
from mesa_core.config.settle import ready, settle
from mesa_core.data.locate import find_data
from mesa_core.data.sources import SOURCES, classes_of
from mesa_core.store import Run, StoreError

KEPT = (
    "data", "target", "apply", "place", "alpha", "beta", "protocol", "victim", "kind", "repair_kind", "seed", "measure", "mesa_steps",
    "budget", "baselines",
)  # fmt: skip
SAID = (*KEPT, "trigger")  # what the address can say
LED = ("alpha", "beta", "mesa_steps")  # what a protocol decides, of the controls that hold a value of their own


def set_right() -> None:
    """Put back the address that was written last, where a change of a control brought an older one with it.

    The browser sends each change with the address that it knows, which under a quick hand is of a moment before; taken
    for a link, it would undo what was just done. A link or the back button comes without a change.
    """
    s = st.session_state
    if not changed():
        return
    address.become({**address.besides((*SAID, "run", "by")), **s.named, **s.heard})


def changed() -> bool:
    """Whether a control or the painter was changed since the Lab was drawn last."""
    s = st.session_state
    if "held" not in s or "c_data" not in s:
        return False
    put_right()
    return s.trigger != s.painted or any(s.get(f"c_{key}", value) != value for key, value in s.held.items())


def adopt(run: Run | None) -> None:
    """Set the controls to a run's settings and the address's, once each time one of them has changed."""
    s, name, words_there = st.session_state, run.name if run else "", heard()
    s.named = address.part(("run", "by"))
    known = s.get("adopted") == name and "held" in s
    back = known and "c_data" not in s  # Streamlit forgets controls while another page is shown
    if known and (s.get("heard") == words_there or (back and not words_there)):
        for key, value in s.held.items():
            s.setdefault(f"c_{key}", value)
        return
    config = settings_of(run)
    s.adopted, s.heard, s.base = name, words_there, words(config)
    if back:  # another page sent us here with a setting or two: the others stay as they were
        config |= s.held | {"beta": [float(b) for b in s.held["beta"]], "trigger": " ".join(s.trigger)}
    said = from_address(config["data"])
    config |= led(config, said["protocol"]) if "protocol" in said else {}
    config |= said
    for key in KEPT:
        s[f"c_{key}"] = config[key]
    s.c_beta = [f"{b:g}" for b in config["beta"]]
    s.held = {key: s[f"c_{key}"] for key in KEPT}  # at once: a click may cut this first drawing short
    painting.preset(triggers.from_hex(config["trigger"]))
    s.painted = s.trigger


def brought(run: Run) -> bool:
    """Whether a run is of a network that somebody brought."""
    try:
        return bool(run.config().get("suspect"))
    except StoreError:
        return False


def settings_of(run: Run | None) -> dict[str, Any]:
    """A run's settings as the controls can show them; the defaults where there is none, or it makes no sense."""
    try:
        config = make_config(run.config()).to_dict() if run else make_config().to_dict()
    except (StoreError, ConfigError):
        config = make_config().to_dict()
    if run and queue.is_shipped(run):
        config["baselines"] = make_config().to_dict()["baselines"]  # a prepared run has more than one waits for
    config = {**{name: SILENT[name] for name in KEPT if name in SILENT}, **config}
    if config["data"] not in images():
        config["data"] = "auto"
    if config["victim"] == make_config(data=config["data"], protocol=config["protocol"]).victim:
        config["victim"] = "auto"  # so that other images bring their own
    if not 0 <= config["target"] < targets(config["data"]):
        config["target"] = 0
    return config


def images() -> dict[str, str]:
    """The images that can be chosen on a page, with their names: those that are here, and need no folder named."""
    named = {name: offer.words for name, offer in offered.offers().items() if not offer.directory}
    return {"auto": "CIFAR-10 if found, else road signs", **named}


def classes(data: str) -> tuple[str, ...]:
    """The classes of a choice of images, for `auto` of what it would take; empty where only the images tell."""
    return classes_of(_taken(str(queue.store().cache), os.environ.get("MESA_LAB_DATA", "")) if data == "auto" else data)


@st.cache_resource(ttl=60, max_entries=8, show_spinner=False)
def _taken(cache: str, named: str) -> str:
    """What `auto` would take at this moment; looked for once a minute, for all visitors."""
    try:
        return find_data(named or None, Path(cache))
    except OSError:  # a folder that may not be looked into; who presses Run is told
        return "signs"


def targets(data: str) -> int:
    """How many target classes can be asked for; as many as there can be where the classes are not known."""
    return len(classes(data)) or int(params()["target"].high or 0) + 1


def heard() -> dict[str, str]:
    """The settings in the address, as they stand there."""
    return address.part(SAID)


def words(config: dict[str, Any]) -> dict[str, str]:
    """Settings as the address spells them."""
    said = {}
    for key in SAID:
        value = config[key] if key in config else SILENT[key]  # a configuration leaves out what goes without saying
        if key == "trigger":
            name = drawings.name_of(triggers.from_hex(value))
            said[key] = drawings.PREFIX + name if name else ",".join(reach.short(word) for word in value.split())
        elif isinstance(value, (list, tuple)):
            said[key] = ",".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value)
        else:
            said[key] = f"{value:g}" if isinstance(value, float) else str(value)
    return said


def control(key: str) -> Any:
    """The value of a control, always one that its setting can have.

    The browser sends labels. Where they have changed in between (other images have other classes), Streamlit takes an
    old label for the value; it is read back here. Other nonsense counts as what was held before.
    """
    s = st.session_state
    value = s.get(f"c_{key}", s.held[key])
    if sound(key, value):
        return value
    if key in ("beta", "baselines"):
        many = value if isinstance(value, (list, tuple)) else s.held[key]
        return [one for one in many if sound(key, [one])]
    read = s.get(f"c_{key}_said", {}).get(value) if isinstance(value, str) else None
    found = read if sound(key, read) else s.held[key]
    return found if key != "target" or sound(key, found) else 0  # other images may have fewer classes


def sound(key: str, value: Any) -> bool:
    """Whether a control may hold this value."""
    try:
        if key == "beta":
            value = [float(word) for word in value if isinstance(word, str)] if len(set(value)) == len(value) else None
        if key == "place" and places.spelt(value) != value:
            return False
        params()[key].check(key, value)
    except (ConfigError, TypeError, ValueError, OverflowError, AttributeError):
        return False
    return key != "target" or 0 <= value < targets(control("data"))


def put_right() -> None:
    """Give every control a value that it can have; only before the controls are drawn."""
    s = st.session_state
    if "held" not in s:
        return
    for key in KEPT:
        name = f"c_{key}"
        if name in s and not sound(key, s[name]):
            s[name] = control(key)


def now() -> dict[str, str]:
    """The controls' values as the address spells them."""
    config = {key: control(key) for key in KEPT} | {"trigger": " ".join(st.session_state.trigger)}
    config["beta"] = sorted((float(b) for b in control("beta")), key=float)
    config["place"] = config["place"] if config["apply"] == "fixed" else SILENT["place"]  # else it says nothing
    return words(config)


def to_address() -> None:
    """Write into the address what differs from the shown run; called once all controls are drawn."""
    s = st.session_state
    s.held, s.painted = {key: control(key) for key in KEPT}, s.trigger
    wanted = {key: word for key, word in now().items() if word != s.base.get(key)}
    if wanted != heard():
        address.become({**address.besides(SAID), **wanted})
    s.heard = wanted


def from_address(data: str = "auto") -> dict[str, Any]:
    """Settings that the address carries, such as `?alpha=1&trigger=...`; what does not make sense is left out.

    `data` are the images where the address names none.
    """
    found: dict[str, Any] = {}
    known, ignored = params(), []
    for key, word in heard().items():
        try:
            kind, parts = known[key].type, [w for w in word.split(",") if w]
            numbers = {"int": int, "float": float, "floats": float}
            read = numbers.get(kind, str)
            value = [read(w) for w in parts] if kind.endswith("s") else read(word)
            value = known[key].check(key, value)
            make_config({key: value})
            value = places.spelt(value) if key == "place" else value
        except (ConfigError, ValueError, OverflowError):
            ignored.append(f"{key}={word}")
            continue
        if key == "data" and value not in images():
            # A folder is named on the command line only.
            ignored.append(
                f"{key}={word}" + ("" if value not in SOURCES or SOURCES[value].needs_directory else " (not here)")
            )
            continue
        found[key] = list(value) if isinstance(value, tuple) else value
    if not 0 <= found.get("target", 0) < targets(found.get("data", data)):
        ignored.append(f"target={found.pop('target')}")
    st.session_state["ignored"] = ", ".join(ignored)[:120]
    return found


def led(config: dict[str, Any], protocol: str) -> dict[str, Any]:
    """What of LED another protocol changes: all that stands where the present protocol has it, nobody having moved it."""
    old, new = (make_config(protocol=name).to_dict() for name in (config["protocol"], protocol))
    return {key: new[key] for key in LED if config[key] == old[key]}


def picked_protocol() -> None:
    """The protocol's callback: the controls that it decides follow."""
    s = st.session_state
    config = {key: control(key) for key in LED} | {"protocol": s.held["protocol"]}
    config["beta"] = sorted(float(b) for b in config["beta"])
    for key, value in led(config, control("protocol")).items():
        s[f"c_{key}"] = [f"{b:g}" for b in value] if key == "beta" else value


def picked_purpose(name: str) -> None:
    """The callback of a button that says what the kinds are for."""
    for key, (value, _) in PURPOSES[name].items():
        st.session_state[f"c_{key}"] = value


def picked_class() -> None:
    """The class pictures' callback."""
    most = targets(control("data")) - 1
    try:
        st.session_state.c_target = sent.whole(sent.part(sent.message("classes", "pick"), "id"), 0, most)
    except sent.Odd:
        return


def edited_beta() -> None:
    """The β control's callback: keep what is a level, sorted; say what is not."""
    s, good, bad = st.session_state, set(), []
    for word in s.c_beta:
        try:
            good |= set(params()["beta"].check("beta", [float(word.replace(",", "."))]))
        except (ConfigError, ValueError):
            bad.append(word)
    s.c_beta = [f"{b:g}" for b in sorted(good)]
    s.problem = f"{', '.join(bad)[:60]} is not a level: β is a number from 0 to 1." if bad else ""


def edited_number(name: str, most: int) -> None:
    """A number control's callback: what is out of bounds is not taken, and why is said beside it."""
    s, low = st.session_state, int(params()[name].low or 0)
    key, value = f"c_{name}", s.get(f"c_{name}")
    fits = isinstance(value, int) and low <= value <= most
    s[f"{key}_why"] = "" if fits else f"It is a whole number from {low:,} to {most:,}."
    if not fits:
        s[key] = s.held[name]


def settings() -> dict[str, Any]:
    """The controls' values as a checked configuration. Raises ConfigError, DataError."""
    s = st.session_state
    given = {key: control(key) for key in KEPT if key != "beta"}
    given["beta"] = [float(b) for b in control("beta")]
    given["trigger"] = " ".join(s.trigger)
    cache = queue.store().cache
    return ready(settle(given, cache), cache).to_dict()


def show_run(run: Run, token: str = "") -> None:
    """Put a run into the address; the controls stay as they are."""
    s = st.session_state
    s.adopted, s.heard, s.base = run.name, {}, now()
    s.shown = s.named = {"run": run.name}
    visitors.remember(run, token)
    address.become({**s.shown, **address.besides((*SAID, "run", "by"))})
