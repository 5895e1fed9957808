"""What the page knows of a visit: the run in the URL, the controls' values, the painter's trigger."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import streamlit as st

from dashboard import jobs
from mesa_core import triggers
from mesa_core.config import ConfigError, make_config, params
from mesa_core.settle import settle
from mesa_core.store import Run, StoreError

KEPT = ("data", "target", "alpha", "beta", "protocol", "victim", "kind", "seed", "measure", "mesa_steps", "baselines")


def current_run() -> Run | None:
    """The run that the URL names, else a shipped one; says so where the named one is not there."""
    name = st.query_params.get("run")
    shipped = jobs.shipped()
    if name is not None:
        try:
            return jobs.find(name)
        except StoreError:
            st.warning("The address names a run that is not here. The prepared example is shown instead.")
    return shipped[0] if shipped else None


def may_control(run: Run) -> bool:
    """Whether this visit was given the run's token, which its starter's address carries."""
    return jobs.owns(run, st.query_params.get("by", ""))


def adopt(run: Run | None) -> None:
    """Set the controls to a run's settings, once each time another run is shown."""
    name = run.name if run else ""
    if st.session_state.get("adopted") == name:
        return
    st.session_state.adopted = name
    try:
        config = make_config(run.config()).to_dict() if run else make_config().to_dict()
    except (StoreError, ConfigError):
        config = make_config().to_dict()
    if config["data"] not in ("signs", "cifar10"):
        config["data"] = "auto"
    if config["victim"] == make_config(data=config["data"], protocol=config["protocol"]).victim:
        config["victim"] = "auto"  # so that other images bring their own
    config |= from_address()
    for key in KEPT:
        st.session_state[f"c_{key}"] = config[key]
    st.session_state.c_beta = [f"{b:g}" for b in config["beta"]]
    preset(triggers.from_hex(config["trigger"]))


def from_address() -> dict[str, Any]:
    """Settings that the address carries, such as `?alpha=1&trigger=...`; what does not make sense is left out."""
    found: dict[str, Any] = {}
    known = params()
    for key in (*KEPT, "trigger"):
        word = st.query_params.get(key)
        if word is None:
            continue
        try:
            kind, parts = known[key].kind, [w for w in word.split(",") if w]
            numbers = {"int": int, "float": float, "floats": float}
            read = numbers.get(kind, str)
            value = [read(w) for w in parts] if kind.endswith("s") else read(word)
            value = known[key].check(key, value)
            make_config({key: value})
        except (ConfigError, ValueError, OverflowError):
            continue
        if key == "data" and value == "folder":
            continue  # paths are named on the command line only
        found[key] = list(value) if isinstance(value, tuple) else value
    if not 0 <= found.get("target", 0) <= 9:
        found.pop("target")
    return found


def preset(trigger: np.ndarray) -> None:
    """Put a trigger into the painter, whatever the browser has in flight."""
    st.session_state.trigger = triggers.to_hex(trigger).split(" ")
    st.session_state.epoch = st.session_state.get("epoch", 0) + 1
    st.session_state.setdefault("seq", 0)


def edited() -> None:
    """The painter's callback; an edit that is not nine colours is left out."""
    edit: Any = (st.session_state.get("painter") or {}).get("edit")
    try:
        words = [str(word) for word in edit["value"]]
        triggers.from_hex(" ".join(words))
        st.session_state.trigger, st.session_state.seq = words, int(edit["seq"])
    except (TypeError, KeyError, ValueError):
        return


def change(what: str) -> None:
    """Invert, rotate, mirror, or draw a random black-and-white trigger."""
    now = triggers.from_hex(" ".join(st.session_state.trigger))
    if what == "random":
        preset(triggers.from_code(random.randrange(1, 511)))
    else:
        preset({"invert": triggers.invert, "rotate": triggers.rotate, "mirror": triggers.mirror}[what](now))


def settings() -> dict[str, Any]:
    """The controls' values as a checked configuration. Raises ConfigError."""
    s = st.session_state
    given = {key: s[f"c_{key}"] for key in KEPT if key != "beta"}
    given["beta"] = [float(b) for b in s.c_beta]
    given["trigger"] = " ".join(s.trigger)
    return settle(given, jobs.store().cache).to_dict()
