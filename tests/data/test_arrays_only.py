"""Pickled arrays come back as they were, and nothing that a pickle names is ever built by numpy."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from bad_checkpoints import Pickle, object_field

from mesa_core.data import arrays_only

READ = """
import sys
from mesa_core.data import arrays_only
try:
    found = arrays_only.read(sys.stdin.buffer.read())
    print(repr(found), found.copy())
except Exception as error:
    print(type(error).__name__)
"""


def array_of(made: bytes) -> bytes:
    """The array alone of a checkpoint with an array beside its weights."""
    return b"\x80\x02" + made[made.index(b"cnumpy._core.multiarray\n_reconstruct") :].removesuffix(b"u.") + b"."


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("kind", ["u1", "<i8", ">i4", "f4", "?"])
def test_arrays_of_numbers_come_back(protocol, kind):
    array = (np.arange(24) % 2).astype(kind).reshape(2, 3, 4)
    found = arrays_only.read(pickle.dumps({b"data": array, "labels": [1, 2], "f": np.asfortranarray(array)}, protocol))
    assert found["labels"] == [1, 2]
    for one in (found[b"data"], found["f"], arrays_only.read(pickle.dumps(array, protocol))):
        assert one.dtype == array.dtype
        assert (one == array).all()
    if protocol > 2:  # older ones name a class for no bytes
        assert arrays_only.read(pickle.dumps(np.zeros((0, 3), "u1"), protocol)).shape == (0, 3)


@pytest.mark.parametrize(("offset", "flags"), [(0, 1), (8, 1), (4096, 0), (10**6, 27), (10**9, 63), (0, 0)])
def test_an_object_among_the_bytes_of_an_array_is_refused(offset, flags):
    data = array_of(object_field(offset, flags))
    done = subprocess.run([sys.executable, "-c", READ], input=data, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, "numpy followed a pointer that the pickle made up"
    assert done.stdout.strip() == b"UnpicklingError"


@pytest.mark.parametrize("word", ["O8", "V8", "S8", "U2", "M8[s]", "f16", "u1,O8"])
def test_only_plain_numbers_are_read(word):
    made = pickle.dumps(np.zeros(8, "u1"), 2).replace(b"X\x02\x00\x00\x00u1", Pickle().text(word).data[2:])
    with pytest.raises(pickle.UnpicklingError):
        arrays_only.read(made)


@pytest.mark.parametrize(
    "shape", [b"K\x09\x85", b"J\xff\xff\xff\xff\x85", b"\x8a\x08" + b"\x7f" * 8 + b"\x85", b"K\x08"]
)
def test_a_shape_that_does_not_fit_the_bytes_is_refused(shape):
    made = pickle.dumps(np.zeros(8, "u1"), 2)
    assert made.count(b"K\x08\x85") == 1
    with pytest.raises((pickle.UnpicklingError, TypeError)):
        arrays_only.read(made.replace(b"K\x08\x85", shape))


@pytest.mark.parametrize(
    "name", [("numpy._core.multiarray", "_reconstruct"), ("numpy", "dtype"), ("_codecs", "encode")]
)
def test_a_name_cannot_be_changed_by_a_pickle(name):
    for state in (Pickle()(b"}").text("made").data[2:] + b"Ns", b"N}" + Pickle().text("made").data[2:] + b"Ns\x86"):
        with pytest.raises((pickle.UnpicklingError, TypeError)):
            arrays_only.read(Pickle().named(*name)(state, b"b").end())
    assert (arrays_only.read(pickle.dumps(np.arange(3), 2)) == np.arange(3)).all()
