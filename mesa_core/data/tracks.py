"""GTSRB's tracks: some thirty pictures of one and the same sign, which must not lie on both sides of a split. Needs no torch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

# As published: 00012_00029.ppm is frame 29 of track 12 of its class; Kaggle's copy puts the class before.
FRAME = re.compile(r"((?:[0-9]{5}_)?[0-9]{5})_[0-9]{5}\.[A-Za-z]+")
SHARE = 6  # every sixth track of a class is for testing
MOSTLY = 0.9


def track_of(name: str) -> str | None:
    """The track that a picture's file name tells; None where it tells none.

    >>> track_of("00012_00029.ppm"), track_of("cat_3.png")
    ('00012', None)
    """
    found = FRAME.fullmatch(name)
    return found.group(1) if found else None


def tracks_of(names: Sequence[str], labels: Sequence[int]) -> list[int] | None:
    """For each picture the number of its track, pictures without one each with a number of its own.

    None where these are no tracks: where not nearly all names tell one, or where a class is a single track, as in folders
    whose names only look alike.
    """
    told = [track_of(name) for name in names]
    if sum(one is not None for one in told) < MOSTLY * max(1, len(names)):
        return None
    numbers: dict[tuple[int, str], int] = {}
    found = []
    for i, (label, track) in enumerate(zip(labels, told, strict=True)):
        found.append(numbers.setdefault((label, track or f"alone {i}"), len(numbers)))
    several = len(numbers) > len(set(labels)) and len(numbers) < len(names)
    return found if several else None


def for_testing(tracks: Sequence[int], labels: Sequence[int], names: Sequence[str]) -> list[bool]:
    """Whether each picture is for testing: of every class about a sixth of its tracks, two at least where it has four.

    Which ones is told by the digest of their names, so that it does not change with what else lies there.
    """
    chosen: set[int] = set()
    by_class: dict[int, dict[int, str]] = {}
    for track, label, name in zip(tracks, labels, names, strict=True):
        by_class.setdefault(label, {}).setdefault(track, track_of(name) or name)
    for label, own in by_class.items():
        drawn = sorted(
            own, key=lambda track: hashlib.sha256(f"{label} {own[track]}".encode("utf-8", "replace")).digest()
        )
        most = len(drawn) // 2
        chosen.update(drawn[: min(most, max(2, round(len(drawn) / SHARE)))])
    return [track in chosen for track in tracks]
