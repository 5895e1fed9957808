"""The shelf of shipped recordings: one file each, and an index that says what each is of. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mesa_core import triggers
from mesa_core.disk.errors import StoreError
from mesa_core.disk.files import read_json, write_atomically
from mesa_core.stage.blocks import unpack
from mesa_core.stage.recording import restored, squeezed
from mesa_core.store import NAME
from mesa_core.store.shipped import assets_dir

INDEX = "index.json"
TOLD = ("id", "data", "victim", "trigger", "target", "kind", "alpha", "seed", "protocol")


def shelf() -> Path:
    """The folder of the shipped recordings."""
    return assets_dir() / "stage"


def index(folder: Path | None = None) -> list[dict[str, Any]]:
    """What is on the shelf: TOLD, `orbit` of the trigger, and the ASR of the original `before` and `after`.

    [] where there is no shelf. Raises StoreError where its index is damaged.
    """
    path = (folder or shelf()) / INDEX
    if not path.exists():
        return []
    found = read_json(path)
    if not isinstance(found, list) or not all(isinstance(e, dict) and NAME.fullmatch(str(e.get("id"))) for e in found):
        raise StoreError(f"{INDEX} is not a list of recordings.")
    return found


def take(name: str, folder: Path | None = None) -> bytes:
    """A recording's block. Raises StoreError where there is none of this name, or it is damaged."""
    if not NAME.fullmatch(name):
        raise StoreError("That is not the name of a recording.")
    try:
        return restored(((folder or shelf()) / f"{name}.bin").read_bytes())
    except OSError:
        raise StoreError(f"There is no recording {name!r}.") from None


def put(block: bytes, folder: Path | None = None) -> dict[str, Any]:
    """Put a recording on the shelf and into the index; one of the same run is replaced. Returns its entry.

    Raises StoreError where it is too large to be shipped.
    """
    folder = folder or shelf()
    entry = entry_of(unpack(block)[0])
    write_atomically(folder / f"{entry['id']}.bin", squeezed(block))
    kept = [*(e for e in index(folder) if e["id"] != entry["id"]), entry]
    lines = [
        json.dumps(e, separators=(",", ":")) for e in sorted(kept, key=lambda e: (e["orbit"], e["alpha"], e["id"]))
    ]
    write_atomically(folder / INDEX, ("[\n" + ",\n".join(lines) + "\n]\n").encode())
    for path in (folder / INDEX, folder / f"{entry['id']}.bin"):
        path.chmod(0o644)
    return entry


def entry_of(header: Mapping[str, Any]) -> dict[str, Any]:
    """What the index says of a recording, from its header."""
    code = triggers.code_of(triggers.from_hex(header["trigger"]))
    asr = {name: (header["figures"].get(key) or {}).get("asr_original") for name, key in (("before", "before"), ("after", "mesa"))}  # fmt: skip
    orbit = None if code is None or header["side"] != triggers.SIZE else triggers.orbits()[triggers.orbit_of(code)][0]
    return {**{k: header[k] for k in TOLD}, "orbit": -1 if orbit is None else int(orbit), **asr}
