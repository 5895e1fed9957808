"""Every parameter of an experiment and what is asked with them; the names that others use are given here."""

from mesa_core.config.experiment import ExperimentConfig, defaults, make_config, params
from mesa_core.config.params import SHIPPED, SILENT, Auto, ConfigError, Param
from mesa_core.config.presets import (
    BUDGETS,
    DATA_PRESETS,
    MEASURES,
    PAPER_SILENCES,
    PROTOCOLS,
    PURPOSES,
    VICTIM_PRESETS,
    scan_usual,
)

__all__ = [
    "BUDGETS",
    "DATA_PRESETS",
    "MEASURES",
    "PAPER_SILENCES",
    "PROTOCOLS",
    "PURPOSES",
    "SHIPPED",
    "SILENT",
    "VICTIM_PRESETS",
    "Auto",
    "ConfigError",
    "ExperimentConfig",
    "Param",
    "defaults",
    "make_config",
    "params",
    "scan_usual",
]
