"""What tells one stage's result from another's, and where its randomness begins. Needs no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def key_of(recipe: Mapping[str, Any]) -> str:
    """The key of a recipe, 24 hex digits. Raises TypeError for what JSON cannot hold."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:24]


def seed_of(seed: int, stage: str) -> int:
    """A stage's own seed, so that no stage depends on how much randomness another used."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{stage}".encode()).digest()[:4], "big") >> 1
