"""The Lab: paint a trigger, run, watch the sampled triggers move, read before and after."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import address, keys, stored
from dashboard.components.painter import painter
from dashboard.components.picker import picker
from dashboard.serving import queue, visitors
from dashboard.serving.difficulties import difficulties
from dashboard.views.lab import before_after, class_pictures, live, painting, placing, screens, settings, stage
from dashboard.views.shared import place_maps, take_away
from dashboard.visit import run_choice
from mesa_core import glossary, triggers
from mesa_core.config import ConfigError, params
from mesa_core.data.locate import DataError
from mesa_core.glossary import TERMS
from mesa_core.measures.mapped import BEST, ORIGINAL
from mesa_core.pictures.thumbnails import trigger_img
from mesa_core.store import StoreError

LEVELS = ("0", "0.1", "0.3", "0.5", "0.7", "0.8", "0.9", "0.95", "1")
ALPHAS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
MOST_STEPS = 5000  # of MESA, that a page may ask of a shared server


@keys.page("lab")
def page() -> None:
    """Draw the stage, or all controls and figures."""
    queue.wake(queue.store())
    if screens.now() == screens.STAGE and stage.draw():
        return
    everything()


def everything() -> None:
    """The researcher's view."""
    settings.set_right()
    run = run_choice.current_run()
    settings.adopt(run)
    st.session_state.brought = bool(run and settings.brought(run))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title("MESA Lab", anchor=False)
        name = run.name if run and address.names("run") else ""
        if run and stage.possible(run):
            st.button("Back to the stage", key="to_stage", on_click=screens.show, args=(screens.STAGE, name))
    st.markdown(
        "Paint a trigger, press **Run**, and watch MESA find all that the network has come to accept, then make it forget them.",
        help=glossary.of(
            "backdoor", "trigger", "code", "target", "victim", "ASR", "MESA", "sub-model", "entropy", "nats", "hinge"
        ),
    )
    left, middle, right = st.container(key="lab_columns").columns([1.05, 2.1, 1.55], gap="medium")
    with left:
        code = trigger()
        start()  # right below the painter: a trigger, one button
        with st.expander("Gallery: one of each kind"):
            gallery(code, difficulties())
        question()
    settings.to_address()
    screens.stay()
    if run is None:
        middle.info("No run yet. Press Run.")
        return
    live.show(run, middle, right, before_after.draw)
    if run.state() == "finished":
        with middle.expander("Where the triggers work: every place of the image"):
            if not place_maps.section(run, (ORIGINAL, BEST), "lab_places"):
                st.caption(
                    "This run made no maps of places; one that is begun with --place-images 64 does, and `mesa-lab places --run` "
                    "draws them of any."
                )
    with middle.expander("Take it away: report, command, files"):
        take_away.run_panel(run)


def trigger() -> int | None:
    """The painter, and what can be done to the trigger at once; returns its 3x3 code where it has one."""
    st.subheader("1 · The trigger", anchor=False)
    painted = triggers.from_hex(" ".join(st.session_state.trigger))
    side = painted.shape[-1]
    if side in painting.SIDES:
        s = st.session_state
        painter(s.trigger, s.seq, s.epoch, "painter", painting.edited, eraser=True)
        if s.get(painting.SIDE) != side:
            s[painting.SIDE] = side
        keys.said(painting.SIDE, {triggers.sized(one): one for one in painting.SIDES})
        st.segmented_control(
            "Size", painting.SIDES, format_func=triggers.sized, key=painting.SIDE, on_change=painting.resized,
            help="What is searched for has this size, too.",
        )  # fmt: skip
    else:
        st.html(trigger_img(triggers.to_hex(painted), 150))
        st.caption(
            f"A {triggers.sized(side)} trigger; the painter paints 3×3 to 5×5. *Run* takes it as it is; run others with "
            "`mesa-lab run --trigger …`. The gallery below goes back to 3×3."
        )
    names = {
        "invert": ("Invert", "Black becomes white, each colour its opposite."),
        "rotate": ("Rotate", "A quarter turn to the left."),
        "mirror": ("Mirror", "Left and right exchanged."),
        "random": ("Random", "Any black-and-white trigger."),
    }
    rows = [st.container(horizontal=True, gap="small") for _ in range(2)]
    for i, (what, (name, about)) in enumerate(names.items()):
        rows[i // 2].button(name, key=f"do_{what}", on_click=painting.change, args=(what,), help=about, width="stretch")
    if st.session_state.get("brought"):
        st.caption(
            "The run beside this is of a network that was brought, whose trigger nobody told. What is painted here is "
            "what *Run* would plant in a network of yours."
        )
    st.caption(triggers.describe(painted))
    if not triggers.opaque(painted).all():
        st.caption(
            "Transparent cells leave the image as it is. The defender does not know them: he looks for full squares."
        )
    return triggers.code_of(painted) if side == triggers.SIZE else None


def gallery(code: int | None, known: dict[int, str] | None = None) -> None:
    """The 51 orbits; `known` says in words how hard a code was found to be, where results are at hand."""
    items = []
    for orbit in triggers.orbits():
        first, size = orbit[0], len(orbit)
        about = f", {known[first]}" if known and first in known else ""
        label = (
            f"code {first}, with {size - 1} other{'s' if size > 2 else ''} of its kind{about}"
            if size > 1
            else f"code {first}{about}"
        )
        items.append({"id": str(first), "label": label, "trigger": triggers.code_to_hex(first)})
    chosen = "" if code is None else str(triggers.orbits()[triggers.orbit_of(code)][0])
    picker(items, chosen, "The 51 kinds of trigger", "gallery", painting.picked_code)
    if known and chosen and int(chosen) in known:
        st.caption(f"This kind is {known[int(chosen)]}.")
    st.caption(
        "Turning, mirroring and inverting the 512 black-and-white triggers leaves 51 that differ. "
        "The paper tests one of each."
    )


def question() -> None:
    """The settings; every bound and help text comes from the declarations."""
    st.subheader("Settings", anchor=False)
    known, held = params(), st.session_state.held
    settings.put_right()
    offered = settings.images()
    choice("Images", list(offered), "data", lambda name: offered.get(name, name))
    if "cifar10" not in offered:
        st.caption("CIFAR-10 can be chosen once it is on this machine: mesa-lab data cifar10 --download.")
    data = settings.control("data")
    names, count = settings.classes(data), settings.targets(data)
    choice(
        "Target class", list(range(count)), "target", lambda i: f"{i} · {names[i]}" if i < len(names) else f"class {i}"
    )
    pictures = class_pictures.pictures(data)
    if pictures:
        items = [{"id": str(i), "label": f"{i}: {names[i]}", "image": p} for i, p in enumerate(pictures)]
        picker(items, str(settings.control("target")), "Target class by picture", "classes", settings.picked_class, 32)
    choice("Where the trigger lies", known["apply"].options(), "apply", lambda name: placing.RULES.get(name, name))
    fixed = settings.control("apply") == placing.FIXED
    choice("Its place", placing.options(), "place", placing.words, disabled=not fixed)
    placing.picture()
    scale = sorted({*ALPHAS, float(settings.control("alpha")), float(held["alpha"])})
    st.select_slider("α, how much to spread", scale, held["alpha"], key="c_alpha", help=about("alpha"))
    st.multiselect(
        "β, how often a trigger must succeed",
        sorted({*LEVELS, *settings.control("beta"), *held["beta"]}, key=float),
        held["beta"],
        key="c_beta",
        help=about("beta") + " Type a number from 0 to 1 for another level.",
        accept_new_options=True,
        filter_mode="prefix",  # else 0 would choose 0.1
        select_all=False,  # else it would be what a typed number chooses first
        on_change=settings.edited_beta,
    )
    with st.expander("More"):
        choice("Protocol", known["protocol"].options(), "protocol", changed=settings.picked_protocol)
        choice("Victim", known["victim"].options(), "victim")
        for_what()
        choice("Kind of sub-model", known["kind"].options(), "kind")
        choice("Kind for the repair", known["repair_kind"].options(), "repair_kind")
        choice("Size of the repair", known["budget"].options(), "budget")
        number("Training steps of MESA", "mesa_steps", MOST_STEPS)
        baselines = known["baselines"]
        st.multiselect(
            "Defences to compare with", baselines.options(), held["baselines"], key="c_baselines", help=baselines.help
        )
        choice("Size of the measurements", known["measure"].options(), "measure")
        number("Seed", "seed", known["seed"].most())


def for_what() -> None:
    """Buttons that set the kinds for a purpose."""
    words = {
        "seeing": "Particles: levels sit at their β, lie inside each other and show all modes. Generators repair.",
        "repair": "Generators see and repair: stronger triggers, quicker.",
    }
    row = st.container(horizontal=True, gap="small")
    for name, help in words.items():
        row.button(
            f"Kinds for {name}",
            key=f"for_{name}",
            on_click=settings.picked_purpose,
            args=(name,),
            help=help,
            width="stretch",
        )


def about(name: str) -> str:
    """A parameter's help: its term in plain words, where the glossary has it, and what its declaration says."""
    return " ".join(words for words in (TERMS.get(name, ""), params()[name].help) if words)


# Every control is given its value twice: as the session's, which counts, and as its own default. The browser would
# else begin with the widget's first option wherever a quick click cuts the first drawing short.
def choice(
    label: str,
    options: list[Any],
    name: str,
    words: Callable[[Any], str] = str,
    disabled: bool = False,
    changed: Callable[[], None] | None = None,
) -> None:
    """A drop-down for one parameter."""
    held = st.session_state.held[name]
    index = options.index(held) if held in options else 0
    keys.said(f"c_{name}", {words(option): option for option in options})
    st.selectbox(
        label,
        options,
        index,
        format_func=words,
        key=f"c_{name}",
        help=about(name),
        disabled=disabled,
        on_change=changed,
    )


def number(label: str, name: str, most: int) -> None:
    """A whole number for one parameter, from the declared least to `most`."""
    low, key = params()[name].least(), f"c_{name}"
    if not low <= st.session_state[key] <= most:
        st.session_state[key] = max(low, min(most, st.session_state[key]))
    # Bounds of the control itself would turn a number away without a word.
    st.number_input(
        label, value=max(low, min(most, st.session_state.held[name])), step=1, key=key, help=about(name),
        on_change=settings.edited_number, args=(name, most),
    )  # fmt: skip
    if why := st.session_state.get(f"{key}_why"):
        st.caption(f":red[{why}]")


def start() -> None:
    """The Run button, and what came of pressing it."""
    # A callback, so that the run is begun and its address set before anything is drawn, in one go.
    signs = settings.control("data") == "signs"
    took = "The answer takes one to three minutes on a laptop, longer where others compute, too." if signs else None
    st.button("Run", type="primary", width="stretch", key="run", on_click=begin, help=took)
    # Kept until the next press: a page may be drawn twice in a row.
    if ignored := st.session_state.get("ignored"):
        st.warning(f"In the address this makes no sense and was left out: {stored.markdown(ignored)}")
    if problem := st.session_state.get("problem"):
        st.error(stored.markdown(problem))
    if twin := st.session_state.get("twin"):
        if twin["run"] == st.session_state.adopted and twin["asked"] == settings.now():
            st.info(twin["words"])
            if twin["shipped"]:
                st.button("Run it here", key="again", on_click=begin, args=(True,), width="stretch")
            st.button("Run it with the next seed", key="reseed", on_click=reseed, width="stretch")
        else:
            st.session_state.pop("twin")


def begin(again: bool = False) -> None:
    """Check the settings, show the run that has been asked the same or queue one, and put it into the address."""
    s = st.session_state
    settings.put_right()
    for old in ("twin", "problem", "ignored"):
        s.pop(old, None)
    try:
        config = settings.settings()
        s.asked = secrets.token_hex(4)
        twin = None if again else queue.twin(config)
        if twin is None:
            run, token = queue.start(config, visitors.visitor(), visitors.where())
            settings.show_run(run, token)
            return
    except (ConfigError, DataError, StoreError) as error:
        s.problem = str(error)
        return
    done = twin.state() == "finished"
    settings.show_run(twin)
    s.play = secrets.token_hex(4) if done else ""
    s.twin = {
        "run": twin.name,
        "asked": settings.now(),
        "shipped": queue.is_shipped(twin),
        "words": "Exactly this was run before, so its result is shown at once; the picture replays how it came about."
        if done
        else "Exactly this is being run already, so you watch it.",
    }


def reseed() -> None:
    """The same question with the next seed."""
    st.session_state.c_seed = min(settings.control("seed") + 1, params()["seed"].most())
    begin()
