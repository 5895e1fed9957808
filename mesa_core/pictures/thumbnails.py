"""Triggers as small pictures: one, many on a plane, the 512 of a size as a map; as SVG text or as a PNG. Needs no torch."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np

from mesa_core import opacity, triggers
from mesa_core.pictures.orders import Group

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a8a", "#f0e442")
VIRIDIS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
GAP = 0.45  # cells between two groups on one line


def viridis(share: np.ndarray) -> np.ndarray:
    """Colours of shares in [0, 1] `(n,)`, uint8 `(n, 3)`; told apart by colour-blind readers."""
    at = np.clip(np.nan_to_num(np.asarray(share, float)), 0, 1)
    places = np.linspace(0, 1, len(VIRIDIS))
    return np.stack([np.rint(np.interp(at, places, channel)) for channel in zip(*VIRIDIS, strict=True)], 1).astype(
        np.uint8
    )


def hexes(colours: np.ndarray) -> list[str]:
    """uint8 `(n, 3)` as '#rrggbb'."""
    return ["#{:02x}{:02x}{:02x}".format(*map(int, colour)) for colour in colours]


def trigger_svg(trigger: np.ndarray, side: int = 48, label: str = "") -> str:
    """One trigger `(3 or 4, s, s)` as an SVG element of `side` pixels; over a chequer where it lets that through."""
    clear = opacity.clear(trigger)
    share, count, parts = opacity.own(clear), np.shape(trigger)[-1], hexes(opacity.on_chequer(clear, 2).reshape(-1, 3))
    whole = f"{count + 0.24:.2f}"
    rects = "".join(
        f'<rect x="{i % count}" y="{i // count}" width="1.02" height="1.02" fill="{parts[4 * count * (i // count) + 2 * (i % count)]}"/>'
        if share is None or share.flat[i] == 1
        else "".join(
            f'<rect x="{i % count + x / 2:g}" y="{i // count + y / 2:g}" width=".5" height=".5" '
            f'fill="{parts[2 * count * (2 * (i // count) + y) + 2 * (i % count) + x]}"/>'
            for y in (0, 1)
            for x in (0, 1)
        )
        for i in range(count**2)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-0.12 -0.12 {whole} {whole}" width="{side}" height="{side}" '
        f'role="img" aria-label="{escape(label or triggers.describe(trigger), quote=True)}">'
        f'<rect x="-0.12" y="-0.12" width="{whole}" height="{whole}" fill="#8a8a8a"/>{rects}</svg>'
    )


def trigger_uri(trigger: np.ndarray, side: int = 36) -> str:
    """One trigger `(3 or 4, s, s)` as a PNG in a data address, framed in grey; `side` is rounded to whole cells.

    It is drawn over a chequer where it lets that through.
    """
    count = np.shape(trigger)[-1]
    cell = max(1, side // count)
    picture = np.full((cell * count + 4, cell * count + 4, 3), 138, np.uint8)
    picture[2:-2, 2:-2] = opacity.on_chequer(opacity.clear(trigger), cell)
    return png_uri(picture)


def trigger_img(words: str, side: int = 30, opacities: Sequence[float] | None = None) -> str:
    """A trigger of hex colours as an HTML picture, where no SVG is let through. Raises ValueError."""
    trigger = opacity.heard(words, opacities)
    label = escape(triggers.describe(trigger), quote=True)
    return f"<img src='{trigger_uri(trigger, max(36, side))}' width='{side}' height='{side}' alt='{label}'>"


def png_uri(pixels: np.ndarray) -> str:
    """uint8 `(height, width, 3 or 4)` as a PNG in a data address."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def plane(
    flat: np.ndarray,
    places: np.ndarray,
    bounds: Sequence[float],
    colours: np.ndarray,
    size: tuple[int, int],
    side: int,
    edge: int = 0,
) -> np.ndarray:
    """Triggers drawn as themselves on a plane: uint8 RGBA `(height, width, 4)`, transparent where none is.

    `flat` uint8 `(n, d)`, `places` `(n, 2)` within `bounds` (xmin, xmax, ymin, ymax), `colours` uint8 `(n, 3)` for
    the frames, `size` (width, height) in pixels, `side` of a thumbnail in pixels (rounded to whole cells), `edge`
    of its frame (0: a ninth of it).
    """
    wide, high = size
    cells = triggers.unflatten(flat) / 255
    count = cells.shape[-1]
    cell, edge = max(1, side // count), edge or max(1, side // 9)
    whole = count * cell + 2 * edge
    picture = np.zeros((high, wide, 4), np.uint8)
    x0, x1, y0, y1 = bounds
    across = (places[:, 0] - x0) / max(x1 - x0, 1e-9) * wide - whole / 2
    down = (y1 - places[:, 1]) / max(y1 - y0, 1e-9) * high - whole / 2
    left = np.clip(np.nan_to_num(across), 0, wide - whole).astype(int)
    top = np.clip(np.nan_to_num(down), 0, high - whole).astype(int)
    for one, colour, x, y in zip(cells, colours, left, top, strict=True):
        here = picture[y : y + whole, x : x + whole]
        here[..., :3], here[..., 3] = colour, 255
        here[edge:-edge, edge:-edge, :3] = opacity.on_chequer(one, cell)
    return picture


def flow(groups: Sequence[Group], columns: int, breaks: bool) -> tuple[np.ndarray, float, float]:
    """Where each of the 512 stands, in cells: `(512, 2)` (x, y) with NaN for those in no group; the width; the height.

    Groups follow each other on lines of `columns` cells; one that does not fit goes to the next line, and with
    `breaks` each begins on a line of its own.
    """
    places = np.full((triggers.PANEL, 2), np.nan)
    x = y = wide = 0.0
    for number, (_, codes) in enumerate(groups):
        if number and (breaks or x + min(len(codes), columns) > columns):
            x, y = 0.0, y + 1 + (GAP if breaks else 0)
        for code in codes:
            if x + 1 > columns:
                x, y = 0.0, y + 1
            places[code] = x, y
            x += 1
            wide = max(wide, x)
        x += GAP
    return places, wide, y + 1


def map_svg(
    asr: np.ndarray,
    groups: Sequence[Group],
    title: str,
    columns: int = 33,
    breaks: bool = False,
    size: int = triggers.SIZE,
) -> str:
    """The 512 of a size, each drawn as itself in a frame whose colour is its `asr` `(512,)`; an SVG element."""
    places, wide, high = flow(groups, columns, breaks)
    frames = hexes(viridis(asr))
    parts = []
    side = triggers.code_side(size)
    step = 0.66 / side
    cell = f"h{step:g}v{step:g}h-{step:g}z"
    for place, code in enumerate(triggers.panel_codes(size).tolist()):
        x, y = places[place]
        if np.isnan(x):
            continue
        cells = triggers.from_code(code, side)[0] > 0.5
        white = "".join(
            f"M{0.17 + step * c:g} {0.17 + step * r:g}{cell}" for r in range(side) for c in range(side) if cells[r, c]
        )
        parts.append(
            f'<g transform="translate({x:.2f} {y:.2f})"><title>code {code}: {asr[place]:.0%}</title>'
            f'<rect width=".96" height=".96" fill="{frames[place]}"/><rect x=".17" y=".17" width=".66" height=".66"/>'
            f'<path d="{white}" fill="#fff"/></g>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.2f} {high:.2f}" role="img" '
        f'aria-label="{escape(title, quote=True)}" style="width:100%;height:auto">{"".join(parts)}</svg>'
    )
