"""What decides a reference beside the run that it belongs to. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from mesa_core.config import ConfigError


@dataclass(frozen=True)
class Options:
    """What decides a reference beside the run that it belongs to."""

    levels: tuple[float, ...] = (0.5, 0.8, 0.9)
    particles: int = 500
    images: int = 32
    flights: int = 2
    repeats: int = 2
    sample_images: int = 64

    def check(self) -> Options:
        """The same, or ConfigError in one sentence."""
        if not self.levels or any(not 0 < b < 1 for b in self.levels) or list(self.levels) != sorted(set(self.levels)):
            raise ConfigError("levels must rise and lie between 0 and 1, for example 0.5 0.8 0.9.")
        for name, least in (("particles", 20), ("images", 1), ("flights", 1), ("repeats", 1), ("sample_images", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name.replace('_', '-')} must be at least {least}.")
        return self
