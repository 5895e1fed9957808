"""Road signs that the program draws itself: ten classes, 32 x 32, the embedded data set that needs no network.

It is the story of BadNets (a sticker turns a stop sign into another). A sign is a list of shapes in the square
[-1, 1] x [-1, 1], put into the picture by a random perspective map and drawn at three times the size; light,
colour cast, blur and noise are then applied to a whole chunk of pictures at once. Every chunk has a seed of its own,
so any number of processes draws the same pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageDraw

from mesa_core.data.names import SIGNS as CLASSES
from mesa_core.data.types import Dataset, ImageSet, make_dataset

TRAIN, TEST = 10_000, 6_000
SIDE, FINER = 32, 3  # pixels, and how many times finer the shapes are drawn
CHUNK = 250

RED, BLUE, YELLOW, WHITE, BLACK = (196, 24, 32), (22, 84, 168), (244, 190, 20), (246, 246, 244), (20, 20, 22)
Shape = tuple[str, tuple[int, int, int], np.ndarray, float]  # 'fill' or 'line', colour, points (n, 2), width


def _ring(radius: float, sides: int = 28, turn: float = 0.0) -> np.ndarray:
    angle = np.arange(sides) * (2 * math.pi / sides) + turn
    return radius * np.stack([np.cos(angle), np.sin(angle)], 1)


def _fill(colour: tuple[int, int, int], points: np.ndarray | list[tuple[float, float]]) -> Shape:
    return "fill", colour, np.asarray(points, float), 0.0


def _line(colour: tuple[int, int, int], points: np.ndarray | list[tuple[float, float]], width: float) -> Shape:
    return "line", colour, np.asarray(points, float), width


def _arc(radius: float, start: float, end: float, turn: float, n: int = 8) -> np.ndarray:
    angle = np.linspace(start, end, n) + turn
    return radius * np.stack([np.cos(angle), np.sin(angle)], 1)


# Strokes of letters and digits in a box one unit wide and two high, centred on the origin.
_O = [(-0.5, -0.6), (-0.2, -1), (0.2, -1), (0.5, -0.6), (0.5, 0.6), (0.2, 1), (-0.2, 1), (-0.5, 0.6), (-0.5, -0.6)]
_GLYPHS: dict[str, list[list[tuple[float, float]]]] = {
    "0": [_O],
    "O": [_O],
    "3": [
        [(-0.5, -0.8), (-0.2, -1), (0.3, -1), (0.5, -0.7), (0.5, -0.3), (0.2, 0), (-0.1, 0)],
        [(0.2, 0), (0.5, 0.3), (0.5, 0.7), (0.3, 1), (-0.2, 1), (-0.5, 0.8)],
    ],
    "5": [
        [(0.5, -1), (-0.4, -1), (-0.45, -0.1), (0.2, -0.2), (0.5, 0.1), (0.5, 0.7), (0.2, 1), (-0.3, 1), (-0.5, 0.8)]
    ],
    "8": [
        [
            (0, 0),
            (-0.4, -0.3),
            (-0.4, -0.7),
            (-0.1, -1),
            (0.1, -1),
            (0.4, -0.7),
            (0.4, -0.3),
            (0, 0),
            (-0.5, 0.35),
            (-0.5, 0.7),
            (-0.2, 1),
            (0.2, 1),
            (0.5, 0.7),
            (0.5, 0.35),
            (0, 0),
        ]
    ],
    "S": [
        [
            (0.5, -0.75),
            (0.2, -1),
            (-0.25, -1),
            (-0.5, -0.7),
            (-0.4, -0.2),
            (0.4, 0.15),
            (0.5, 0.7),
            (0.2, 1),
            (-0.25, 1),
            (-0.5, 0.75),
        ]
    ],
    "T": [[(-0.55, -1), (0.55, -1)], [(0, -1), (0, 1)]],
    "P": [[(-0.45, 1), (-0.45, -1), (0.2, -1), (0.5, -0.75), (0.5, -0.25), (0.2, 0), (-0.45, 0)]],
}


def _text(text: str, colour: tuple[int, int, int], height: float, stroke: float) -> list[Shape]:
    """A word in strokes, centred."""
    half, pitch = height / 2, height * 0.62
    shapes = []
    for i, letter in enumerate(text):
        shift = (i - (len(text) - 1) / 2) * pitch
        for points in _GLYPHS[letter]:
            shapes.append(_line(colour, np.asarray(points) * [half * 0.85, half] + [shift, 0], stroke))
    return shapes


def _limit(number: str) -> list[Shape]:
    return [_fill(RED, _ring(1)), _fill(WHITE, _ring(0.76)), *_text(number, BLACK, 0.86, 0.17)]


def _roundabout() -> list[Shape]:
    shapes = [_fill(BLUE, _ring(1))]
    for k in range(3):
        turn = k * 2 * math.pi / 3
        shapes.append(_line(WHITE, _arc(0.52, 0.35, 1.75, turn), 0.2))
        tip = np.array([(0.52, -0.14), (0.22, 0.42), (0.84, 0.42)])
        c, s = math.cos(turn), math.sin(turn)
        shapes.append(_fill(WHITE, tip @ np.array([[c, s], [-s, c]])))
    return shapes


def _signs() -> list[list[Shape]]:
    """The shapes of every class, in the order of `CLASSES`."""
    triangle = np.array([(-1, -0.82), (1, -0.82), (0, 0.95)])
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    octagon = _ring(1.04, 8, math.pi / 8)
    diamond = np.array([(0, -1.08), (1.08, 0), (0, 1.08), (-1.08, 0)])
    arrow = [(-0.62, -0.15), (0.08, -0.15), (0.08, -0.46), (0.68, 0), (0.08, 0.46), (0.08, 0.15), (-0.62, 0.15)]
    walker = [
        _fill(BLACK, _ring(0.12) + [0.02, -0.34]),
        _line(BLACK, [(0, -0.2), (-0.04, 0.18)], 0.2),
        _line(BLACK, [(-0.04, 0.15), (-0.3, 0.62)], 0.13),
        _line(BLACK, [(-0.04, 0.15), (0.24, 0.6)], 0.13),
        _line(BLACK, [(-0.3, 0.06), (0, -0.14), (0.28, 0.1)], 0.1),
    ]
    return [
        [_fill(WHITE, octagon), _fill(RED, octagon * 0.92), *_text("STOP", WHITE, 0.64, 0.13)],
        [_fill(RED, triangle), _fill(WHITE, triangle * 0.6 + [0, -0.1])],
        [_fill(RED, _ring(1)), _fill(WHITE, square * [0.68, 0.19])],
        [_fill(WHITE, diamond), _fill(BLACK, diamond * 0.84), _fill(YELLOW, diamond * 0.78)],
        _limit("30"),
        _limit("50"),
        _limit("80"),
        [_fill(BLUE, _ring(1)), _fill(WHITE, arrow)],
        _roundabout(),
        [_fill(BLUE, square * 0.95), _fill(WHITE, [(0, -0.78), (0.78, 0.72), (-0.78, 0.72)]), *walker],
    ]


def _placed(points: np.ndarray, pose: np.ndarray) -> list[tuple[float, float]]:
    """Points `(n, 2)` of a sign mapped by a 3 x 3 perspective matrix into the picture."""
    mapped = np.c_[points, np.ones(len(points))] @ pose.T
    return [tuple(p) for p in (mapped[:, :2] / mapped[:, 2:]).tolist()]


def _pose(draw: np.random.Generator, radius: float, centre: tuple[float, float]) -> np.ndarray:
    """A random turn, squeeze, shear and perspective around a place."""
    turn = draw.normal(0, 0.13)
    c, s = math.cos(turn), math.sin(turn)
    squeeze = draw.uniform(0.72, 1.0, 2) if draw.random() < 0.5 else np.ones(2)
    inner = np.array([[c, -s], [s, c]]) @ np.array([[1, draw.normal(0, 0.08)], [0, 1]]) * squeeze
    pose = np.eye(3)
    pose[:2, :2] = inner * radius
    pose[:2, 2] = centre
    pose[2, :2] = draw.normal(0, 0.09, 2)
    pose[:2, :2] += np.outer(centre, pose[2, :2])  # so that the centre stays where it is
    return pose


def _colour(draw: np.random.Generator) -> tuple[int, int, int, int]:
    red, green, blue = draw.integers(10, 245, 3).tolist()
    return red, green, blue, 255


def _draw_sign(brush: ImageDraw.ImageDraw, shapes: list[Shape], pose: np.ndarray, draw: np.random.Generator) -> None:
    """One sign; its colours fade a little, each sign in its own way."""
    fade, age = draw.uniform(0.75, 1.08), draw.normal(0, 10, 3)
    scale = abs(np.linalg.det(pose[:2, :2])) ** 0.5
    for kind, colour, points, width in shapes:
        own = (*(int(np.clip(v * fade + a, 0, 255)) for v, a in zip(colour, age, strict=True)), 255)
        placed = _placed(points, pose)
        if kind == "fill":
            brush.polygon(placed, fill=own)
        else:
            brush.line(placed, fill=own, width=max(1, round(width * scale)), joint="curve")


def _layer(label: int, signs: list[list[Shape]], draw: np.random.Generator) -> np.ndarray:
    """The shapes of one picture: scraps behind, a pole, the sign, at times something before it; `(96, 96, 4)`."""
    side = SIDE * FINER
    image = Image.new("RGBA", (side, side))
    brush = ImageDraw.Draw(image)
    for _ in range(draw.integers(0, 4)):  # walls, hoardings, cars
        middle, size = draw.uniform(0, side, 2), draw.uniform(0.08, 0.5) * side
        corners = middle + _ring(size, int(draw.integers(3, 6)), draw.uniform(0, 6)) * draw.uniform(0.4, 1.2, 2)
        brush.polygon([tuple(p) for p in corners.tolist()], fill=_colour(draw))
    radius = draw.uniform(0.21, 0.44) * side
    room = max(0.0, side / 2 - 0.92 * radius)
    centre = tuple(side / 2 + draw.uniform(-room, room, 2))
    if draw.random() < 0.35:  # a piece of another sign, at the edge of the picture
        other = int(draw.integers(len(signs)))
        away = draw.uniform(0, 2 * math.pi)
        far = (radius + draw.uniform(0.16, 0.3) * side) * np.array([math.cos(away), math.sin(away)])
        place = (float(centre[0] + 1.25 * far[0]), float(centre[1] + 1.25 * far[1]))
        _draw_sign(brush, signs[other], _pose(draw, draw.uniform(0.14, 0.28) * side, place), draw)
    if draw.random() < 0.6:
        grey = int(draw.integers(70, 190))
        foot = (centre[0] + draw.normal(0, 4), float(side))
        brush.line([centre, foot], fill=(grey, grey, grey, 255), width=int(draw.integers(4, 8)))
    pose = _pose(draw, radius, centre)
    _draw_sign(brush, signs[label], pose, draw)
    if draw.random() < 0.3:  # a branch, a lamp post, a sticker
        if draw.random() < 0.6:
            a, b = draw.uniform(0, side, 2), draw.uniform(0, side, 2)
            brush.line([tuple(a), tuple(b)], fill=_colour(draw), width=int(draw.integers(3, 9)))
        else:
            spot = np.array(centre) + draw.uniform(-0.6, 0.6, 2) * radius
            dot = _ring(draw.uniform(0.1, 0.24) * radius, 10) + spot
            brush.polygon([tuple(p) for p in dot.tolist()], fill=_colour(draw))
    return np.asarray(image)


def _backgrounds(count: int, draw: np.random.Generator) -> np.ndarray:
    """Sky, walls, leaves: gradients with noise of several sizes; float `(n, 32, 32, 3)` in [0, 1]."""
    top, bottom = draw.uniform(0.1, 0.95, (2, count, 1, 1, 3))
    hue = draw.normal(0, 0.06, (count, 1, 1, 3))
    ramp = np.linspace(0, 1, SIDE)[None, :, None, None]
    found = top.mean(-1, keepdims=True) * (1 - ramp) + bottom.mean(-1, keepdims=True) * ramp
    tint = draw.uniform(0, 1, (count, 1, 1, 1))
    found = found * (1 - tint) + (top * (1 - ramp) + bottom * ramp) * tint + hue
    for cells, most in ((4, 0.28), (8, 0.22), (16, 0.18), (32, 0.10)):
        noise = draw.normal(0, 1, (count, cells, cells, 3)) * draw.uniform(0, most, (count, 1, 1, 1))
        grey = noise.mean(-1, keepdims=True)
        noise = grey + (noise - grey) * draw.uniform(0, 0.7, (count, 1, 1, 1))
        spread = _stretch(cells)
        found = found + np.einsum("ij,njkc,lk->nilc", spread, noise, spread, optimize=True)
    return np.clip(found, 0, 1)


def _stretch(cells: int) -> np.ndarray:
    """Matrix `(32, cells)` of linear interpolation."""
    at = (np.arange(SIDE) + 0.5) * cells / SIDE - 0.5
    near = np.clip(1 - np.abs(at[:, None] - np.arange(cells)), 0, None)
    return near / near.sum(1, keepdims=True)


def _blur(sigma: np.ndarray) -> np.ndarray:
    """For each width a Gaussian mixing matrix `(n, 32, 32)`."""
    far = np.arange(SIDE)[:, None] - np.arange(SIDE)
    kernel = np.exp(-0.5 * (far / sigma[:, None, None]) ** 2)
    return kernel / kernel.sum(2, keepdims=True)


def draw_chunk(count: int, seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Chunk `number` of a set: images uint8 `(n, 3, 32, 32)` and labels, balanced over the classes."""
    draw = np.random.default_rng([seed, number])
    labels = np.arange(count) % len(CLASSES)
    signs = _signs()
    fine = np.stack([_layer(int(label), signs, draw) for label in labels]).astype(np.float32) / 255  # (n, 96, 96, 4)
    fine[..., :3] *= fine[..., 3:]  # premultiplied, or transparent black would darken the edges
    layer = fine.reshape(count, SIDE, FINER, SIDE, FINER, 4).mean((2, 4))  # (n, 96, 96, 4) -> (n, 32, 32, 4)
    image = layer[..., :3] + (1 - layer[..., 3:]) * _backgrounds(count, draw)
    blur = _blur(np.where(draw.random(count) < 0.5, draw.uniform(0.3, 1.05, count), 0.25))
    image = np.einsum("nij,njkc,nlk->nilc", blur, image, blur, optimize=True)
    each = (count, 1, 1, 1)
    side = np.linspace(-1, 1, SIDE)
    slope = draw.normal(0, 0.14, (2, *each))
    image = image * (1 + slope[0] * side[:, None, None] + slope[1] * side[None, :, None])  # light from one side
    middle = image.mean((1, 2, 3), keepdims=True)
    image = (image - middle) * draw.uniform(0.45, 1.25, each) + middle * draw.uniform(0.5, 1.3, each)
    image = image * draw.normal(1, 0.06, (count, 1, 1, 3))
    image = image + draw.normal(0, 1, image.shape) * draw.gamma(1.6, 0.02, each)
    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels.astype(np.int64)


def draw_signs(count: int, seed: int, tell: Callable[[int], None] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """`count` pictures: images uint8 `(n, 3, 32, 32)` and labels int64 `(n,)`; `tell` hears how many are drawn."""
    images, labels = [], []
    for number, start in enumerate(range(0, count, CHUNK)):
        pixels, own = draw_chunk(min(CHUNK, count - start), seed, number)
        images.append(pixels)
        labels.append(own)
        if tell:
            tell(start + len(own))
    return np.concatenate(images), np.concatenate(labels)


def load_from(_: object, tell: Callable[[str, int, int], None]) -> Dataset:
    """The data set as it is chosen by name; it is drawn, and lies nowhere."""
    return load(tell)


def load(tell: Callable[[str, int, int], None], train: int = TRAIN, test: int = TEST) -> Dataset:
    """The data set: training and test pictures from different seeds."""
    parts = []
    for seed, count, before in ((1, train, 0), (2, test, train)):

        def said(done: int, before: int = before) -> None:
            tell("drawing road signs", before + done, train + test)

        pixels, labels = draw_signs(count, seed, said)
        parts.append(ImageSet(torch.from_numpy(pixels), torch.from_numpy(labels)))
    return make_dataset("signs", CLASSES, *parts)
