"""A declared list of opacities that a defender assumes of triggers, one after another, such as opaque, then transparent.

It is written with commas between (`1,sampled` or `1,0.3`), or as `plan`, which means PLAN: opaque triggers first, which are found
with the fewest looks, and where no class looks attacked, triggers whose opacities are sampled pixel by pixel. Needs no torch.

>>> spelt("1.0, sampled"), spelt("plan"), listed("1,0.3", "sampled"), listed("", 0.5)
('1,sampled', '1,sampled', (1.0, 0.3), (0.5,))
"""

from __future__ import annotations

from mesa_core.opacity import SAMPLED, Opacity

PLAN: tuple[Opacity, ...] = (1.0, SAMPLED)
LEAST, MOST = 0.05, 1.0  # of an opacity that is the same for all pixels
MANY = 6


def spelt(text: str) -> str:
    """The one way of writing it: in the order given, each once; '' stays. Raises ValueError, in one sentence."""
    if text.strip().lower() == "plan":
        return ",".join(_word(opacity) for opacity in PLAN)
    found = [_read(word, text) for word in text.lower().replace(",", " ").split()]
    if len(set(found)) != len(found) or len(found) > MANY:
        raise ValueError(f"{text!r} names an opacity twice, or more than {MANY}.")
    return ",".join(_word(opacity) for opacity in found)


def listed(text: str, own: Opacity) -> tuple[Opacity, ...]:
    """The opacities in their order; the `own` one where none is said. Raises ValueError as `spelt` does."""
    return tuple(_read(word, text) for word in spelt(text).split(",")) if spelt(text) else (own,)


def _read(word: str, text: str) -> Opacity:
    if word == SAMPLED:
        return SAMPLED
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not LEAST <= value <= MOST:
        raise ValueError(
            f"{text!r} names no opacities to search; write plan, or numbers from {LEAST:g} to {MOST:g} and {SAMPLED} with commas "
            "between, such as 1,sampled."
        )
    return value


def _word(opacity: Opacity) -> str:
    return opacity if isinstance(opacity, str) else f"{opacity:g}"
