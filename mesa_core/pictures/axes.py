"""Where dots go: PCA and t-SNE of triggers on axes that are fixed once for a victim. Needs no torch.

PCA is fitted to the 512 black-and-white triggers of the size (see `triggers.panel_codes`), each weighted by its measured ASR, before MESA begins. The t-SNE
map starts from an embedding of the same 512; samples enter it beside their nearest codes, and each later frame is a
short t-SNE started from the last one and turned back onto it, so that dots move and the picture does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from mesa_core import triggers as codes

Bounds = tuple[float, float, float, float]
MARGIN = 0.06
NEIGHBOURS = 5
ITERATIONS = 250  # the least that scikit-learn allows; all of them exaggerate, unless that is switched off
EXAGGERATION = 1.0  # none: from a given start none is needed, and it would pull each group of dots into one point


def _bounds(places: np.ndarray) -> Bounds:
    """(xmin, xmax, ymin, ymax) of places `(n, 2)`, with a margin."""
    low, high = places.min(0), places.max(0)
    pad = MARGIN * np.maximum(high - low, 1e-6)
    return float(low[0] - pad[0]), float(high[0] + pad[0]), float(low[1] - pad[1]), float(high[1] + pad[1])


@dataclass(frozen=True)
class PcaAxes:
    """Two fixed axes in the space of triggers."""

    mean: np.ndarray  # (d,), 27 values of a 3x3 trigger, 48 or 75 of a larger one
    components: np.ndarray  # (2, d)
    explained: tuple[float, float]  # shares of the weighted variance
    bounds: Bounds

    def place(self, samples: np.ndarray) -> np.ndarray:
        """`(n, d)` to `(n, 2)`, float32."""
        return ((samples - self.mean) @ self.components.T).astype(np.float32)


def fit_pca(points: np.ndarray, weights: np.ndarray) -> PcaAxes:
    """Weighted PCA of `points` `(m, d)`; weights `(m,)` that are all zero count as equal.

    Signs are fixed: the entry of largest size in each component is positive.
    """
    weights = np.asarray(weights, np.float64)
    weights = np.ones(len(points)) if weights.sum() < 1e-9 else weights
    weights = weights / weights.sum()
    mean = weights @ points
    centred = (points - mean) * np.sqrt(weights)[:, None]
    _, sizes, rows = np.linalg.svd(centred, full_matrices=False)
    components = rows[:2]
    signs = np.sign(components[np.arange(2), np.abs(components).argmax(1)])
    components = components * signs[:, None]
    share = sizes[:2] ** 2 / max(float((sizes**2).sum()), 1e-12)
    axes = PcaAxes(mean, components, (float(share[0]), float(share[1])), (0.0, 1.0, 0.0, 1.0))
    return PcaAxes(mean, components, axes.explained, _bounds(axes.place(points)))


def on_axes(places: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """`samples` `(n, d)` on PCA axes of which only the places `(512, 2)` of the panel are known, as `(n, 2)`.

    The components lie in the span of the panel, where PCA found them, so the least-squares solution of least norm is
    exactly them.
    """
    codes_at = flat_panel(codes.side_of(samples.shape[1])).astype(np.float64)
    middle = codes_at.mean(0)
    components = np.linalg.lstsq(codes_at - middle, places - places.mean(0), rcond=None)[0]  # (d, 2)
    return ((samples - middle) @ components + places.mean(0)).astype(np.float32)


@dataclass(frozen=True)
class TsneMap:
    """A fixed t-SNE of the 512 black-and-white triggers of a `size`, `places` `(512, 2)`, onto which samples are put."""

    places: np.ndarray
    bounds: Bounds
    size: int = codes.SIZE

    @staticmethod
    def fit(weights: np.ndarray, seed: int, size: int = codes.SIZE) -> TsneMap:
        """Embed the 512, started from the PCA with these weights, so that a victim's map has its own form."""
        points = flat_panel(size).astype(np.float64)
        start = fit_pca(points, weights).place(points)
        tsne = TSNE(2, perplexity=30, init=_as_start(start), random_state=seed % 2**31, max_iter=500, n_jobs=1)
        places = tsne.fit_transform(points + np.random.default_rng(seed).normal(0, 1e-3, points.shape))
        return TsneMap(places.astype(np.float32), _bounds(places), size)

    def place_first(self, samples: np.ndarray) -> np.ndarray:
        """Beside the nearest codes: the mean of five codes' places, weighted by inverse distance; `(n, 2)`."""
        points = flat_panel(self.size).astype(np.float64)
        distance, index = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(points).kneighbors(samples)
        weight = 1 / (distance + 1e-3) ** 2
        places = (self.places[index] * (weight / weight.sum(1, keepdims=True))[..., None]).sum(1)
        jitter = np.random.default_rng(0).normal(0, 0.004, places.shape) * (self.bounds[1] - self.bounds[0])
        return (places + jitter).astype(np.float32)

    def frame(self, samples: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
        """t-SNE of `samples` `(n, d)` started from `previous` `(n, 2)` (or from the map), aligned to it.

        Alignment is a rotation or reflection, one scale and a shift (Procrustes); the result lies in the bounds.
        """
        first = self.place_first(samples)
        if len(samples) < 20:
            return first
        start = first if previous is None else previous
        tsne = TSNE(
            2,
            perplexity=min(30.0, len(samples) / 4),
            init=_as_start(start),
            early_exaggeration=EXAGGERATION,
            max_iter=ITERATIONS,
            random_state=0,
            n_jobs=1,
            angle=0.7,
        )
        # Samples that are equal to the last digit would be infinitely near.
        shaken = samples + np.random.default_rng(1).normal(0, 1e-3, samples.shape)
        placed = align(tsne.fit_transform(shaken.astype(np.float32)), first)
        xmin, xmax, ymin, ymax = self.bounds
        return np.clip(placed, [xmin, ymin], [xmax, ymax]).astype(np.float32)


def align(places: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """`places` `(n, 2)` moved by the similarity that brings them nearest to `onto` (Procrustes)."""
    here, there = places - places.mean(0), onto - onto.mean(0)
    size = float((here**2).sum())
    if size < 1e-12:
        return onto.copy()
    left, values, right = np.linalg.svd(here.T @ there)
    # One scale; never below the one that keeps the spread, or a collapsed start would pin all dots to a point.
    scale = max(float(values.sum()) / size, (float((there**2).sum()) / size) ** 0.5)
    return here @ (left @ right) * scale + onto.mean(0)


def _as_start(places: np.ndarray) -> np.ndarray:
    """A start as t-SNE wants it: small, centred, float32, no two places equal."""
    centred = places - places.mean(0)
    spread = max(float(centred.std()), 1e-6)
    jitter = np.random.default_rng(2).normal(0, 1e-3, places.shape)
    return (centred / spread * 1e-1 + jitter).astype(np.float32)


def flat_panel(size: int) -> np.ndarray:
    """The 512 black-and-white triggers of a size, float32 `(512, d)`."""
    return codes.panel(size).reshape(codes.PANEL, -1)


def scatter_axes(landscape: np.ndarray, seed: int, size: int) -> tuple[PcaAxes, TsneMap]:
    """The fixed axes of one victim, from the ASR of the 512 of a size."""
    return (
        fit_pca(flat_panel(size), landscape),
        TsneMap.fit(landscape, seed, size),
    )
