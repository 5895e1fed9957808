"""Which names the page answers to. Pure: no streamlit, no sockets.

A web site can let a name of its own point to this machine (DNS rebinding) and would then be obeyed by whatever answers
to any name. So a request must name localhost, or the literal address that it was made to, or a name that the operator
gave in MESA_LAB_HOSTS; and where it says which page it comes from (`Origin`), that must be one of the same host and port.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SETTING = "MESA_LAB_HOSTS"  # names, with commas or blanks between; `*.` in front takes in all names below
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<place>[^/?#@\\\s]+)/?")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Place:
    """A host, in lower case and without a last dot or brackets, and the port where one is given."""

    host: str
    port: int | None


def place(words: str) -> Place | None:
    """Read 'host', 'host:port', '[::1]:port'; None for anything else."""
    found = _PLACE.fullmatch(words)
    if not found:
        return None
    host, port = found["host"].lower(), int(found["port"]) if found["port"] else None
    if port is not None and not 0 < port < 65536:
        return None
    if host.startswith("["):
        return Place(host[1:-1], port) if address(host[1:-1]) else None
    host = host.removesuffix(".")
    return Place(host, port) if _NAME.fullmatch(host) else None


def address(host: str) -> Address | None:
    """A literal address, an IPv4 one that is written as IPv6 as what it is; None where it is a name."""
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def named(words: str | None = None) -> tuple[str, ...]:
    """The names of the setting, each as `name` gives it; what is none is left out."""
    words = os.environ.get(SETTING, "") if words is None else words
    return tuple(dict.fromkeys(found for word in re.split(r"[,\s]+", words) if word and (found := name(word))))


def name(word: str) -> str | None:
    """A host name or literal address as requests spell it; None for what is neither, a port or a scheme included."""
    star, rest = ("*.", word[2:]) if word.startswith("*.") else ("", word)
    try:
        rest = rest.encode("idna").decode("ascii") if not rest.isascii() else rest
    except UnicodeError:
        return None
    if literal := address(rest.strip("[]")):
        return None if star else str(literal)
    found = place(rest)
    return None if found is None or found.port is not None else star + found.host


def known(host: str, names: Iterable[str], reached: str) -> bool:
    """Whether the page answers to a host: localhost's names, `reached` (the address the request came in on), `names`."""
    literal = address(host)
    if literal is not None:
        return literal.is_loopback or literal == address(reached) or str(literal) in names
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in names)


def refusal(hosts: Sequence[str], origins: Sequence[str], names: Iterable[str], reached: str) -> str:
    """Why a request is refused, in a sentence; '' where it is not.

    `hosts` and `origins` are its headers of these names, each of which may come once; a program that is no browser
    sends no origin.
    """
    here = place(hosts[0]) if len(hosts) == 1 else None
    if here is None:
        return "The request does not say plainly which host it is for."
    if not known(here.host, names, reached):
        return f"This server does not answer to the name {here.host}; whoever runs it can allow it by {SETTING}."
    if not origins:
        return ""
    found = _ORIGIN.fullmatch(origins[0]) if len(origins) == 1 else None
    there = place(found["place"]) if found else None
    usual = PORTS.get(found["scheme"].lower()) if found else None
    if there is None or usual is None:
        return "The request comes from a page that cannot be told."
    same = (address(there.host) or there.host) == (address(here.host) or here.host)
    if not same or (there.port or usual) != (here.port or usual):
        return "The request comes from a page of another host or port."
    return ""
