"""Controls whose value lives in the address, so that a link shows what its sender saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import keys


def segmented(
    label: str,
    parameter: str,
    names: Mapping[str, str],
    default: str,
    help: str | None = None,
    place: Any = st,
    part: str = "",
    **more: Any,
) -> str:
    """One of `names`; under `parameter` in the address unless it is the default. Nonsense there means the default.

    `part` tells controls of one parameter apart that a page draws in different parts.
    """
    key = keys.own(f"{part}{parameter}")
    asked = st.query_params.get(parameter)
    if asked != st.session_state.get(f"{key}_asked") or st.session_state.get(key) not in names:
        st.session_state[key] = asked if asked in names else default  # a link, the back button, or another run
    st.session_state[f"{key}_asked"] = asked
    told = st.session_state[key]

    def changed() -> None:
        value = st.session_state.get(key)
        if value in names:
            _put(key, parameter, value, default)

    chosen = place.segmented_control(
        label, list(names), format_func=names.get, key=key, required=True, on_change=changed, help=help, **more
    )
    return chosen if chosen in names else told


def several(
    label: str, parameter: str, options: Sequence[float], words: str, help: str, place: Any = st
) -> list[float]:
    """Any of `options`, drawn as '`words` = 0.5'; in the address with commas between."""
    key = keys.own(parameter)
    asked = st.query_params.get(parameter, "")
    held = st.session_state.get(key)
    if asked != st.session_state.get(f"{key}_asked") or held is None or not set(held) <= set(options):
        st.session_state[key] = [value for value in options if f"{value:g}" in asked.split(",")]
    st.session_state[f"{key}_asked"] = asked

    def changed() -> None:
        chosen = [v for v in st.session_state.get(key) or () if v in options]
        _put(key, parameter, ",".join(f"{v:g}" for v in chosen), "")

    chosen = place.pills(
        label, list(options), format_func=lambda v: f"{words} = {v:g}", selection_mode="multi", key=key, on_change=changed, help=help,
    )  # fmt: skip
    return [value for value in chosen or () if value in options]


def _put(key: str, parameter: str, value: str, default: str) -> None:
    if value == default:
        st.query_params.pop(parameter, None)
    else:
        st.query_params[parameter] = value
    st.session_state[f"{key}_asked"] = st.query_params.get(parameter, "" if default == "" else None)
