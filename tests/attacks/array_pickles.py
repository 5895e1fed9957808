"""Pickled arrays, as data sets come, that do harm or are damaged: plain numbers, or an error."""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mesa_core.data import arrays_only
from tests.attacks.attack import Attack

sys.path.append(str(Path(__file__).resolve().parents[1]))
from bad_checkpoints import object_field

KINDS = ("S8", "U2", "f8", "i8", "V8", "O8", "M8", "b1", "u1")
EACH = 40  # pickles of one attack


def attacks(rng: random.Random) -> Iterator[Attack]:
    """Attacks without end, of each sort in turn."""
    while True:
        for name, make in (("an object field among the bytes", _object), ("a good batch, damaged", _damaged)):
            seed = rng.getrandbits(32)
            yield Attack(f"{EACH} times {name}, seed {seed}", lambda place, make=make, seed=seed: run(make, seed))


def run(make, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(EACH):
        try:
            found = arrays_only.read(make(rng))
        except Exception:  # which type it is does not matter, that the process lives does
            continue
        for one in found.values() if isinstance(found, dict) else (found,):
            if isinstance(one, np.ndarray):
                assert one.dtype.kind in "biuf", one.dtype
                assert repr(one.copy())


def _object(rng: random.Random) -> bytes:
    offset = rng.choice((0, 1, 8, -8, 4096, 10**6, 10**9, rng.randrange(1 << 40)))
    size, count = rng.choice((1, 8, 16, 64)), rng.choice((1, 2, 64, 1000))
    made = object_field(offset, rng.randrange(256), size, count, rng.choice(KINDS))
    return b"\x80\x02" + made[made.index(b"cnumpy._core.multiarray\n_reconstruct") :].removesuffix(b"u.") + b"."


def _damaged(rng: random.Random) -> bytes:
    batch = {b"data": np.arange(96, dtype=rng.choice(("u1", "<i8", ">f4"))).reshape(2, 48), b"labels": [1, 2]}
    data = bytearray(pickle.dumps(batch, rng.randrange(5)))
    for _ in range(rng.choice((1, 1, 3, 20))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)
