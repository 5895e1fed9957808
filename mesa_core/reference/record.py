"""Where a reference is kept, and what it says of other samples: recall, modes found, entropy beside it. Needs no torch.

A reference belongs to one attacked network and one target class, so it lies in the store under the key of the attack
and is found by every run that shares it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mesa_core import comparison
from mesa_core import entropy as entropies
from mesa_core.store import Store, StoreError, read_json, write_arrays, write_json
from mesa_core.triggers import SIZE

KEY = re.compile(r"[0-9a-f]{24}-[0-9]{1,3}(-[45]x[45])?")


@dataclass(frozen=True)
class Record:
    """A reference on disk: `told` is its JSON, `arrays` its samples with ASR, places and modes."""

    told: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def level(self, beta: float) -> tuple[np.ndarray, np.ndarray, dict[str, Any]] | None:
        """Samples `(m, d)` in [0, 1], their modes `(m,)`, and what is told of a level; None where it was not asked."""
        for index, one in enumerate(self.told["levels"]):
            if abs(one["beta"] - beta) < 1e-9:
                own = self.arrays["level"] == index
                return self.arrays["triggers"][own] / np.float32(255), self.arrays["mode"][own], one
        return None


def folder(store: Store, attack: str, target: int, size: int = SIZE) -> Path:
    """The folder of one reference, of triggers of one size. StoreError for what cannot be a key.

    An attack has one size; a network that somebody brings can be asked for triggers of each.
    """
    key = f"{attack}-{target}" + ("" if size == SIZE else f"-{size}x{size}")
    if not KEY.fullmatch(key):
        raise StoreError(f"{key!r} is not the key of a reference.")
    return store.root / "references" / key


def write(place: Path, told: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Samples first, then the JSON, whose presence means that the reference is whole."""
    write_arrays(place / "reference.npz", arrays)
    write_json(place / "reference.json", told)


def read(place: Path) -> Record | None:
    """The reference in a folder, or None. StoreError where it is damaged."""
    if not (place / "reference.json").is_file():
        return None
    told = read_json(place / "reference.json")
    try:
        with np.load(place / "reference.npz", allow_pickle=False) as arrays:
            return Record(told, {name: arrays[name] for name in ("triggers", "level", "asr", "mode", "pca", "tsne")})
    except Exception as error:  # zip and header errors are of many types
        raise StoreError(
            "A reference cannot be read; it may be damaged. Make it again with: mesa-lab reference"
        ) from error


def beside(record: Record, beta: float, samples: np.ndarray) -> dict[str, Any] | None:
    """What the reference at `beta` says of a sub-model's samples `(n, d)`, as JSON; None where that level was not asked.

    Entropies are compared at equal n by the same estimator, since it is biased.
    """
    found = record.level(beta)
    if found is None:
        return None
    places, modes, told = found
    n = min(len(samples), len(places))
    draw = np.random.default_rng(0)
    ours = samples[draw.choice(len(samples), n, replace=False)]
    theirs = places[draw.choice(len(places), n, replace=False)]
    return {
        "log_volume": told["log_volume"],
        "entropy": entropies.entropy_json(theirs),
        "entropy_of_samples": entropies.entropy_json(ours),
        "recall": told["recall"],
        "precision": told["precision"],
        "n": len(places),
        "modes_found": comparison.modes_found(samples, places, modes),
        "inside": comparison.inside(samples, places).to_json(),
    }
