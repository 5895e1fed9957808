"""The address that others can open: a link is worth nothing that says localhost to somebody else."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from mesa_core.cli import hosts

ALONE = (
    "This address works on this computer only. For others start with `mesa-lab dashboard --address 0.0.0.0` and open "
    "the page by this computer's address, or name it with --host-name."
)
TOGETHER = "Whoever reaches this server can open it."


def root() -> tuple[str, str]:
    """The address of the Lab, without a query, and what to know of it.

    It is the one by which this visit came; where that is of this computer only and the operator gave a name
    (MESA_LAB_HOSTS), the first such name stands in its place.
    """
    parts = urlsplit(st.context.url or "http://localhost:8501/")
    host = parts.hostname or "localhost"
    literal = hosts.address(host)
    alone = host == "localhost" or host.endswith(".localhost") or bool(literal and literal.is_loopback)
    names = [name for name in hosts.named() if not name.startswith("*.")]
    place = parts.netloc
    if alone and names:
        place = (f"[{names[0]}]" if ":" in names[0] else names[0]) + (f":{parts.port}" if parts.port else "")
    return urlunsplit((parts.scheme, place, parts.path or "/", "", "")), ALONE if alone and not names else TOGETHER


def link(**query: str) -> str:
    """An address of this page with this query only, as others can open it."""
    found = root()[0]
    return f"{found}?{urlencode(query, safe=',')}" if query else found


def short(colour: str) -> str:
    """'#ffffff' as 'fff'; 'ff8000' stays as it is."""
    digits = colour.lstrip("#")
    return digits[::2] if digits[::2] == digits[1::2] else digits
