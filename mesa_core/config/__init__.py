"""Every parameter of an experiment and what is asked with them; the names that others use are given here."""

from mesa_core.config.experiment import (
    DATA_PRESETS,
    MEASURES,
    PAPER_SILENCES,
    PROTOCOLS,
    SHIPPED,
    SILENT,
    VICTIM_PRESETS,
    Auto,
    ConfigError,
    ExperimentConfig,
    Param,
    defaults,
    make_config,
    params,
)

__all__ = [
    "DATA_PRESETS",
    "MEASURES",
    "PAPER_SILENCES",
    "PROTOCOLS",
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
]
