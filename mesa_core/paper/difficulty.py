"""How hard each kind of trigger is known to be: by what the point defence leaves of it, as the paper ranks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mesa_core import triggers
from mesa_core.config import ConfigError, make_config
from mesa_core.measures.evaluation import Evaluation
from mesa_core.paper.material import NAMES, by_difficulty, point_asr, same_but

THIRDS = ("easy", "middling", "hard")


def words(entries: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """For each code, and for the first of its kind, how hard it was found to be; from a manifest's entries."""
    points, data = _largest(entries)
    return _words(points, data) if points else {}


def ranked(entries: Iterable[Mapping[str, Any]]) -> list[int]:
    """The codes of a manifest's entries from easy to hard."""
    return by_difficulty(_largest(entries)[0])


def _largest(entries: Iterable[Mapping[str, Any]]) -> tuple[dict[int, list[float]], str]:
    """What the point defence left of each code, and on which data.

    Only the largest group counts whose entries differ in trigger and seed alone, or ranks would not compare.
    """
    groups: dict[str, dict[int, list[float]]] = {}
    data: dict[str, str] = {}
    for entry in entries:
        try:
            config = make_config(entry["config"])
            after = {name: Evaluation.from_json(e) for name, e in (entry["after"] or {}).items()}
            left = [point_asr(e) for name, e in after.items() if name.split("_")[0] == "point"]
        except (ConfigError, KeyError, TypeError, ValueError, AttributeError):
            continue  # made by another version
        if config.code is not None and left:
            group = same_but(config, "trigger", "seed")
            groups.setdefault(group, {}).setdefault(config.code, []).extend(left)
            data[group] = NAMES.get(config.data, config.data)
    if not groups:
        return {}, ""
    best = max(groups, key=lambda group: len(groups[group]))
    return groups[best], data[best]


def _words(points: Mapping[int, Sequence[float]], data: str) -> dict[int, str]:
    found, n = {}, len(points)
    for rank, code in enumerate(by_difficulty(points)):
        left, seeds = 100 * float(np.mean(points[code])), len(points[code])
        kind = THIRDS[3 * rank // n] if n >= 3 else "known"
        said = (
            f"{kind} on {data}: the point defence leaves {left:.1f} % in the mean of {seeds} seed{'s' * (seeds != 1)}, "
            f"place {rank + 1} of {n} from easy to hard"
        )
        found[code] = said
        found.setdefault(triggers.orbits()[triggers.orbit_of(code)][0], said)
    return found
