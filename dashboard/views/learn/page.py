"""Learn: the story in six short steps, one on the screen at a time; its state is the address."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st

from dashboard import address, keys, stored, style
from dashboard.serving import shipped_networks
from dashboard.views.learn import backdoor, distribution, entropy, forgetting, point, staircase
from dashboard.views.learn import lesson as desk

SHORT = (
    "Backdoor",
    "Many triggers",
    "One point",
    "Spread α",
    "Staircase β",
    "Forgetting",
)  # names of the steps in their row
LESSONS = (
    desk.Lesson("What a backdoor is", backdoor.draw, ("sign", "picture", "stamp", "network")),
    desk.Lesson("A trigger becomes a distribution", distribution.draw, ("paint",)),
    desk.Lesson("When one point is enough", point.draw, ("story", "known", "reach")),
    desk.Lesson("Entropy and α", entropy.draw, ("alpha", "beta")),
    desk.Lesson("The staircase and β", staircase.draw, ("steps", "mix")),
    desk.Lesson("Forgetting, and what remains", forgetting.draw, ("story", "when")),
)


def step() -> int:
    """The step that the address names, from 1; the first where it names none."""
    word = address.said("step") or "1"
    return int(word) if word in {str(i + 1) for i in range(len(LESSONS))} else 1


def go(to: int) -> None:
    """Show a step; settings of others leave the address, what is hidden stays hidden."""
    address.become({"step": str(to), **address.part(("hide",))})


def chosen() -> None:
    """The row of steps was used."""
    to = st.session_state.get("nav_step")
    if to is not None and keys.fits(to, range(1, len(LESSONS) + 1)):
        go(to)


@keys.page("learn")
def page() -> None:
    """Draw the whole page."""
    now = step()
    if address.names("step"):
        address.put("step", str(now))  # the address names no step; let it say what is shown
    lesson = LESSONS[now - 1]
    st.title(f"{now} · {lesson.title}", anchor=False)
    if "nav" in desk.hidden():
        style.without_navigation()
    else:
        navigation(now)
    try:
        lesson.draw()
    except shipped_networks.NotPrepared as problem:
        st.warning(stored.markdown(problem))
    if "nav" not in desk.hidden():
        with st.container(horizontal=True, key="learn_buttons"):
            buttons(now)
            link(now, lesson)


def navigation(now: int) -> None:
    """Where one is among the six."""
    st.session_state.nav_step = now
    st.segmented_control(
        f"Step {now} of {len(LESSONS)}",
        range(1, len(LESSONS) + 1),
        key="nav_step",
        format_func=lambda i: f"{i} {SHORT[i - 1]}",
        on_change=chosen,
        required=True,
        help=" · ".join(f"{i + 1}: {one.title}" for i, one in enumerate(LESSONS)),
    )


def buttons(now: int) -> None:
    """Back and Next."""
    st.button("Back", key="learn_back", on_click=go, args=(now - 1,), disabled=now == 1)
    if now < len(LESSONS):
        st.button(f"Next: {LESSONS[now].title}", key="learn_next", type="primary", on_click=go, args=(now + 1,))
    else:
        st.link_button("To the Lab", "./", type="primary", help="Paint a trigger of your own and run it all.")


def link(now: int, lesson: desk.Lesson) -> None:
    """A link that fixes this state and may hide parts of the page."""
    with st.popover("Copy lesson link", help="A link to this step with its present settings, to hand out."):
        hide = [
            name
            for name, what in desk.HIDES.items()
            if st.checkbox(f"Hide {what}", key=f"learn_hide_{name}", help="For whoever opens the link.")
        ]
        fixed = address.part(lesson.settings)
        query = urlencode({"step": now, **fixed, **({"hide": ",".join(hide)} if hide else {})}, safe=",")
        here = urlsplit(st.context.url or "")
        base = f"{here.scheme}://{here.netloc}{here.path}" if here.netloc else "learn"
        st.code(f"{base}?{query}", language=None, wrap_lines=True)
        st.caption("Whoever opens it sees this step as you left it.")
