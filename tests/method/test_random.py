"""Random triggers against the laws that they are said to have; a control must be nothing but random."""

import pytest
import torch

from mesa_core.method.baselines import random


def test_black_and_white_cells_are_a_fair_coins_and_have_no_colour():
    found = random.black_and_white(4000, torch.Generator().manual_seed(0), 4)
    assert found.shape == (4000, 3, 4, 4)
    assert found.dtype == torch.float32
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert (found == found[:, :1]).all(), "all three colours of a cell are equal"
    cells = found[:, 0].flatten(1)
    assert cells.mean(0).tolist() == pytest.approx([0.5] * 16, abs=4 * 0.5 / 4000**0.5)
    together = (cells.T @ cells / 4000).fill_diagonal_(0.25)
    assert together.flatten().tolist() == pytest.approx([0.25] * 256, abs=0.04), "cells do not depend on each other"


def test_colours_are_uniform_and_each_of_its_own():
    found = random.uniform_colours(4000, torch.Generator().manual_seed(0), 4)
    assert found.shape == (4000, 3, 4, 4)
    assert found.min() >= 0
    assert found.max() <= 1
    values = found.flatten(1)
    assert values.mean(0).tolist() == pytest.approx([0.5] * 48, abs=4 * 12**-0.5 / 4000**0.5)
    assert values.std(0).tolist() == pytest.approx([12**-0.5] * 48, abs=0.02)
    assert torch.corrcoef(values.T).fill_diagonal_(0).abs().max() < 0.08, "no two values of a trigger hang together"


def test_another_seed_gives_other_triggers():
    for make in (random.black_and_white, random.uniform_colours):
        assert not torch.equal(*(make(50, torch.Generator().manual_seed(seed)) for seed in (0, 1)))
