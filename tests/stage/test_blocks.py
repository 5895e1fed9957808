"""The block of bytes that the browser gets, and how places and shares are written in it."""

import numpy as np
import pytest

from mesa_core.stage.blocks import pack, placed, rates, share_of, unpack


def test_what_is_packed_is_unpacked_and_lies_at_multiples_of_eight():
    arrays = {"a": np.arange(5, dtype=np.uint8), "b": np.arange(3, dtype=np.float32), "c": np.array([-1], np.int8)}
    data = pack({"word": "β"}, arrays)
    header, found = unpack(data)
    assert header == {"word": "β"}
    for name, array in arrays.items():
        assert found[name].tolist() == array.tolist()
        assert (found[name].__array_interface__["data"][0] - found["a"].__array_interface__["data"][0]) % 8 == 0
    assert (len(data) - sum(-(-a.nbytes // 8) * 8 for a in arrays.values())) % 8 == 0


def test_a_kind_that_the_browser_does_not_read_is_refused():
    with pytest.raises(ValueError, match="float64"):
        pack({}, {"a": np.zeros(2)})


def test_places_are_shares_of_the_axes_and_wild_ones_are_cut():
    bounds = [0.0, 10.0, -1.0, 1.0]
    unit = placed(np.array([[0, -1], [10, 1], [5, 0], [1e9, np.nan]]), bounds) / 32767.5 - 0.5
    assert np.allclose(unit, [[0, 0], [1, 1], [0.5, 0.5], [1.5, 0.5]], atol=1e-4)
    assert share_of([10, -1], bounds) == pytest.approx([1, 0], abs=1e-4)


def test_rates_are_bytes():
    assert rates(np.array([0, 0.5, 1, 2, np.nan])).tolist() == [0, 128, 255, 255, 0]
