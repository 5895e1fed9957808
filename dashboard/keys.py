"""A control's key belongs to its page.

Streamlit takes controls of one key on two pages for one: on the way from a page to another the browser's value of the
first may reach the second, where it may be none of the options. So the keys of controls that several pages draw carry
the page's name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Hashable, Mapping
from typing import Any

import streamlit as st

NOW = "page_now"  # in the session: the page that was drawn last, and that callbacks and fragments belong to
BEFORE = "page_before"  # the page that was drawn just before this one, which may be the same
MOST_SAID = 400  # labels that are remembered of one control


def page(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Mark the function that draws a whole page."""

    def mark(draw: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(draw)
        def drawn() -> None:
            st.session_state[BEFORE] = st.session_state.get(NOW)
            st.session_state[NOW] = name
            draw()

        return drawn

    return mark


def own(name: str) -> str:
    """The key of a control of the page that is drawn now."""
    return f"{st.session_state.get(NOW, '')}_{name}"


def said(key: str, labels: Mapping[str, Hashable]) -> None:
    """Remember what the labels of a control mean, beside those that it had before.

    The browser answers with a label; where labels have changed in between, Streamlit takes an old one for the value.
    """
    known = {**st.session_state.get(f"{key}_said", {}), **labels}
    st.session_state[f"{key}_said"] = dict(list(known.items())[-MOST_SAID:])


def meant(key: str, options: Container[Any], otherwise: Any) -> Any:
    """The value of a control: one of `options`, read back from a label where it is one, else `otherwise`."""
    value = st.session_state.get(key)
    if fits(value, options):
        return value
    value = st.session_state.get(f"{key}_said", {}).get(value) if isinstance(value, str) else None
    return value if fits(value, options) else otherwise


def fits(value: Any, options: Container[Any]) -> bool:
    """Whether a value is one of the options; what cannot be compared is not."""
    try:
        return value is not None and value in options
    except (TypeError, ValueError):
        return False
