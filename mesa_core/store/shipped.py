"""What the product ships: trained weights with their cards, and precomputed runs. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from mesa_core.disk.errors import StoreError
from mesa_core.store.runs import NAME, Run, Store


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


def shipped_paper_sweep() -> Path:
    """The folder of the same by the paper's protocol, as far as it has been run; it need not be there."""
    return assets_dir() / "sweep-paper"


def shipped_lottery() -> Path:
    """What ten reversed points each leave while the budget is varied (see `mesa_core.paper.lottery`)."""
    return assets_dir() / "measured" / "lottery.json"


def shipped_searches() -> Path:
    """The classes of networks that nobody attacked (see `mesa_core.paper.searched`)."""
    return assets_dir() / "measured" / "searches.json"


def shipped_error_rates() -> Path:
    """What scans of networks of known making found and missed (see `mesa_core.measures.error_rates`); it need not be there."""
    return assets_dir() / "measured" / "zoo.json"


def shipped_detections() -> Path:
    """The folder of prepared searches over all classes, each a run directory."""
    return assets_dir() / "detect"


def shipped_references() -> Path:
    """The folder of prepared exact distributions, each under the key of its attack (see `mesa_core.reference.record`)."""
    return assets_dir() / "references"


def named(name: str, folders: Iterable[Path]) -> Run | None:
    """The run of this name in the first of these folders that has one; None where none has."""
    if NAME.fullmatch(name):
        for folder in folders:
            if (folder / name / "config.json").is_file():
                return Run(folder / name)
    return None


def prepared(name: str) -> Run | None:
    """The shipped run of this name, one of a sweep, too; None where there is none."""
    return named(name, (shipped_runs(), shipped_sweep(), shipped_paper_sweep()))


def find_run(store: Store, name: str) -> Run:
    """A run of the store, else the shipped one of this name. StoreError where there is neither."""
    try:
        return store.open(name)
    except StoreError:
        if shipped := prepared(name):
            return shipped
        raise


def find_networks(store: Store, name: str) -> Run:
    """A run of the store, of whose networks something is to be asked. StoreError where there is none, or it is shipped."""
    try:
        return store.open(name)
    except StoreError:
        if prepared(name) is None:
            raise
        raise StoreError(
            f"{name} is a prepared run, and its networks are not shipped; run the same here first, with the Lab's “Run it here”."
        ) from None
