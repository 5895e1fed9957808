"""Whether attacker's and defender's places lie on the images, which only those can tell. Needs no torch."""

from __future__ import annotations

from mesa_core import opacity
from mesa_core.apply import SECRET, opacities, plan, sizes
from mesa_core.apply.places import Box
from mesa_core.config.experiment import ExperimentConfig
from mesa_core.config.params import ConfigError
from mesa_core.words import series


def covers(config: ExperimentConfig) -> str:
    """What a search by these settings looks for, in words: '3×3 triggers, opaque, at random places'.

    Of a search over sizes or opacities all that are listed; which of them were needed the verdict says.
    """
    assumed = opacities.listed(config.search_opacities, config.search_opacity)
    how = ", then ".join(opacity.words(one) for one in assumed)
    if config.search_places == plan.ATTACKED:
        where = "at the attacker's own place, as it was told"
    elif config.search_places == plan.ANYWHERE:
        where = "at random places" if config.apply in SECRET else f"by the rule {config.apply}"
    elif plan.several(config.search_places):
        named = config.search_places.replace(plan.ANYWHERE, "random places").replace(
            "grid", "coarse grids over all places"
        )
        named = named.replace(plan.TILES, "fixed places in tiles over the whole image")
        where = f"at {named.replace(',', ', ')}"
    else:
        where = f"at the place {config.search_places}"
    sides = [f"{side}×{side}" for side in sizes.listed(config.search_sizes, config.size)]
    return f"{series(sides)} triggers, {how}, {where}"


def fits(config: ExperimentConfig, image_size: tuple[int, ...]) -> None:
    """Raises ConfigError where a place lies beyond images of (height, width)."""
    try:
        if config.apply == "fixed":
            Box.at(config.place, image_size, config.size)
        for size in sizes.listed(config.search_sizes, config.size):
            if size > min(image_size):
                raise ConfigError(f"Triggers of {size} pixels do not fit on images of {image_size[0]}×{image_size[1]}.")
            if config.search_places != plan.ATTACKED:
                plan.parts(config.search_places, image_size, size)
    except ValueError as error:
        raise ConfigError(str(error)) from None
