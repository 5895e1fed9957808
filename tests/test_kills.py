"""A sweep that is killed and resumed ends with the figures of one that was not; the whole of it is benchmarks/kills.py."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from forked import Command

from benchmarks import kills
from mesa_core.store import Store


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="has no SIGKILL")
def test_after_three_kills_every_figure_is_the_same(sign_folder, tmp_path):
    found = kills.measure(sign_folder, tmp_path, kills=3, seed=1, seeds=(0,), begin=Command)
    assert found["kills"] == 3
    assert found["runs compared"] >= 2
    assert found["differences"] == []


def test_a_difference_would_be_found(store, tmp_path):
    run = store.create({}, "one")
    run.write_arrays("samples.npz", {"asr": np.zeros(3)})
    run.write_result({"gamma": [0.25, 0.75], "timings": {"mesa": 1.0}})
    other = Store(tmp_path / "other")
    shutil.copytree(store.root, other.root)
    other.open("one").write_result({"gamma": [0.25, 0.75], "timings": {"mesa": 9.0}})
    assert kills.differences(store, other) == []
    other.open("one").write_arrays("samples.npz", {"asr": np.full(3, 1e-6)})
    assert kills.differences(store, other) == ["one: samples.npz"]
    other.open("one").write_result({"gamma": [0.25, 0.7500001]})
    assert kills.differences(store, other) == ["one: result", "one: samples.npz"]
    store.create({}, "two")
    assert any("two" in text for text in kills.differences(store, other))
