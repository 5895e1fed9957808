"""Splines against what a monotone map must be: onto the box, invertible, with the slope that differences show."""

import pytest
import torch

from mesa_core.method.submodels import splines


def free(*shape, bins=6, scale=2.0, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, splines.values_of(bins), generator=draw, dtype=torch.float64)


def test_zeros_are_the_identity():
    x = torch.linspace(0, 1, 101)
    y, slope = splines.apply(x, torch.zeros(101, splines.values_of(6)))
    assert torch.allclose(y, x, atol=1e-6)
    assert slope.abs().max() < 1e-5


def test_ends_stay_and_order_is_kept():
    x = torch.linspace(0, 1, 2001, dtype=torch.float64)
    y, _ = splines.apply(x, free(1).expand(2001, -1))
    assert y[0] == 0
    assert y[-1] == 1
    assert (y.diff() > 0).all()
    assert (y - x).abs().max() > 0.05, "free values bend it"


@pytest.mark.parametrize("bins", [2, 6, 12])
def test_the_inverse_comes_back_with_the_opposite_slope(bins):
    x = torch.rand(500, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    bent = free(500, bins=bins)
    y, slope = splines.apply(x, bent)
    back, inverse_slope = splines.apply(y, bent, inverse=True)
    assert (back - x).abs().max() < 1e-6
    assert (slope + inverse_slope).abs().max() < 1e-4


def test_the_slope_is_that_of_differences():
    x, bent = torch.linspace(0.01, 0.99, 99, dtype=torch.float64), free(99)
    step = 1e-6
    up, _ = splines.apply(x + step, bent)
    down, _ = splines.apply(x - step, bent)
    _, slope = splines.apply(x, bent)
    assert torch.allclose(slope.exp(), (up - down) / (2 * step), rtol=1e-3)


def test_no_bin_is_narrower_or_flatter_than_a_thousandth():
    """However far the free values go: the first bin's width, its height, and the slope at 0, which is that of a knot."""
    shut = torch.zeros(3, splines.values_of(6), dtype=torch.float64)
    shut[0, 0], shut[1, 6], shut[2, 12] = -80, -80, -80  # the first width, height, slope
    narrow, _ = splines.apply(torch.tensor([1e-3], dtype=torch.float64), shut[:1])
    assert narrow.item() == pytest.approx(1 / 6)
    flat, _ = splines.apply(torch.tensor([1 / 6], dtype=torch.float64), shut[1:2])
    assert flat.item() == pytest.approx(1e-3)
    _, slope = splines.apply(torch.zeros(1, dtype=torch.float64), shut[2:])
    assert slope.exp().item() == pytest.approx(1e-3)
