"""A world small enough to solve exactly: triggers are numbers x in [0, 1], and F(x) is a curve with three hills.

Everything here is computed on a fine grid without sampling, so what the page shows of it is exact up to the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRID = 600
HILLS = ((0.24, 0.085, 0.97), (0.52, 0.03, 0.86), (0.80, 0.055, 0.72))  # place, width, height


def grid() -> np.ndarray:
    """Middles of the cells, `(GRID,)`; a cell is 1/GRID wide."""
    return (np.arange(GRID) + 0.5) / GRID


def success() -> np.ndarray:
    """F on the grid, in [0, 1]: how often each toy trigger works."""
    x = grid()[:, None]
    place, width, height = np.array(HILLS).T
    return np.maximum(0.02, (height * np.exp(-0.5 * ((x - place) / width) ** 2)).max(1))


@dataclass(frozen=True)
class Law:
    """A law on the grid and what is known of it."""

    density: np.ndarray  # (GRID,), integrates to 1
    entropy: float  # nats, relative to uniform noise: 0 is the widest possible
    mean_success: float
    valid: float  # share of its mass where F >= beta
    reached: float  # share of the valid ones that have at least a tenth of their fair density


def law(alpha: float, beta: float) -> Law:
    """The law that minimises E[max(0, beta - F)] - alpha * entropy: p ∝ exp(-max(0, beta - F) / alpha).

    At alpha = 0 it is a point: the highest of F, since nothing asks it to spread (any valid point would do).
    """
    f = success()
    if alpha <= 0:
        density = np.zeros(GRID)
        density[f.argmax()] = GRID
    else:
        exponent = -np.maximum(0, beta - f) / alpha
        density = np.exp(exponent - exponent.max())
        density *= GRID / density.sum()
    return describe(density, beta)


def describe(density: np.ndarray, beta: float) -> Law:
    """The figures of a density on the grid."""
    f = success()
    mass = density / GRID
    some = mass > 0
    entropy = -float((mass[some] * np.log(density[some])).sum())
    good = f >= beta
    fair = 1 / max(good.mean(), 1 / GRID)
    reached = float((density[good] >= 0.1 * fair).mean()) if good.any() else 0.0
    return Law(density, entropy, float((mass * f).sum()), float(mass[good].sum()), reached)


@dataclass(frozen=True)
class Staircase:
    """MESA's exact sub-models at some levels, and their mixture."""

    levels: tuple[float, ...]
    widths: tuple[float, ...]  # e^h of each: the share of [0, 1] where F > beta
    weights: tuple[float, ...]  # γ, 0 where a level is empty
    mixture: np.ndarray  # (GRID,), integrates to 1
    wanted: np.ndarray  # f = F / ∫F, what the mixture approximates (g is a straight line)
    error: float  # half the L1 distance between the two: the mass at the wrong place

    @property
    def empty(self) -> tuple[float, ...]:
        """Levels that nothing reaches, which MESA skips."""
        return tuple(level for level, width in zip(self.levels, self.widths, strict=True) if width == 0)


def staircase(levels: list[float], uniform: bool = False) -> Staircase:
    """Algorithm 1 with exact sub-models: uniform where F > beta; γ ∝ e^h, or 1/N over the kept ones if `uniform`."""
    f = success()
    inside = np.array([f > level for level in levels])  # (N, GRID)
    widths = inside.mean(1)
    raw = (widths > 0).astype(float) if uniform else widths
    gamma = raw / raw.sum() if raw.sum() > 0 else raw
    each = inside / np.maximum(widths, 1 / GRID)[:, None]  # densities, rows of zeros where a level is empty
    mixture = gamma @ each
    wanted = f / f.mean()
    error = 0.5 * float(np.abs(mixture - wanted).mean())
    return Staircase(tuple(levels), tuple(widths.tolist()), tuple(gamma.tolist()), mixture, wanted, error)


def even_levels(count: int) -> list[float]:
    """β_i = i / N for i = 1..N, as in Algorithm 1; nothing exceeds the last, which is therefore skipped."""
    return [i / count for i in range(1, count + 1)]


def quantiles(density: np.ndarray, count: int) -> np.ndarray:
    """`count` places that stand for a law, in order: its middles of equal mass, `(count,)`."""
    edges = (
        np.concatenate([[0.0], np.cumsum(density) / density.sum()])
        if density.sum() > 0
        else np.linspace(0, 1, GRID + 1)
    )
    wanted = (np.arange(count) + 0.5) / count
    return np.interp(wanted, edges, np.linspace(0, 1, GRID + 1))
