"""Files that are never seen half written: to a temporary name in the same folder, then renamed. Needs no torch."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


class StoreError(ValueError):
    """Something about a run's files; the message says what, in one sentence."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write to a temporary name in the same folder, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
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
