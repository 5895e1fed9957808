"""Whether attacker's and defender's places lie on the images, which only those can tell. Needs no torch."""

from __future__ import annotations

from mesa_core.apply import plan
from mesa_core.apply.places import Box
from mesa_core.config.experiment import ExperimentConfig
from mesa_core.config.params import ConfigError


def fits(config: ExperimentConfig, image_size: tuple[int, ...]) -> None:
    """Raises ConfigError where a place lies beyond images of (height, width)."""
    try:
        if config.apply == "fixed":
            Box.at(config.place, image_size, config.size)
        if config.search_places != plan.ATTACKED:
            plan.parts(config.search_places, image_size, config.size)
    except ValueError as error:
        raise ConfigError(str(error)) from None
