"""Where a reference is kept, and what it says of other samples: recall, modes found, entropy beside it. Needs no torch.

A reference belongs to one attacked network and one target class, so it lies under the key of the attack, in the store
or among what the product ships, and is found by every run that shares it.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mesa_core.disk.errors import naming
from mesa_core.disk.files import read_arrays, read_json, write_arrays, write_json
from mesa_core.disk.leftovers import new_folder
from mesa_core.events import Event, StageDone
from mesa_core.measures import coverage
from mesa_core.measures.intervals import proportion
from mesa_core.measures.submodel import Beside, ReferenceLevel
from mesa_core.store import Run, Store, StoreError, checks
from mesa_core.store.shipped import shipped_references
from mesa_core.triggers import SIZE

KEY = re.compile(r"[0-9a-f]{24}-[0-9]{1,3}(-(?:[1-8]x[1-8]|16x16))?")
ARRAYS = ("triggers", "level", "asr", "mode", "pca", "tsne")
DAMAGED = "The exact distribution of this network cannot be read; its files may be damaged. Make it again with: mesa-lab reference --run"
DRAWS = 40  # of some of a reference's samples, over which its recall at their number is averaged


@dataclass(frozen=True)
class Record:
    """A reference on disk: `told` is its JSON, `arrays` its samples with ASR, places and modes."""

    told: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @functools.cached_property
    def levels(self) -> list[ReferenceLevel]:
        """What is told of each level, the lowest first."""
        return [ReferenceLevel.from_json(one) for one in self.told["levels"]]

    def index(self, beta: float) -> int | None:
        """The place of a level among `levels`; None where it was not asked."""
        return next((index for index, one in enumerate(self.levels) if abs(one.beta - beta) < 1e-9), None)

    def level(self, beta: float) -> tuple[np.ndarray, np.ndarray, ReferenceLevel] | None:
        """Samples `(m, d)` in [0, 1], their modes `(m,)`, and what is told of a level; None where it was not asked."""
        index = self.index(beta)
        if index is None:
            return None
        own = self.arrays["level"] == index
        return self.arrays["triggers"][own] / np.float32(255), self.arrays["mode"][own], self.levels[index]


def key_in(events: Iterable[Event]) -> str | None:
    """The key of the attack behind a run, the last of its events; None where it has not come that far, or made none."""
    return next((e.key for e in reversed(list(events)) if isinstance(e, StageDone) and e.stage == "attack"), None)


def attack_key(run: Run) -> str:
    """The key of the attack behind a run. StoreError where it has not come that far."""
    key = key_in(event for _, event in run.events())
    if key is None:
        raise StoreError(f"{run.name} has no attacked network yet; let it finish first.")
    return key


def folder(store: Store, attack: str, target: int, size: int = SIZE) -> Path:
    """The folder of one reference, of triggers of one size. StoreError for what cannot be a key."""
    key = f"{attack}-{target}" + ("" if size == SIZE else f"-{size}x{size}")
    if not KEY.fullmatch(key):
        raise StoreError(f"{key!r} is not the key of a reference.")
    return store.root / "references" / key


def lying(store: Store, attack: str, target: int, size: int = SIZE) -> Path:
    """The folder where a reference lies: the store's, else a shipped one, else where it would be made."""
    own = folder(store, attack, target, size)
    shipped = shipped_references() / own.name
    return shipped if not _whole(own) and _whole(shipped) else own


def find(store: Store, events: Iterable[Event], target: int, size: int = SIZE) -> Path | None:
    """The folder of the reference of a run's attacked network, by the run's events; None where nobody has made one."""
    key = key_in(events)
    if key is None or not KEY.fullmatch(f"{key}-{target}"):
        return None
    place = lying(store, key, target, size)
    return place if _whole(place) else None


def _whole(place: Path) -> bool:
    return os.path.isfile(place / "reference.json")  # False, too, where a folder is closed


def write(place: Path, told: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Both files made whole beside the old ones; then samples first, and the JSON, whose presence means that all is there."""
    with naming(place):
        place.mkdir(parents=True, exist_ok=True)
        fresh = new_folder(place)
        try:
            write_arrays(fresh / "reference.npz", arrays)
            write_json(fresh / "reference.json", told)
            (place / "reference.json").unlink(missing_ok=True)  # or it would for a moment speak of the new samples
            for name in ("reference.npz", "reference.json"):
                os.replace(fresh / name, place / name)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def read(place: Path) -> Record | None:
    """The reference in a folder, its shape checked, or None. StoreError in one sentence where it is damaged."""
    if not _whole(place):
        return None
    try:
        told, arrays = read_json(place / "reference.json"), read_arrays(place / "reference.npz")
        found = Record(told, {name: arrays[name] for name in ARRAYS})
        checks.check_reference(found.told, found.arrays)
    except (StoreError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise StoreError(DAMAGED) from error
    return found


def beside(record: Record, beta: float, samples: np.ndarray) -> Beside | None:
    """What the reference at `beta` says of a sub-model's samples `(n, d)`; None where that level was not asked.

    Entropies are compared at equal n by the same estimator, since it is biased.
    """
    from mesa_core.measures import entropy as entropies  # scikit-learn takes a second to import, and only this needs it
    from mesa_core.measures import nesting

    found = record.level(beta)
    if found is None:
        return None
    places, modes, told = found
    n = min(len(samples), len(places))
    draw = np.random.default_rng(0)
    ours = samples[draw.choice(len(samples), n, replace=False)]
    theirs = places[draw.choice(len(places), n, replace=False)]
    return Beside(
        log_volume=told.log_volume,
        entropy=entropies.entropy_of(theirs),
        entropy_of_samples=entropies.entropy_of(ours),
        recall=told.recall,
        precision=told.precision,
        n=len(places),
        modes_found=nesting.modes_found(samples, places, modes),
        inside=nesting.inside(samples, places).rounded(),
    )


def recall_at(
    record: Record, beta: float, n: int, codes_asr: np.ndarray, sample_codes: np.ndarray, level: float
) -> dict[str, Any] | None:
    """The reference's recall with `n` of its samples of `beta`, in the mean over draws, since recall grows with n.

    `codes_asr` `(512,)`, `sample_codes` `(m,)` of that level's samples. None where no code reaches `level`.
    """
    index = record.index(beta)
    if index is None:
        return None
    asr = record.arrays["asr"][record.arrays["level"] == index].astype(np.float64)
    draw, found, valid = np.random.default_rng(0), [], 0
    for _ in range(DRAWS if n < len(asr) else 1):
        some = draw.choice(len(asr), min(n, len(asr)), replace=False)
        one = coverage.recall(codes_asr, sample_codes[some], asr[some], level)
        if one is None:
            return None
        found.append(one.value)
        valid = one.n
    return {**proportion(round(float(np.mean(found)) * valid), valid).to_json(), "samples": min(n, len(asr))}
