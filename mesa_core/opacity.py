"""Triggers whose cells have an opacity of their own, as plain numbers. Needs numpy, no torch.

A cell of an opaque trigger is three numbers, its colour; one with an opacity of its own is four, (r, g, b, a), all in [0, 1]. So
such a trigger is an array `(4, s, s)` or a row of 4 s s numbers, and covers an image m as Apply(m, (c, a)) = a c + (1 - a) m, cell
by cell (`mesa_core.apply.per_pixel`). Opacities reach from 0 to 1, without a lower bound: a cell of opacity 0 is one that the
trigger does not have, so that any shape within the square is among what is sampled, and a trigger with too little of anything
left fails for that reason alone. Source: Section 5 of the paper, "an additional channel".

>>> clear = np.stack([*np.ones((3, 1, 1)), np.full((1, 1), 0.25)])
>>> float(seen(clear)[0, 0, 0])
0.625
>>> cells(SAMPLED), cells(0.3), words(SAMPLED), words(1)
(4, 3, 'of an opacity sampled for each pixel', 'opaque')
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mesa_core.triggers import COLOURS, GREY, WITH_OPACITY, filled, from_hex, opaque, pixels_of, to_hex, unflatten

SAMPLED = "sampled"
Opacity = float | str
"""How much of what is beneath it a trigger covers: a share in [0, 1], or SAMPLED: what each of its cells says."""
CHEQUER = (204, 255)  # greys beneath one that is drawn, in 255


def cells(opacity: Opacity) -> int:
    """Numbers of a cell of the triggers that are sampled under this assumption."""
    return WITH_OPACITY if opacity == SAMPLED else COLOURS


def words(opacity: Opacity) -> str:
    """'opaque', 'of opacity 0.3', 'of an opacity sampled for each pixel'."""
    if isinstance(opacity, str):
        return "of an opacity sampled for each pixel"
    return "opaque" if opacity == 1 else f"of opacity {opacity:g}"


def own(triggers: np.ndarray) -> np.ndarray | None:
    """The opacity of each cell of triggers `(..., 3 or 4, s, s)`, `(..., s, s)`; None where they are opaque."""
    return triggers[..., COLOURS, :, :] if triggers.shape[-3] == WITH_OPACITY else None


def seen(triggers: np.ndarray, beneath: float = GREY) -> np.ndarray:
    """Triggers `(..., 3 or 4, s, s)` in [0, 1] as colours `(..., 3, s, s)`: as they look on an image that is all `beneath`.

    Opaque ones stay what they are. Two that look alike on mid-grey may differ in how much of an image they let through.
    """
    share = own(triggers)
    if share is None:
        return triggers
    share = share[..., None, :, :]
    shown: np.ndarray = beneath + share * (triggers[..., :COLOURS, :, :] - beneath)
    return shown


def seen_flat(flat: np.ndarray) -> np.ndarray:
    """The same of rows `(..., d)`, as rows of colours `(..., 3*s*s)`; opaque ones stay what they are."""
    triggers = unflatten(flat)
    if own(triggers) is None:
        return flat
    return seen(triggers).reshape(*flat.shape[:-1], -1)


def seen_bytes(flat: np.ndarray) -> np.ndarray:
    """The same of rows of bytes, uint8 both."""
    if own(unflatten(flat)) is None:
        return flat
    return np.rint(255 * seen_flat(flat / np.float64(255))).astype(np.uint8)


def effect(flat: np.ndarray) -> np.ndarray:
    """Rows `(..., d)` in [0, 1] by what they do to any image: the colour of each cell times its opacity, and the opacity.

    Apply is linear in these, so two triggers do the same to all images where these are equal; the colour of a cell that is not
    there counts for nothing. Opaque ones stay what they are.
    """
    triggers = unflatten(flat)
    share = own(triggers)
    if share is None:
        return flat
    share = share[..., None, :, :]
    done = np.concatenate([share * triggers[..., :COLOURS, :, :], share], -3)
    return done.reshape(flat.shape)


def on_chequer(trigger: np.ndarray, cell: int) -> np.ndarray:
    """A trigger `(3 or 4, s, s)` in [0, 1] as a picture, uint8 `(s*cell, s*cell, 3)`, over a chequer where it lets that through."""
    picture = trigger.transpose(1, 2, 0).repeat(cell, 0).repeat(cell, 1)  # (rows, columns, 3 or 4)
    if own(trigger) is not None:
        half = max(1, cell // 2)
        dark = (np.indices(picture.shape[:2]) // half).sum(0) % 2 == 0
        beneath = np.where(dark, *CHEQUER)[..., None] / 255
        picture = beneath + picture[..., COLOURS:] * (picture[..., :COLOURS] - beneath)
    drawn: np.ndarray = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return drawn


def clear(trigger: np.ndarray) -> np.ndarray:
    """The same trigger; one `(3, s, s)` of which some cells are transparent (not-a-number) as `(4, s, s)`, their opacity being 0."""
    shape = opaque(trigger)
    return trigger if shape.all() else np.concatenate([filled(trigger), shape[None].astype(np.float32)])


def said(trigger: np.ndarray) -> tuple[str, list[float] | None]:
    """A trigger `(3 or 4, s, s)` as text: its hex colours, and the opacity of each cell, row by row; None where it is opaque."""
    share = own(trigger)
    return to_hex(trigger[:COLOURS]), None if share is None else [round(float(v), 4) for v in share.ravel()]


def heard(colours: str, opacities: Sequence[float] | None) -> np.ndarray:
    """The inverse of `said`, float32 `(3 or 4, s, s)`. Raises ValueError where these are no trigger."""
    if opacities is None:
        return from_hex(colours)
    trigger = pixels_of(colours)
    if len(opacities) != trigger[0].size:
        raise ValueError(f"{trigger[0].size} colours have as many opacities, not {len(opacities)}.")
    share = np.asarray(opacities, np.float32).reshape(1, *trigger.shape[1:])
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError("An opacity lies between 0 and 1.")
    return np.concatenate([trigger, share])


def told(triggers: np.ndarray) -> str:
    """One sentence on triggers `(n, 4, s, s)`: how opaque their cells are."""
    share = own(triggers)
    if share is None:
        return "All cells are opaque."
    low, middle, high = np.quantile(share, (0.1, 0.5, 0.9))
    return f"A cell covers {share.mean():.0%} in the mean, most from {low:.0%} to {high:.0%} (median {middle:.0%})."
