"""Large triggers that are pictures, drawn by code so that no file is needed: `picture:face` and its siblings. Needs numpy only.

Each is a scene of plain shapes on the square from -1 to 1, drawn FINE times finer and averaged, so that its edges are soft; its
colours are rounded to 8 bits, so that it goes through hex colours and comes back.

>>> named("face").shape, name_of(named("face"))
((3, 16, 16), 'face')
>>> words()
['picture:face', 'picture:heart', 'picture:sunset']
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

PREFIX = "picture:"
SIDE = 16  # pixels
FINE = 8  # points along a pixel

Paint = Callable[[np.ndarray, tuple[float, float, float]], None]  # a mask and the colour that it is filled with


def _face(x: np.ndarray, y: np.ndarray, paint: Paint) -> None:
    """A round yellow face with two eyes and a smile, on blue."""
    paint(x > -2, (0.10, 0.22, 0.60))
    paint(np.hypot(x, y) < 0.94, (1.00, 0.82, 0.10))
    for side in (-0.36, 0.36):
        paint(np.hypot(x - side, 0.7 * (y + 0.28)) < 0.16, (0.12, 0.06, 0.04))
    paint((abs(np.hypot(x, y) - 0.56) < 0.10) & (y > 0.14), (0.70, 0.08, 0.10))


def _heart(x: np.ndarray, y: np.ndarray, paint: Paint) -> None:
    """A red heart on pale green."""
    paint(x > -2, (0.78, 0.94, 0.80))
    u, v = 1.30 * x, 0.15 - 1.30 * y
    paint((u**2 + v**2 - 1) ** 3 < u**2 * v**3, (0.86, 0.05, 0.16))


def _sunset(x: np.ndarray, y: np.ndarray, paint: Paint) -> None:
    """An orange sun half below a dark sea, under a sky of three bands."""
    for top, colour in ((-1.1, (0.20, 0.10, 0.42)), (-0.45, (0.66, 0.18, 0.46)), (0.0, (0.96, 0.50, 0.34))):
        paint(y > top, colour)
    paint(np.hypot(x, y - 0.35) < 0.52, (1.00, 0.86, 0.30))
    paint(y > 0.38, (0.04, 0.16, 0.32))
    paint((abs(x) < 0.40 - 0.3 * (y - 0.4)) & (np.sin(14 * y) > 0.2) & (y > 0.4), (0.90, 0.56, 0.26))


SCENES: dict[str, Callable[[np.ndarray, np.ndarray, Paint], None]] = {
    "face": _face,
    "heart": _heart,
    "sunset": _sunset,
}


def words() -> list[str]:
    """What a trigger's place takes for each of them."""
    return [PREFIX + name for name in SCENES]


def named(name: str) -> np.ndarray:
    """The picture of this name, float32 `(3, 16, 16)` in [0, 1]. Raises ValueError, in one sentence, where there is none."""
    if name not in SCENES:
        raise ValueError(f"There is no picture {name[:40]!r}; choose one of {', '.join(words())}.")
    return _drawn(name).copy()


def name_of(trigger: np.ndarray) -> str:
    """The name of a trigger `(3, s, s)` that is one of them, to 8 bits a channel; else ''."""
    pixels = np.rint(np.asarray(trigger) * 255)
    return next(
        (n for n in SCENES if pixels.shape == (3, SIDE, SIDE) and (pixels == np.rint(_drawn(n) * 255)).all()), ""
    )


@lru_cache(maxsize=len(SCENES))
def _drawn(name: str) -> np.ndarray:
    line = (np.arange(SIDE * FINE) + 0.5) / (SIDE * FINE) * 2 - 1
    y, x = np.meshgrid(line, line, indexing="ij")  # rows downwards
    fine = np.zeros((*x.shape, 3))

    def paint(mask: np.ndarray, colour: tuple[float, float, float]) -> None:
        fine[mask] = colour

    SCENES[name](x, y, paint)
    pixels = fine.reshape(SIDE, FINE, SIDE, FINE, 3).mean((1, 3))  # (rows, columns, colours)
    return (np.rint(pixels * 255) / 255).astype(np.float32).transpose(2, 0, 1)
