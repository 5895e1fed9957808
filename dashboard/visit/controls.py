"""Controls whose value lives in the address, so that a link shows what its sender saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import address, keys


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

    def read(word: str | None) -> str:
        return word if word is not None and word in names else default

    told = address.in_step(key, parameter, read, names.__contains__)

    def changed() -> None:
        value = st.session_state.get(key)
        if value in names:
            address.written(key, parameter, None if value == default else value)

    chosen = place.segmented_control(
        label, list(names), format_func=names.get, key=key, required=True, on_change=changed, help=help, **more
    )
    return chosen if chosen in names else told


def several(
    label: str, parameter: str, options: Sequence[float], words: str, help: str, place: Any = st
) -> list[float]:
    """Any of `options`, drawn as '`words` = 0.5'; in the address with commas between."""
    key = keys.own(parameter)

    def read(word: str | None) -> list[float]:
        return [value for value in options if f"{value:g}" in (word or "").split(",")]

    address.in_step(key, parameter, read, lambda held: held is not None and set(held) <= set(options))

    def changed() -> None:
        chosen = [v for v in st.session_state.get(key) or () if v in options]
        address.written(key, parameter, ",".join(f"{v:g}" for v in chosen) or None)

    chosen = place.pills(
        label, list(options), format_func=lambda v: f"{words} = {v:g}", selection_mode="multi", key=key, on_change=changed, help=help,
    )  # fmt: skip
    return [value for value in chosen or () if value in options]
