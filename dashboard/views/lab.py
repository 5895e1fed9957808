"""The Lab: paint a trigger, run, watch the sampled triggers move, read before and after."""

from __future__ import annotations

import streamlit as st

from dashboard import cards, jobs, live, state
from dashboard.components.painter import painter
from mesa_core import triggers
from mesa_core.config import ConfigError, params
from mesa_core.data.names import CLASSES
from mesa_core.store import StoreError

DATA_NAMES = {"auto": "CIFAR-10 if found, else road signs", "signs": "Road signs", "cifar10": "CIFAR-10"}
LEVELS = ("0.1", "0.3", "0.5", "0.7", "0.8", "0.9", "0.95", "1")
ALPHAS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def page() -> None:
    """Draw the whole page."""
    jobs.ensure_worker(jobs.store())
    run = state.current_run()
    state.adopt(run)
    st.title("MESA Lab", anchor=False)
    st.markdown(
        "A **backdoor** makes a network answer with the attacker's *target class* wherever it sees a small *trigger*. "
        "Paint one, press **Run**, and watch MESA find triggers that the network has come to accept, "
        "then make it forget them."
    )
    left, middle, right = st.columns([1.05, 2.1, 1.55], gap="medium")
    with left:
        controls()
    if run is None:
        middle.info("No run yet. Press Run.")
        return
    live.show(run, middle, right, cards.draw)


def controls() -> None:
    """The left column: painter, settings, Run."""
    st.subheader("1 · The trigger", anchor=False)
    painter(st.session_state.trigger, st.session_state.seq, st.session_state.epoch, "painter", state.edited)
    buttons = st.columns(2)
    names = {"invert": "Invert", "rotate": "Rotate", "mirror": "Mirror", "random": "Random"}
    for i, (what, name) in enumerate(names.items()):
        buttons[i % 2].button(name, key=f"do_{what}", on_click=state.change, args=(what,), width="stretch")
    st.caption(triggers.describe(triggers.from_hex(" ".join(st.session_state.trigger))))
    st.subheader("2 · The question", anchor=False)
    known = params()
    st.selectbox("Images", list(DATA_NAMES), format_func=DATA_NAMES.get, key="c_data", help=known["data"].help)
    classes = CLASSES.get(st.session_state.c_data, ())
    st.selectbox(
        "Target class",
        range(10),
        format_func=lambda i: f"{i} · {classes[i]}" if classes else f"class {i}",
        key="c_target",
        help=known["target"].help,
    )
    scale = sorted({*ALPHAS, float(st.session_state.c_alpha)})
    st.select_slider("α, how much to spread", scale, key="c_alpha", help=known["alpha"].help)
    options = sorted({*LEVELS, *st.session_state.c_beta}, key=float)
    st.multiselect("β, how often a trigger must succeed", options, key="c_beta", help=known["beta"].help)
    with st.expander("More"):
        st.selectbox("Protocol", known["protocol"].choices, key="c_protocol", help=known["protocol"].help)
        st.selectbox("Victim", known["victim"].choices, key="c_victim", help=known["victim"].help)
        st.selectbox("Kind of sub-model", known["kind"].choices, key="c_kind", help=known["kind"].help)
        low, high = int(known["mesa_steps"].low), 5000
        st.number_input("Training steps of MESA", low, high, key="c_mesa_steps", help=known["mesa_steps"].help)
        baselines, measures = known["baselines"], known["measure"]
        st.multiselect("Defences to compare with", baselines.choices, key="c_baselines", help=baselines.help)
        st.selectbox("Size of the measurements", measures.choices, key="c_measure", help=measures.help)
        st.number_input("Seed", int(known["seed"].low), int(known["seed"].high), key="c_seed", help=known["seed"].help)
    # A callback, so that the run is begun and its address set before anything is drawn, in one go.
    st.button("Run", type="primary", width="stretch", key="run", on_click=begin)
    if problem := st.session_state.pop("problem", ""):
        st.error(problem)
    st.caption("Attack, sampling and repair take about one to three minutes on the road signs, on a laptop.")


def begin() -> None:
    """Check the settings, queue a run, and put it into the address."""
    try:
        run, token = jobs.start(state.settings())
    except (ConfigError, StoreError) as error:
        st.session_state.problem = str(error)
        return
    st.session_state.adopted = run.name
    st.query_params.from_dict({"run": run.name, "by": token})
