"""How often a scan like this one finds what there is, from the figures that the product ships. Needs no torch."""

from __future__ import annotations

from functools import lru_cache

from mesa_core.config import ExperimentConfig
from mesa_core.measures.error_rates import ErrorRates, read
from mesa_core.store.shipped import shipped_error_rates


@lru_cache(maxsize=1)
def shipped() -> ErrorRates | None:
    """What was measured; None where the file is missing or damaged."""
    return read(shipped_error_rates())


def worth(config: ExperimentConfig) -> str:
    """What 'nothing found' is worth after a scan by these settings, in one sentence.

    '' unless it looks for opaque triggers of the places and sizes by which that was measured.
    """
    rates = shipped()
    opaque = config.search_opacity == 1.0 and not config.search_opacities
    # A configuration has its sizes spelt out.
    sizes = list(map(int, config.search_sizes.split(","))) if config.search_sizes else [config.size]
    same = rates is not None and rates.holds_for(config.search_places, sizes)
    return rates.words if rates is not None and same and opaque else ""
