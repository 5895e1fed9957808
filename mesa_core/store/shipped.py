"""What the product ships: trained weights with their cards, and precomputed runs. Needs no torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def assets_dir() -> Path:
    """The folder `assets`, beside the packages in a checkout, or inside an installed distribution."""
    beside = Path(__file__).resolve().parents[2] / "assets"
    if beside.is_dir():
        return beside
    found = find_spec("mesa_lab_assets")
    return Path(found.origin).parent if found is not None and found.origin else beside


def shipped_weights(data: str, victim: str) -> Path | None:
    """The shipped weights of a clean victim, or None."""
    path = assets_dir() / "weights" / f"{data}-{victim}.safetensors"
    return path if path.is_file() else None


def shipped_runs() -> Path:
    """The folder of precomputed runs, each a run directory."""
    return assets_dir() / "runs"


def shipped_sweep() -> Path:
    """The folder of the sweep over the 51 kinds of trigger: compact run directories and their manifest."""
    return assets_dir() / "sweep"


def shipped_detections() -> Path:
    """The folder of prepared searches over all classes, each a run directory."""
    return assets_dir() / "detect"


def shipped_references() -> Path:
    """The folder of prepared exact distributions, each under the key of its attack (see `mesa_core.reference.record`)."""
    return assets_dir() / "references"
