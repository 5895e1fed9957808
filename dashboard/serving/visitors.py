"""Who visits: an opaque word for a browser and for where it is, and which runs it may stop."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets

import streamlit as st

from dashboard import address
from dashboard.serving import queue
from mesa_core.store import Run


def may_control(run: Run) -> bool:
    """Whether this browser started the run, or this visit was given its token.

    The token is not in the address, or whoever a teacher hands it to could stop the demonstration; an address that has
    one (`by`) is obeyed, for another browser of one's own.
    """
    if queue.visitor_of(run) and queue.visitor_of(run) == visitor():
        return True
    tokens = st.session_state.setdefault("tokens", {})
    token = address.said("by") or tokens.get(run.name, "")
    if not queue.owns(run, token):
        return False
    tokens[run.name] = token
    return True


def remember(run: Run, token: str) -> None:
    """Keep the token of a run that this visit started; '' changes nothing."""
    if token:
        st.session_state.setdefault("tokens", {})[run.name] = token


def visitor() -> str:
    """An opaque word for this browser, for turns in the queue; it names nobody."""
    known = unmasked(st.context.cookies.get("_streamlit_xsrf") or "")
    if not known:
        known = st.session_state.setdefault("visitor", secrets.token_hex(8))
    return hashlib.sha256(str(known).encode()).hexdigest()[:16]


def where() -> str:
    """An opaque word for where this browser is, for turns in the queue; '' for this machine itself."""
    try:
        found = ipaddress.ip_address(st.context.ip_address or "")
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    whole = found if found.version == 4 else ipaddress.ip_network((found, 64), strict=False)  # a client has all of it
    return hashlib.sha256(f"{_salt()} {whole}".encode()).hexdigest()[:16]


@st.cache_resource(show_spinner=False)
def _salt() -> str:
    """New with each start of the server, so that the word tells nothing to whoever reads a run's folder."""
    return secrets.token_hex(16)


def unmasked(cookie: str) -> str:
    """What stays the same in the cookie that Streamlit gives each browser; '' where it is none of its kind.

    It reads `2|mask|masked token|time`, with a new mask each time it is sent.
    """
    try:
        version, mask, masked, _ = cookie.split("|")
        key, token = bytes.fromhex(mask), bytes.fromhex(masked)
        return bytes(b ^ key[i % len(key)] for i, b in enumerate(token)).hex() if version == "2" else ""
    except (ValueError, ZeroDivisionError):
        return ""
