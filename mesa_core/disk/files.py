"""Files that are never seen half written: to a temporary name in the same folder, then renamed. Needs no torch."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mesa_core.disk.errors import StoreError, naming
from mesa_core.disk.leftovers import new_file


def write_atomically(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write to a temporary name in the same folder, then rename; `mode` as for chmod, by default its maker's alone.

    Raises Closed, which says what is full or closed, and where; then nothing has changed.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = new_file(path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if mode is not None:
                os.chmod(temporary, mode)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def write_json(path: Path, value: Any) -> None:
    """JSON, indented, atomically. Raises ValueError for NaN, which JSON does not have."""
    write_atomically(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays as a compressed .npz, atomically."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))
    write_atomically(path, buffer.getvalue())


def read_json(path: Path) -> Any:
    """JSON from a file; StoreError in one sentence where it is missing or damaged."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path.name} is missing from {path.parent.name}.") from None
    except (OSError, ValueError):
        raise StoreError(f"{path.name} of {path.parent.name} cannot be read; it may be damaged.") from None
