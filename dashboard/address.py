"""The page's address: the one way to read and to write its query, and to keep controls in step with it.

A link shows what its sender saw, since what a control says stands in the address. Other words there than last time (a
link, or the browser's Back) win over the control; else the control wins, where its value makes sense.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import streamlit as st

Value = TypeVar("Value")


# -- the query
def said(name: str) -> str | None:
    """What the address says under a name; None where it says nothing."""
    return st.query_params.get(name)


def names(name: str, *others: str) -> bool:
    """Whether the address says something under any of these names."""
    return any(one in st.query_params for one in (name, *others))


def part(of: Iterable[str]) -> dict[str, str]:
    """What it says under each of these names that it has."""
    return {name: st.query_params[name] for name in of if name in st.query_params}


def besides(of: Iterable[str]) -> dict[str, str]:
    """What it says under all other names."""
    left = set(of)
    return {name: word for name, word in st.query_params.to_dict().items() if name not in left}


def put(name: str, word: str | None) -> None:
    """Let it say `word` under a name, or nothing where that is None; all else stays."""
    if word is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != word:
        st.query_params[name] = word


def become(query: Mapping[str, str]) -> None:
    """Let it say this and nothing else."""
    st.query_params.from_dict(dict(query))


# -- controls in step with it
def in_step(key: str, name: str, read: Callable[[str | None], Value], sound: Callable[[Any], bool]) -> Value:
    """Bring the control under `key` of the session and the address into step, before it is drawn; returns its value.

    `read` gives the value that a word of the address means, its default for None and for nonsense; `sound` says whether
    a value makes sense.
    """
    s, word = st.session_state, said(name)
    if key not in s or f"{key}_asked" not in s or s[f"{key}_asked"] != word or not sound(s[key]):
        s[key] = read(word)
    s[f"{key}_asked"] = word
    return s[key]


def written(key: str, name: str, word: str | None) -> None:
    """Put what a control now says into the address, without taking it for a link; for its callback."""
    put(name, word)
    st.session_state[f"{key}_asked"] = said(name)
