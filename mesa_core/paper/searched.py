"""Searches of networks that nobody attacked: how high do their classes come, and does that hang on the network?

The paper's line between attacked and other classes is 5.8 %. These searches, by the paper's protocol and by ours, on
networks that differ in depth, width or in nothing but the seed of their training, tell whose doing a class above it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mesa_core.disk.untrusted import Refused, parse_json, read_bytes
from mesa_core.measures.intervals import Measured
from mesa_core.words import brief

LARGEST = 1 << 20  # bytes of the file


@dataclass(frozen=True)
class Search:
    """One clean network, searched: its highest class."""

    network: str
    trained: int  # the seed of its training
    shipped: bool
    protocol: str
    seed: int
    name: str  # of the highest class
    highest: Measured


def read(path: Path) -> list[Search]:
    """What the file holds; nothing where it is missing or damaged."""
    try:
        return [_search(one) for one in parse_json(read_bytes(path, LARGEST))["searches"]]
    except (OSError, Refused, ValueError, KeyError, TypeError):
        return []


def _search(one: Any) -> Search:
    high, name = max(
        ((Measured.from_json(each["asr"]), each["name"]) for each in one["classes"]), key=lambda each: each[0].value
    )
    return Search(one["network"], one["trained with seed"], one["shipped"], one["protocol"], one["seed"], name, high)


def words(searches: Sequence[Search], protocol: str = "paper") -> str:
    """'Clean networks by the paper's protocol: ...', the highest class of each; '' where there are none."""
    own = [one for one in searches if one.protocol == protocol]
    if not own:
        return ""
    told = [
        f"{_called(one)} {brief(one.highest)} ({one.name})" for one in sorted(own, key=lambda one: -one.highest.value)
    ]
    return f"Clean networks, searched by the {protocol} protocol, highest class: {'; '.join(told)}; n = {own[0].highest.n:,}."


def _called(one: Search) -> str:
    kind = "as shipped" if one.shipped else f"trained anew, seed {one.trained}"
    return f"{one.network} ({kind}; search {one.seed})"
