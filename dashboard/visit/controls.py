"""Controls whose value lives in the address, so that a link shows what its sender saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st


def segmented(
    label: str,
    parameter: str,
    names: Mapping[str, str],
    default: str,
    help: str | None = None,
    place: Any = st,
    **more: Any,
) -> str:
    """One of `names`; under `parameter` in the address unless it is the default. Nonsense there means the default."""
    key = f"at_{parameter}"
    asked = st.query_params.get(parameter)
    if asked != st.session_state.get(f"{key}_asked") or st.session_state.get(key) not in names:
        st.session_state[key] = asked if asked in names else default  # a link, the back button, or another run
    st.session_state[f"{key}_asked"] = asked

    def changed() -> None:
        _put(parameter, st.session_state[key], default)

    return place.segmented_control(
        label, list(names), format_func=names.get, key=key, required=True, on_change=changed, help=help, **more
    )


def several(
    label: str, parameter: str, options: Sequence[float], words: str, help: str, place: Any = st
) -> list[float]:
    """Any of `options`, drawn as '`words` = 0.5'; in the address with commas between."""
    key = f"at_{parameter}"
    asked = st.query_params.get(parameter, "")
    held = st.session_state.get(key)
    if asked != st.session_state.get(f"{key}_asked") or held is None or not set(held) <= set(options):
        st.session_state[key] = [value for value in options if f"{value:g}" in asked.split(",")]
    st.session_state[f"{key}_asked"] = asked

    def changed() -> None:
        _put(parameter, ",".join(f"{v:g}" for v in st.session_state[key]), "")

    return place.pills(
        label, list(options), format_func=lambda v: f"{words} = {v:g}", selection_mode="multi", key=key, on_change=changed, help=help,
    )  # fmt: skip


def _put(parameter: str, value: str, default: str) -> None:
    if value == default:
        st.query_params.pop(parameter, None)
    else:
        st.query_params[parameter] = value
    st.session_state[f"at_{parameter}_asked"] = st.query_params.get(parameter, "" if default == "" else None)
