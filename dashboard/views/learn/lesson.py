"""What the lessons share: settings that live in the address, the question with its answer, the equation, links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from dashboard import address, keys
from dashboard.serving import queue, runs, shipped_networks
from mesa_core import glossary
from mesa_core.measures import breadth
from mesa_core.measures.intervals import Measured
from mesa_core.store import StoreError
from mesa_core.words import brief

HIDES = {"nav": "the navigation", "equation": "the equation", "question": "the question", "controls": "the settings"}
STORIES = {"signs-ring": "the ring", "signs-two-modes": "the chequerboard"}
Read = Callable[[str], Any]  # of a word in the address; raises ValueError for nonsense


@dataclass(frozen=True)
class Lesson:
    """One step: its title, what draws it, and the settings that a link fixes."""

    title: str
    draw: Callable[[], None]
    settings: tuple[str, ...] = ()


def hidden() -> set[str]:
    """What the address asks to hide, of HIDES."""
    return set((address.said("hide") or "").split(",")) & set(HIDES)


def setting(name: str, default: Any, read: Read, options: Sequence[Any] | None = None) -> str:
    """Bring a setting and the address into step, and return the key under which a widget finds it.

    Another word in the address than last time wins (a link, or the browser's Back); else the widget's own value, if it
    is one of `options`, where they are given.
    """
    key = f"learn_{name}"

    def meant(word: str | None) -> Any:
        try:
            return default if word is None else read(word)
        except (ValueError, OverflowError):
            return default

    st.session_state[f"{key}_of"] = options
    address.in_step(key, name, meant, lambda value: options is None or keys.fits(value, options))
    return key


def written(name: str) -> None:
    """A widget's callback: put its value into the address."""
    key = f"learn_{name}"
    value, options = st.session_state.get(key), st.session_state.get(f"{key}_of")
    if options is not None and not keys.fits(value, options):
        return  # what the browser sent is none of them
    address.written(key, name, f"{value:g}" if isinstance(value, float) else str(value))


def one_of(options: Sequence[Any]) -> Read:
    """A reader that takes only the options, written as `written` writes them."""

    def read(word: str) -> Any:
        for option in options:
            if word == (f"{option:g}" if isinstance(option, float) else str(option)):
                return option
        raise ValueError(word)

    return read


def choice(name: str, label: str, options: Sequence[Any], default: Any, shown: Mapping[Any, str], help: str) -> Any:
    """A segmented control whose value lives in the address; shows nothing where controls are hidden."""
    key = setting(name, default, one_of(options), options)
    if "controls" in hidden():
        return st.session_state[key]
    return st.segmented_control(
        label, options, format_func=lambda o: shown.get(o, str(o)), key=key, on_change=written, args=(name,),
        help=help, required=True,
    )  # fmt: skip


def slider(name: str, label: str, options: Sequence[Any], default: Any, help: str, shown: Callable = str) -> Any:
    """A slider over options whose value lives in the address; shows nothing where controls are hidden."""
    key = setting(name, default, one_of(options), options)
    if "controls" in hidden():
        return st.session_state[key]
    return st.select_slider(
        label, options, format_func=shown, key=key, on_change=written, args=(name,), help=help
    )  # fmt: skip


def story() -> shipped_networks.Story:
    """The prepared run that a step tells of, with a choice where there are several. Raises prepared.NotPrepared."""
    names = shipped_networks.stories()
    name = names[0] if names else ""
    if len(names) > 1:
        shown = {n: STORIES.get(n, n) for n in names}
        name = choice("story", "The attacker's trigger", names, name, shown, "Which of the prepared runs to look at.")
    return shipped_networks.story(name)


def words(text: str, terms: str) -> None:
    """The step's plain words, in lines of a readable length; `terms` of the glossary, with
    spaces between, are explained on hover."""
    with st.container(key="lesson_words", width=780):
        st.markdown(text, help=glossary.of(*terms.split()))


def equation(latex: str, number: str, plain: str) -> None:
    """The paper's equation beside plain words; `number` is its number in the paper."""
    if "equation" in hidden():
        return
    with st.expander(f"In symbols · {number}"):  # closed at first: the words beside it say the same
        st.latex(latex)
        st.markdown(plain)


def question(name: str, text: str, options: Sequence[str], right: int, because: str, hint: str = "") -> None:
    """A question with one right option; its reason comes with the right one, another option may be tried again."""
    if "question" in hidden():
        return
    with st.container(border=True, key="lesson_question"):
        st.markdown("**Your turn**")
        chosen = st.radio(text, range(len(options)), format_func=options.__getitem__, index=None, key=f"ask_{name}")
        if chosen is None:
            st.caption(hint or "Choose first; then see what was measured.")
        elif chosen == right:
            st.success(f"✓ Yes. {because}")
        else:
            st.warning(f"✗ Not *{options[chosen]}*. Look again, and choose another answer.", icon=None)
    st.session_state[f"right_{name}"] = right


def answered(name: str) -> bool:
    """Whether nothing need be kept back for the question: it was answered rightly, or is not asked on this page."""
    chosen = st.session_state.get(f"ask_{name}")
    return "question" in hidden() or (chosen is not None and chosen == st.session_state.get(f"right_{name}"))


def choices(right: int, most: int) -> list[int]:
    """Three counts in order, `right` among them; the other two are its halves and doubles, so that none stands out.

    Which place `right` takes depends on it, else it would always be the middle. `most` is the largest possible count.
    """
    factors = ((0.5, 2), (0.25, 0.5), (2, 4))[right % 3]
    wrong = {round(right * factor) for factor in factors}
    if len(wrong - {right}) < 2 or max(wrong) > most:
        parts = {most // 4, most // 2, 3 * most // 4, most} - {right}
        wrong = set(sorted(parts, key=lambda n: abs(n - right))[:2])
    return sorted({right, *wrong})


def measured(title: str, shown: Mapping[str, str], name: str) -> None:
    """A folded table of real sub-models: `shown` are prepared runs and what each is called; those not there are left out."""
    rows = []
    for run, words in shown.items():
        try:
            levels = runs.levels(queue.find(run))
        except StoreError:
            continue
        rows += [
            {name: words, "β": f"{one.beta:g}", "ASR of its samples": brief(one.mean_asr), **breadth.columns(one)}
            for one in levels
        ]
    if rows:
        with st.expander(title):
            st.dataframe(rows, hide_index=True, width="stretch", key=f"learn_measured_{name}")
            st.caption(f"Prepared runs on road signs, one seed each. {breadth.WORDS}")


def lab_link(label: str = "Try it in the Lab", **settings: Any) -> None:
    """A link to the Lab with these settings."""
    st.link_button(
        label, f"./?{urlencode(settings)}", help="Opens the Lab in a new tab with the settings of this step."
    )


FEWER = "Measured on fewer images than in the Lab, so it differs a little."


def share(m: Measured | None, of: str = "images") -> str:
    """'97.0 % (95 % interval 95.7 to 97.8, n = 1,096 images)'."""
    if m is None:
        return "not measured"
    return f"{100 * m.value:.1f} % (95 % interval {100 * m.low:.1f} to {100 * m.high:.1f}, n = {m.n:,} {of})"
