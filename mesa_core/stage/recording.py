"""A recording: what the stage plays of a run, slim enough that one of each kind of trigger can be shipped.

It is one block (see `mesa_core.stage.blocks`): a header with what was asked and what was measured, the 512
black-and-white triggers with their ASR, a few moments of the sampled triggers on the fixed axes, and what the networks
read on a few pictures. Everything comes from a run's events and snapshots, so a run that goes on or was stopped has a
recording, too, which reaches as far as the run did.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mesa_core import events as ev
from mesa_core import triggers
from mesa_core.disk.errors import StoreError
from mesa_core.opacity import seen_bytes
from mesa_core.stage.blocks import pack, placed, rates, share_of, unpack
from mesa_core.store import Run

LARGEST = 200_000  # bytes of a shipped recording
MOST_FRAMES = 9
STEPS = ("plant", "spread", "find", "heal")  # of the timeline
NAMED = ("original", "inverse", "point")  # of the marks
VIEWS = ("pca", "tsne")
# What a recording keeps of an evaluation.
FIGURES = (("asr", "original"), ("asr", "sampled"), ("asr", "worst"), ("effective_asr", "original"),
           ("clean_accuracy",), ("target_accuracy",), ("natural_rate",))  # fmt: skip
OTHERS = ("control", "uniform", "random", "mesa", "point", "ideal")  # defences, in the order in which they are compared


def recording(
    run: Run, events: Sequence[ev.Event], readings: Mapping[str, np.ndarray] | None = None, frames: int = MOST_FRAMES
) -> bytes:
    """The recording of a run, as far as it went.

    `readings` are what networks read on the stage's pictures (see `mesa_core.stage.pictures.readings`). Raises
    StoreError for files that are missing or damaged, KeyError, TypeError, ValueError for ones that another program
    wrote.
    """
    config = run.config()
    if config.get("suspect"):
        raise StoreError(
            f"{run.name} is of a network that was brought; nobody knows its trigger, so there is no stage."
        )
    found = {e.name: e.value for e in events if isinstance(e, ev.Evaluated)}
    axes = next((e for e in events if isinstance(e, ev.Axes)), None)
    shots = [e for e in events if isinstance(e, ev.Snapshot)]
    arrays: dict[str, np.ndarray] = dict(readings or {})
    bounds: dict[str, list[float]] = {}
    if axes is not None:
        fixed = run.read_arrays(axes.file)
        bounds = {view: [float(v) for v in fixed[f"{view}_bounds"]] for view in VIEWS}
        arrays |= {f"ground_{view}": placed(fixed[view], bounds[view]) for view in VIEWS}
        arrays |= {"ground_asr": rates(fixed["codes_asr"])}
        if (run.path / "snapshots" / "landscape-after.npz").is_file():
            arrays["ground_after"] = rates(run.read_arrays("landscape-after.npz")["codes_asr"])
    described = []
    for i, shot in enumerate(thinned(shots, frames) if axes else ()):
        known = run.read_arrays(shot.file)
        n = len(known["triggers"])
        looks = seen_bytes(np.asarray(known["triggers"], np.uint8))  # on mid-grey, where they have opacities
        arrays |= {f"triggers{i}": looks, f"asr{i}": rates(known["asr"])}
        arrays |= {f"{view}{i}": placed(known[view], bounds[view]) for view in VIEWS}
        described.append({"step": shot.step, "n": n})
        if i == 0:
            arrays["level"] = np.asarray(known["level"], np.uint8)
    header = {
        "id": run.name,
        **{k: config[k] for k in ("data", "victim", "trigger", "target", "kind", "alpha", "seed", "protocol")},
        "betas": [float(b) for b in (shots[-1].betas if shots else config["beta"])],
        "side": triggers.size_of(config["trigger"]),
        "reach": reach(found, axes, shots),
        "figures": {name: figures(found[key]) for name, key in _defences(found)},
        "ground_images": int(fixed.get("codes_images", config["landscape_images"])) if axes else 0,
        "explained": [round(float(v), 4) for v in axes.explained] if axes else [],
        "marks": [
            {
                "name": e.name,
                "trigger": e.trigger,
                **{v: [round(s, 4) for s in share_of(getattr(e, v), bounds[v])] for v in VIEWS},
            }
            for e in {e.name: e for e in events if isinstance(e, ev.Mark)}.values()
            if e.name in NAMED and bounds
        ],
        "frames": described,
    }
    return pack(header, arrays)


def reach(found: Mapping[str, Any], axes: ev.Axes | None, shots: Sequence[ev.Snapshot]) -> int:
    """How many of STEPS a run has done: the backdoor measured, the 512 measured, triggers sampled, repaired."""
    done = ("before" in found, axes is not None, bool(shots), "after.mesa" in found)
    return next((i for i, one in enumerate(done) if not one), len(done))


def figures(value: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an evaluation: name, then [value, low, high, n]."""
    kept = {}
    for path in FIGURES:
        m: Any = value
        for key in path:
            m = (m or {}).get(key)
        if m:
            kept["_".join(path)] = [round(float(m["value"]), 5), round(float(m["low"]), 5), round(float(m["high"]), 5), int(m["n"])]  # fmt: skip
    return kept


def _defences(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name on the stage, name of the evaluation) of those that are there."""
    wanted = [("clean", "clean"), ("before", "before"), *((name, f"after.{name}") for name in OTHERS)]
    return [(name, key) for name, key in wanted if found.get(key)]


def thinned(shots: Sequence[ev.Snapshot], most: int) -> list[ev.Snapshot]:
    """At most so many, more of the beginning, when dots move most; the first and the last among them."""
    if len(shots) <= most:
        return list(shots)
    return [shots[i] for i in sorted({round((i / (most - 1)) ** 2 * (len(shots) - 1)) for i in range(most)})]


# -- as a file
def squeezed(block: bytes) -> bytes:
    """A recording as it is shipped. Raises StoreError where it is larger than LARGEST."""
    small = zlib.compress(block, 9)
    if len(small) > LARGEST:
        raise StoreError(f"The recording has {len(small):,} bytes; more than {LARGEST:,} are not shipped.")
    return small


def restored(small: bytes) -> bytes:
    """The block of a shipped recording. Raises StoreError where it is damaged."""
    try:
        block = zlib.decompress(small)
        unpack(block)
    except (zlib.error, json.JSONDecodeError, ValueError, KeyError, IndexError, TypeError) as error:
        raise StoreError("A recording is damaged.") from error
    return block
