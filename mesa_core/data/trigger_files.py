"""A trigger from a file with a picture, which anybody may have made: read as all pictures are, and scaled. Needs no torch.

A square picture with as many pixels on a side as a trigger can have is taken as it is; a larger one is scaled to the largest
trigger, each pixel the mean of what it covers. Others would have to be cut or blown up, which is for whoever knows the picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mesa_core import triggers
from mesa_core.disk.untrusted import Refused

ENDINGS = (".png", ".jpg", ".jpeg", ".ppm", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def spelt(text: str) -> str:
    """A trigger as hex colours, where `text` is a file's name; else `text` as it is. Raises ValueError, in one sentence."""
    return triggers.to_hex(read(Path(text))) if text.lower().endswith(ENDINGS) else text


def read(path: Path) -> np.ndarray:
    """The trigger in a file, float32 `(3, s, s)` in [0, 1]. Raises ValueError, in one sentence."""
    from PIL import Image  # slow to import, and few commands need it

    from mesa_core.data.pictures import name_of, open_picture

    try:
        picture = open_picture(path)
    except Refused as error:
        raise ValueError(f"The trigger's picture {name_of(path)} {error}.") from None
    wide, high = picture.size
    if wide != high or (wide not in triggers.SIZES and wide < triggers.LARGE):
        raise ValueError(
            f"The trigger's picture {name_of(path)} has {wide}×{high} pixels; give a square one of 1 to {triggers.SMALL[-1]} pixels "
            f"on a side, or of {triggers.LARGE} or more."
        )
    if wide > triggers.LARGE:
        picture = picture.resize((triggers.LARGE, triggers.LARGE), Image.Resampling.BOX)
    return np.asarray(picture, np.float32).transpose(2, 0, 1) / 255  # (rows, columns, colours) -> (3, s, s)
