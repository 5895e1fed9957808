"""What a run asks, apart from where and how: by it two runs are told to be of the same question. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mesa_core.config.experiment import ExperimentConfig
from mesa_core.config.params import SHIPPED

PATHS = ("data_dir", "weights", "suspect", "classes")
# Where and how to compute, and how hard to look for the worst of 512; no part of the question.
HOW = ("device", "precision", "memory", "threads", "data_dir", "worst_images")
MORE = (
    "baselines",
    "point_seeds",
    "repair_each_beta",
    "place_images",
)  # beside MESA's figures, of which they change none


def identity_of(config: ExperimentConfig) -> dict[str, Any]:
    """What decides the figures of a run: two runs that differ in nothing of this ask the same question.

    Files are told by their names, since their folders mean nothing on another machine; a network that was brought is
    told by its bytes.
    """
    asked = {name: value for name, value in config.to_dict().items() if name not in HOW}
    if config.suspect in ("", SHIPPED):
        asked.pop("suspect_digest", None)
    elif config.suspect_digest:
        asked["suspect"] = ""
    if config.suspect and config.search_sizes:
        asked["trigger"] = ""  # of what size it is the search finds out
    if config.search_opacities:
        asked.pop("search_opacity", None)  # of what opacity it is the search finds out
    return {name: Path(value).name if name in PATHS else value for name, value in asked.items()}
