"""The image as a map, as an inline SVG: each place coloured by how often a trigger there opens the network. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from mesa_core.pictures.thumbnails import hexes, viridis

LEVELS = 33  # colours; more would be a larger file and look the same
PANEL = 260  # pixels of a panel's side
EDGE = 2  # places around a map, so that a ring at its border is whole
SIDE = 16  # between two panels
TOP = 22  # for a panel's title
SCALE = 30  # for the scale below


def place_map_svg(asr: np.ndarray, label: str, ring: tuple[int, int] | None = None) -> str:
    """One map without words, for a page that writes them around it: ASR `(rows, columns)`, `label` for who does not see it."""
    rows, columns = np.shape(asr)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-EDGE} {-EDGE} {columns + 2 * EDGE} {rows + 2 * EDGE}" width="{PANEL}" role="img" '
        f'aria-label="{escape(label, quote=True)}">{_cells(np.asarray(asr, np.float64), ring)}</svg>'
    )


def place_maps_svg(maps: Mapping[str, np.ndarray], label: str, ring: tuple[int, int] | None = None) -> str:
    """One panel for each network: ASR `(rows, columns)` by title, at each place of the trigger's top left pixel.

    `ring` is the row and column of where the trigger lies, or was found. Text takes the colour of the page; `label` says in
    words what is seen, for who does not see it.
    """
    parts, x = [], float(SIDE)  # so that a ring at a border is whole
    for title, asr in maps.items():
        parts.append(_panel(title, np.asarray(asr, np.float64), x, ring))
        x += PANEL + SIDE
    wide = max(x, PANEL)
    parts.append(_scale(TOP + PANEL + 10))
    high = TOP + PANEL + 10 + SCALE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high}" role="img" aria-label="{escape(label, quote=True)}" '
        f'style="width:100%;max-width:{wide:g}px;height:auto;color:inherit" font-family="system-ui, sans-serif" font-size="13">'
        f"{''.join(parts)}</svg>"
    )


def _panel(title: str, asr: np.ndarray, x: float, ring: tuple[int, int] | None) -> str:
    """A map with its title."""
    cell = PANEL / max(asr.shape)
    return (
        f'<g transform="translate({x:g} 0)"><text x="0" y="14" fill="currentColor">{escape(title)}</text>'
        f'<g transform="translate(0 {TOP}) scale({cell:.4f})">{_cells(asr, ring)}</g></g>'
    )


def _cells(asr: np.ndarray, ring: tuple[int, int] | None) -> str:
    """Every place as a square of one unit; those of one colour are one path."""
    rows, columns = asr.shape
    shades = np.rint(np.clip(asr, 0, 1) * (LEVELS - 1)).astype(int)
    drawn = []
    for shade in np.unique(shades):
        share = shade / (LEVELS - 1)
        path = "".join(_runs(shades == shade))
        drawn.append(
            f'<path fill="{hexes(viridis(np.array([share])))[0]}" d="{path}"><title>about {share:.0%}</title></path>'
        )
    mark = ""
    if ring is not None and 0 <= ring[0] < rows and 0 <= ring[1] < columns:
        mark = (
            f'<circle cx="{ring[1] + 0.5}" cy="{ring[0] + 0.5}" r="1.6" fill="none" stroke="#ff4d4d" stroke-width=".5">'
            "<title>where the trigger lies</title></circle>"
        )
    return f'<g shape-rendering="crispEdges">{"".join(drawn)}</g>{mark}'


def _runs(where: np.ndarray) -> list[str]:
    """Each row's runs of cells as rectangles of one row."""
    found = []
    for row, line in enumerate(where):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
        found += [f"M{a} {row}h{b - a}v1h{a - b}z" for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return found


def _scale(y: float) -> str:
    """What the colours mean."""
    colours = hexes(viridis(np.linspace(0, 1, LEVELS)))
    boxes = "".join(f'<rect x="{i * 4}" y="0" width="4.2" height="10" fill="{c}"/>' for i, c in enumerate(colours))
    return (
        f'<g transform="translate({SIDE} {y:g})"><text x="0" y="10" fill="currentColor">0 %</text><g transform="translate(30 0)">{boxes}'
        f'</g><text x="{36 + 4 * LEVELS}" y="10" fill="currentColor">100 % of the images go to the target</text></g>'
    )
